/**
 * Loss recovery: entering and leaving fast recovery (RFC 6582, RFC 6675) and recovery after a timeout (RFC 6298 §5).
 *
 * In: duplicate and new acknowledgements, timeouts. Out: congestion state and flags that `output` acts on.
 * May import: storage.
 */
import { Ranges, rangeStart } from '../../storage/reassembler';
import { congestionAcknowledged, congestionLoss } from './congestion/index';
import {
  Connection,
  has,
  RECOVERY_FAST,
  RECOVERY_NONE,
  RECOVERY_TIMEOUT,
  RESCUED,
  RETRANSMIT,
  SACK,
} from './connection';
import { timestampClock } from './initial-sequence';
import { firstIsLost, scoreboardClear } from './scoreboard';
import { after, before } from './sequence';

/** RFC 5681 §3.2. */
const DUPLICATE_THRESHOLD: u32 = 3;

/** A duplicate acknowledgement has come (with SACK: one that tells something new). */
export function duplicateAcknowledged(c: Connection): void {
  if (c.duplicateAcks < 255) c.duplicateAcks++;
  const selective = has(c, SACK);
  if (c.recovery == RECOVERY_FAST) {
    if (!selective) c.congestionWindow += c.mss;
    return;
  }
  if (c.recovery != RECOVERY_NONE) return;
  if (selective) {
    if (<u32>c.duplicateAcks < DUPLICATE_THRESHOLD && !firstIsLost(c)) return;
  } else if (<u32>c.duplicateAcks != DUPLICATE_THRESHOLD || !after(c.sendUnacknowledged, c.recoveryPoint))
    return;
  // The window rather than the flight (RFC 9438 §4.6 allows it): acknowledgements of a whole burst come together here,
  // and what they allow to be sent has not been sent yet.
  congestionLoss(c, c.congestionWindow);
  c.recovery = RECOVERY_FAST;
  c.recoveryPoint = c.sendNext;
  c.retransmitted = c.sendUnacknowledged;
  c.flags = (c.flags | RETRANSMIT) & ~RESCUED;
  c.congestionWindow = c.slowStartThreshold + (selective ? 0 : DUPLICATE_THRESHOLD * c.mss);
}

/** `bytes` were newly acknowledged (`sendUnacknowledged` has moved), `flightBytes` in flight before. */
export function newlyAcknowledged(c: Connection, bytes: u32, flightBytes: u32): void {
  c.duplicateAcks = 0;
  if (c.recovery == RECOVERY_NONE) {
    congestionAcknowledged(c, bytes, flightBytes);
    return;
  }
  if (!before(c.sendUnacknowledged, c.recoveryPoint)) {
    // RFC 6582 §3.2 step 3, full acknowledgement, option 1: no burst.
    if (c.recovery == RECOVERY_FAST && !has(c, SACK))
      c.congestionWindow = min(c.slowStartThreshold, max(c.sendNext - c.sendUnacknowledged, c.mss) + c.mss);
    else if (c.recovery == RECOVERY_TIMEOUT) congestionAcknowledged(c, bytes, flightBytes);
    c.recovery = RECOVERY_NONE;
    c.flags &= ~RETRANSMIT;
    return;
  }
  if (c.recovery == RECOVERY_TIMEOUT) congestionAcknowledged(c, bytes, flightBytes);
  else if (!has(c, SACK)) {
    // Partial acknowledgement: the next hole is lost too; deflate by what left the network.
    c.flags |= RETRANSMIT;
    c.congestionWindow -= min(bytes, c.congestionWindow - c.mss);
    if (bytes >= c.mss) c.congestionWindow += c.mss;
  }
}

/** Takes everything in flight as lost, to be sent again from its beginning, without touching the windows. */
export function takeAllAsLost(c: Connection): void {
  c.recovery = RECOVERY_TIMEOUT;
  c.recoveryPoint = c.sendNext;
  c.retransmitted = c.sendUnacknowledged;
  c.flags &= ~RETRANSMIT;
  c.duplicateAcks = 0;
}

/** The retransmission timer has expired (RFC 6298 §5.4 to 5.6, RFC 5681 §3.1). */
export function timedOut(c: Connection): void {
  if (c.scoreboard != 0) {
    const ranges = changetype<Ranges>(c.scoreboard);
    // The peer has dropped what it had acknowledged selectively, or the first byte would be acknowledged.
    if (ranges.count > 0 && rangeStart(ranges, 0) == c.sendUnacknowledged) scoreboardClear(c);
  }
  // A second timeout of the same flight does not reduce the threshold again.
  if (c.backoff == 0) congestionLoss(c, min(c.congestionWindow, c.sendNext - c.sendUnacknowledged));
  takeAllAsLost(c);
  c.timeoutStamp = timestampClock() + c.timestampOffset;
  c.congestionWindow = c.mss;
}
