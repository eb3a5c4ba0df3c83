/**
 * The acknowledgment field and the window of an arriving segment (RFC 9293 §3.10.7.4 step 5, RFC 5961 §5).
 *
 * In: the current segment of a synchronised connection. Out: freed send buffer, window, round trip, recovery.
 * May import: platform, storage, time, wire.
 */
import { SOCKET_EVENT_WRITABLE } from '../../platform/index';
import { ringConsume } from '../../storage/ring';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { FIN } from '../../wire/tcp';
import { optionSackCount, optionTimestampEcho, optionTimestamps } from '../../wire/tcp-options';
import { closeNow, enterTimeWait } from './closing';
import { FIN_WAIT_2_NS, sendMaximumBytes } from './configuration';
import {
  Connection,
  has,
  PERSIST,
  RECOVERY_NONE,
  RELEASED,
  SACK,
  sendRing,
  TIMESTAMPS,
  TIMING,
  WANT_WRITE,
} from './connection';
import { raise } from './events';
import { timestampClock } from './initial-sequence';
import { ringEmptied } from './peers';
import { duplicateAcknowledged, newlyAcknowledged, takeAllAsLost } from './recovery';
import { retransmitDeadline, rttSample } from './rtt';
import { markDirty, schedule } from './schedule';
import { isSacked, scoreboardTrim, scoreboardUpdate } from './scoreboard';
import { segmentAck, segmentBits, segmentBytes, segmentSequence, segmentWindow } from './segment';
import { after, before } from './sequence';
import { CLOSING, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK } from './state';

/** `acknowledgedBytes` stops here: the largest window (RFC 7323 §2.3). */
const ACKNOWLEDGED_COUNTED_BYTES: u32 = 1 << 30;

/** Room that the application's sends may take up now. */
export function sendRoom(c: Connection): u32 {
  const length = sendRing(c).length;
  return c.sendLimit > length ? c.sendLimit - length : 0;
}

function updateWindow(c: Connection): void {
  if (
    !before(c.windowSequence, segmentSequence) &&
    (c.windowSequence != segmentSequence || after(c.windowAcknowledgment, segmentAck))
  )
    return;
  c.sendWindow = segmentWindow << c.sendShift;
  c.windowSequence = segmentSequence;
  c.windowAcknowledgment = segmentAck;
  if (c.sendWindow > c.sendWindowLargest) c.sendWindowLargest = c.sendWindow;
}

function sampleTimed(c: Connection): void {
  c.flags &= ~TIMING;
  rttSample(c, <u32>min((nowNs - c.timedNs) / 1000, 1 << 30));
}

/**
 * The round trip of an acknowledgement that moves: one timed segment a round trip, else the echoed timestamp. With a
 * hole before it the timed segment would measure the repair, so only SACK may answer for it then. False: the answer is
 * ambiguous (Karn), the back-off stays until one is not (RFC 6298 §5).
 */
function sampleRoundTrip(c: Connection): bool {
  if (has(c, TIMING) && !before(segmentAck, c.timedSequence)) {
    if (c.recovery == RECOVERY_NONE && c.duplicateAcks == 0) {
      sampleTimed(c);
      return true;
    }
    c.flags &= ~TIMING;
  }
  if (has(c, TIMING) && c.backoff == 0) return true;
  if (!has(c, TIMESTAMPS) || !optionTimestamps) return false;
  if (c.backoff > 0 && before(optionTimestampEcho, c.timeoutStamp)) return false;
  const elapsedMs = timestampClock() + c.timestampOffset - optionTimestampEcho;
  if (elapsedMs < 1 << 20) rttSample(c, max(elapsedMs, 1) * 1000);
  return true;
}

function tellRoom(c: Connection): void {
  c.sendLimit = min(sendMaximumBytes, max(c.sendLimit, c.congestionWindow << 1));
  if (!has(c, WANT_WRITE) || sendRoom(c) < c.sendLimit >> 1) return;
  c.flags &= ~WANT_WRITE;
  raise(c, SOCKET_EVENT_WRITABLE);
}

/** Our FIN is acknowledged; false: the connection is gone. */
function finAcknowledged(c: Connection): bool {
  if (c.state == FIN_WAIT_1) {
    c.state = FIN_WAIT_2;
    if (has(c, RELEASED)) {
      c.stateNs = nowNs + FIN_WAIT_2_NS;
      schedule(c);
    }
  } else if (c.state == CLOSING) enterTimeWait(c);
  else if (c.state == LAST_ACK) {
    closeNow(c, 0);
    return false;
  }
  return true;
}

function moveUnacknowledged(c: Connection): bool {
  const acknowledged = segmentAck - c.sendUnacknowledged;
  const flight = c.sendNext - c.sendUnacknowledged;
  const ring = sendRing(c);
  const fin = acknowledged > ring.length;
  if (ring.length > 0) {
    ringConsume(ring, min(acknowledged, ring.length), true);
    if (ring.length == 0) ringEmptied(c, ring);
  }
  c.sendUnacknowledged = segmentAck;
  c.acknowledgedBytes = min(c.acknowledgedBytes + acknowledged, ACKNOWLEDGED_COUNTED_BYTES);
  scoreboardTrim(c);
  if (sampleRoundTrip(c)) c.backoff = 0;
  c.retries = 0;
  c.softError = 0;
  newlyAcknowledged(c, acknowledged, flight);
  c.retransmitNs = c.sendNext == c.sendUnacknowledged ? NEVER_NS : retransmitDeadline(c);
  tellRoom(c);
  return fin ? finAcknowledged(c) : true;
}

/** Takes over a checked acknowledgement; an old one says nothing. False: the connection is gone. */
export function acknowledge(c: Connection): bool {
  const unacknowledged = c.sendUnacknowledged;
  if (before(segmentAck, unacknowledged)) return true;
  const news = optionSackCount > 0 && has(c, SACK) && scoreboardUpdate(c);
  if (news && has(c, TIMING) && isSacked(c, c.timedSequence - 1)) sampleTimed(c);
  const windowBefore = c.sendWindow;
  updateWindow(c);
  if (segmentAck != unacknowledged) {
    if (!moveUnacknowledged(c)) return false;
  } else {
    if (has(c, PERSIST)) c.retries = 0;
    if (c.sendNext != unacknowledged) {
      const duplicate = has(c, SACK)
        ? news
        : segmentBytes == 0 && (segmentBits & FIN) == 0 && c.sendWindow == windowBefore && !has(c, PERSIST);
      if (duplicate) duplicateAcknowledged(c);
    }
  }
  if (has(c, PERSIST) && c.sendWindow > 0 && windowBefore == 0) {
    // The window has opened: what probes carried goes out again at once.
    c.backoff = 0;
    c.flags &= ~PERSIST;
    c.retransmitNs = NEVER_NS;
    if (c.sendNext != c.sendUnacknowledged) takeAllAsLost(c);
  }
  markDirty(c);
  return true;
}
