/**
 * Loss recovery: entering and leaving fast recovery (RFC 6582, RFC 8985) and recovery after a timeout (RFC 6298 §5,
 * RFC 5682).
 *
 * In: acknowledgements, timeouts, what counts as lost. Out: congestion state and flags that `output` acts on.
 * May import: time.
 */
import { NEVER_NS } from '../../../time/timers';
import { congestionAcknowledged, congestionLoss } from '../congestion/index';
import {
  Connection,
  has,
  RECOVERY_FAST,
  RECOVERY_NONE,
  RECOVERY_TIMEOUT,
  RETRANSMIT,
  SACK,
  TAIL_AGAIN,
  TAIL_PROBED,
} from '../connection';
import { after, before } from '../sequence';
import { deliveredAgain, deliveredOriginal, firstIsSacked, flightAllLost } from './flight';
import { proportionalStart } from './proportional';
import { rackRecovered } from './rack';
import { undo, undoForget, undoSave } from './undo';

/** RFC 5681 §3.2. */
const DUPLICATE_THRESHOLD: u32 = 3;

/** Something in flight is lost: reduces the windows and begins to mend (RFC 5681 §3.2). */
export function enterFastRecovery(c: Connection): void {
  undoSave(c);
  // The window rather than the flight (RFC 9438 §4.6 allows it): acknowledgements of a whole burst come together here,
  // and what they allow to be sent has not been sent yet.
  congestionLoss(c, c.congestionWindow);
  c.recovery = RECOVERY_FAST;
  c.recoveryPoint = c.sendNext;
  c.flags &= ~(TAIL_PROBED | TAIL_AGAIN);
  c.probeNs = NEVER_NS;
  if (has(c, SACK)) proportionalStart(c, c.undoWindow);
  else {
    c.flags |= RETRANSMIT;
    c.congestionWindow = c.slowStartThreshold + DUPLICATE_THRESHOLD * c.mss;
  }
}

/** A duplicate acknowledgement of a peer without SACK. */
export function duplicateAcknowledged(c: Connection): void {
  if (c.duplicateAcks < 255) c.duplicateAcks++;
  if (c.recovery == RECOVERY_FAST) {
    c.congestionWindow += c.mss;
    return;
  }
  if (c.recovery != RECOVERY_NONE) return;
  if (<u32>c.duplicateAcks != DUPLICATE_THRESHOLD || !after(c.sendUnacknowledged, c.recoveryPoint)) return;
  enterFastRecovery(c);
}

/** Everything up to the recovery point is acknowledged (RFC 6582 §3.2 step 3). */
function leave(c: Connection, bytes: u32, flightBytes: u32): void {
  if (c.recovery == RECOVERY_TIMEOUT) congestionAcknowledged(c, bytes, flightBytes);
  else if (has(c, SACK)) c.congestionWindow = c.slowStartThreshold;
  // Full acknowledgement, option 1: no burst.
  else c.congestionWindow = min(c.slowStartThreshold, max(c.sendNext - c.sendUnacknowledged, c.mss) + c.mss);
  c.recovery = RECOVERY_NONE;
  c.forwardRto = 0;
  c.flags &= ~RETRANSMIT;
  rackRecovered(c);
}

/** `bytes` were newly acknowledged (`sendUnacknowledged` has moved), `flightBytes` in flight before. */
export function newlyAcknowledged(c: Connection, bytes: u32, flightBytes: u32): void {
  c.duplicateAcks = 0;
  if (c.recovery == RECOVERY_NONE) {
    // What was sent again is long past: no proof can come any more.
    if (!before(c.sendUnacknowledged, c.recoveryPoint + c.congestionWindow)) undoForget(c);
    congestionAcknowledged(c, bytes, flightBytes);
    return;
  }
  if (!before(c.sendUnacknowledged, c.recoveryPoint)) {
    leave(c, bytes, flightBytes);
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

/**
 * F-RTO (RFC 5682 §2.1, §3.1) on the current acknowledgement after a timeout. `moved`: the acknowledgment has advanced,
 * `news`: something was reported or it is a duplicate. `unsent`: there is new data to send.
 */
export function forwardAcknowledged(c: Connection, moved: bool, news: bool, unsent: bool): void {
  if (c.forwardRto == 0 || c.recovery != RECOVERY_TIMEOUT) return;
  // Without SACK the acknowledgement may cover what had arrived ahead of the one that was sent again.
  if (deliveredOriginal && (has(c, SACK) || !deliveredAgain)) {
    undo(c);
    return;
  }
  if (c.forwardRto == 1 && moved && unsent) {
    // Step 2b: new data tells whether what was in flight arrives.
    c.forwardRto = 2;
    c.recoveryPoint = c.sendNext;
  } else if (moved || news) c.forwardRto = 0;
}

/** Takes everything in flight as lost, to be sent again from its beginning, without touching the windows. */
export function takeAllAsLost(c: Connection): void {
  c.recovery = RECOVERY_TIMEOUT;
  c.recoveryPoint = c.sendNext;
  c.flags &= ~(RETRANSMIT | TAIL_PROBED | TAIL_AGAIN);
  c.forwardRto = 0;
  c.duplicateAcks = 0;
  // The peer has dropped what it had reported, or the first byte would be acknowledged.
  flightAllLost(c, firstIsSacked(c));
}

/** The retransmission timer has expired (RFC 6298 §5.4 to 5.6, RFC 5681 §3.1). */
export function timedOut(c: Connection): void {
  // One flight reduces the threshold once, however often its timer expires.
  const first = c.recovery == RECOVERY_NONE;
  if (first) {
    undoSave(c);
    congestionLoss(c, min(c.congestionWindow, c.sendNext - c.sendUnacknowledged));
  }
  takeAllAsLost(c);
  if (first) c.forwardRto = 1;
  c.congestionWindow = c.mss;
}
