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
import { optionTimestampEcho, optionTimestamps } from '../../wire/tcp-options';
import { closeNow, enterTimeWait } from './closing';
import { buffersMayGrow, FIN_WAIT_2_NS, sendMaximumBytes } from './configuration';
import { congestionSample } from './congestion/index';
import {
  ADVANCED,
  Connection,
  has,
  PERSIST,
  RELEASED,
  SACK,
  sendRing,
  TIMESTAMPS,
  WANT_WRITE,
} from './connection';
import { raise } from './events';
import { timestampClock } from './initial-sequence';
import {
  deliveredAgain,
  deliveredBytes,
  deliveredOnceNs,
  deliveredReset,
  flightAcknowledged,
} from './loss/flight';
import { rackDelivered, rackDuplicate } from './loss/rack';
import {
  duplicateAcknowledged,
  forwardAcknowledged,
  newlyAcknowledged,
  takeAllAsLost,
} from './loss/recovery';
import { duplicateReported, takeSelective } from './loss/selective';
import { tailLossAcknowledged, tailLossArm } from './loss/tail-loss';
import { answersFirstSending, undo, undoDuplicate } from './loss/undo';
import { ringEmptied } from './peers';
import { retransmitDeadline, rttSample } from './rtt';
import { markDirty, schedule } from './schedule';
import { segmentAck, segmentBits, segmentBytes, segmentSequence, segmentWindow } from './segment';
import { after, before } from './sequence';
import { CLOSING, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK } from './state';

/** `acknowledgedBytes` stops here: the largest window (RFC 7323 §2.3). */
const ACKNOWLEDGED_COUNTED_BYTES: u32 = 1 << 30;

/** So much room is worth an event even where the buffer holds much more. */
const ROOM_WORTH_BYTES: u32 = 262_144;

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

/**
 * The round trip, once a round trip: from what was sent only once, else by the echoed timestamp. False: the answer is
 * ambiguous (Karn), the back-off stays until one is not (RFC 6298 §5).
 */
function sampleRoundTrip(c: Connection): bool {
  if (deliveredOnceNs != 0 && !deliveredAgain) {
    if (c.backoff == 0 && before(segmentAck, c.sampleEnd)) return true;
    c.sampleEnd = c.sendNext;
    rttSample(c, <u32>min((nowNs - deliveredOnceNs) / 1000, 1 << 30));
    return true;
  }
  if (!has(c, TIMESTAMPS) || !optionTimestamps) return false;
  const elapsedMs = timestampClock() + c.timestampOffset - optionTimestampEcho;
  if (elapsedMs < 1 << 20) rttSample(c, max(elapsedMs, 1) * 1000);
  return true;
}

function tellRoom(c: Connection): void {
  const wanted = min(sendMaximumBytes, c.congestionWindow * 3);
  if (wanted > c.sendLimit && buffersMayGrow(wanted)) c.sendLimit = wanted;
  if (!has(c, WANT_WRITE) || sendRoom(c) < min(c.sendLimit >> 1, ROOM_WORTH_BYTES)) return;
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

/** Whether data waits that was never sent. */
function hasUnsent(c: Connection): bool {
  return after(c.sendUnacknowledged + sendRing(c).length, c.sendNext);
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
  flightAcknowledged(c);
  c.flags |= ADVANCED;
  if (sampleRoundTrip(c)) c.backoff = 0;
  c.retries = 0;
  c.softError = 0;
  if (answersFirstSending(c)) undo(c);
  else forwardAcknowledged(c, true, true, hasUnsent(c));
  newlyAcknowledged(c, acknowledged, flight);
  c.retransmitNs = c.sendNext == c.sendUnacknowledged ? NEVER_NS : retransmitDeadline(c);
  tellRoom(c);
  return fin ? finAcknowledged(c) : true;
}

/** What the acknowledgement says about losses, once the flight knows of it. */
function takeDelivered(c: Connection, moved: bool, news: bool): void {
  c.delivered += deliveredBytes;
  if (deliveredOnceNs != 0) {
    const sampleUs = <u32>max<u64>(min((nowNs - deliveredOnceNs) / 1000, 1 << 30), 1);
    c.leastRttUs = min(c.leastRttUs, sampleUs);
    congestionSample(c, sampleUs);
  }
  rackDelivered(c);
  if (has(c, SACK) && duplicateReported) {
    rackDuplicate(c);
    if (undoDuplicate(c)) undo(c);
  }
  tailLossAcknowledged(c, moved, news);
  if (!moved) forwardAcknowledged(c, false, news, hasUnsent(c));
  if (moved || news) tailLossArm(c);
}

/** Takes over a checked acknowledgement; an old one says nothing. False: the connection is gone. */
export function acknowledge(c: Connection): bool {
  const unacknowledged = c.sendUnacknowledged;
  if (before(segmentAck, unacknowledged)) return true;
  deliveredReset();
  const news = has(c, SACK) && takeSelective(c);
  const windowBefore = c.sendWindow;
  updateWindow(c);
  const moved = segmentAck != unacknowledged;
  let duplicate = false;
  if (moved) {
    if (!moveUnacknowledged(c)) return false;
  } else {
    if (has(c, PERSIST)) c.retries = 0;
    duplicate =
      c.sendNext != unacknowledged &&
      !has(c, SACK | PERSIST) &&
      segmentBytes == 0 &&
      (segmentBits & FIN) == 0 &&
      c.sendWindow == windowBefore;
    if (duplicate) duplicateAcknowledged(c);
  }
  takeDelivered(c, moved, news || duplicate);
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
