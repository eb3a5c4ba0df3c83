/**
 * What to send and when: SYN, lost ranges, new data within both windows, FIN, acknowledgements (RFC 9293 §3.8,
 * RFC 6675 §5, Nagle and silly-window avoidance of RFC 1122 §4.2.3.4).
 *
 * In: a connection. Out: segments. May import: iface, storage, time.
 */
import { SEND_DEVICE_FULL, sentPayloadBytes } from '../../iface/ipv4-output';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { ACK, FIN, PSH, SYN } from '../../wire/tcp';
import { congestionIdle } from './congestion/index';
import { pacingRoom, pacingSent } from './congestion/pacing';
import {
  ACK_NOW,
  ADVANCED,
  Connection,
  FIN_QUEUED,
  has,
  NO_DELAY,
  PACED,
  PERSIST,
  RECOVERY_FAST,
  RECOVERY_NONE,
  RETRANSMIT,
  SACK,
  SYN_DUE,
  sendRing,
  TAIL_DUE,
  TIMING,
  WINDOW_LIMITED,
} from './connection';
import { payloadLimit, sendAck, sendSegment } from './emit';
import { flightSent, flightSentAgain, lostEnd, lostStart, nextLost, pipeBytes } from './loss/flight';
import { proportionalSent, proportionalWindow } from './loss/proportional';
import { rackDetect } from './loss/rack';
import { enterFastRecovery } from './loss/recovery';
import { tailLossArm, tailLossProbed } from './loss/tail-loss';
import { undoSentAgain } from './loss/undo';
import { retransmitDeadline } from './rtt';
import { markDirty, schedule, takeDirty, untakeDirty } from './schedule';
import { after, before } from './sequence';
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT_1, LAST_ACK, SYN_RECEIVED, SYN_SENT, sendsData } from './state';

/** Sends a SYN or SYN-ACK, for the first time or again. */
function sendSyn(c: Connection): bool {
  const bits = c.state == SYN_RECEIVED ? SYN | ACK : SYN;
  if (sendSegment(c, bits, c.initialSend, 0) == SEND_DEVICE_FULL) return false;
  c.flags &= ~SYN_DUE;
  if (c.sendNext == c.initialSend) {
    c.sendNext = c.initialSend + 1;
    c.flags |= TIMING;
    c.timedNs = nowNs;
  } else c.flags &= ~TIMING;
  c.retransmitNs = retransmitDeadline(c);
  return true;
}

/** End of the bytes queued; a FIN takes the number after. */
function dataEnd(c: Connection): u32 {
  return c.sendUnacknowledged + sendRing(c).length;
}

/** Sends [start, end); the part beyond the data is the FIN. Returns the end of what went out; equal to `start` when nothing did. */
function transmit(c: Connection, start: u32, end: u32): u32 {
  const edge = dataEnd(c);
  const fin = after(end, edge);
  const length = (fin ? edge : end) - start;
  let bits = ACK;
  if (fin) bits |= FIN;
  if (length > 0 && !before(end, edge)) bits |= PSH;
  if (sendSegment(c, bits, start, length) != SEND_DEVICE_FULL) return end;
  return start + sentPayloadBytes;
}

/** Sends [start, end) again; false: the device is full. */
function transmitAgain(c: Connection, start: u32, end: u32): bool {
  const sent = transmit(c, start, end);
  flightSentAgain(c, start, sent);
  undoSentAgain(c, sent - start);
  proportionalSent(c, sent - start);
  // The timer starts anew with the segment that it watches over (RFC 6298 §5.1 for what is sent again, as Linux).
  if (start == c.sendUnacknowledged && sent != start) c.retransmitNs = retransmitDeadline(c);
  return sent == end;
}

/** The first missing segment goes out whatever the windows say (RFC 6582 §3.2). */
function sendFirstAgain(c: Connection): bool {
  const end = c.sendUnacknowledged + min(c.sendNext - c.sendUnacknowledged, c.mss);
  if (end != c.sendUnacknowledged && !transmitAgain(c, c.sendUnacknowledged, end)) return false;
  c.flags &= ~RETRANSMIT;
  return true;
}

/** Size of the next new segment (payload bytes); 0: not now. `room`: what the congestion window still allows. */
function nextLength(c: Connection, unsent: u32, room: u32, largest: u32): u32 {
  const windowRoom = <i32>(c.sendUnacknowledged + c.sendWindow - c.sendNext);
  const allowed = windowRoom > 0 ? min(unsent, <u32>windowRoom) : 0;
  if (room < allowed) {
    c.flags |= WINDOW_LIMITED;
    // Wait for room for a whole segment rather than send a small one.
    if (room < c.mss) return 0;
    return min(room - (room % c.mss), largest);
  }
  if (allowed > largest) return largest;
  if (allowed < unsent) {
    if (allowed >= c.mss) return allowed - (allowed % c.mss);
    return allowed >= c.sendWindowLargest >> 1 ? allowed : 0;
  }
  // All of it: a small tail waits while an earlier small segment is under way (Nagle as modified by Minshall).
  const tail = allowed % c.mss;
  if (tail != 0 && !has(c, NO_DELAY | FIN_QUEUED) && after(c.smallEnd, c.sendUnacknowledged))
    return allowed - tail;
  return allowed;
}

/** New data, and the FIN after the last of it. `pipe`: bytes in flight. False: the device is full. */
function sendNew(c: Connection, limit: u32, pipe: u32): bool {
  const edge = dataEnd(c);
  const fin = has(c, FIN_QUEUED);
  const largest = payloadLimit(c);
  let paced = pacingRoom(c);
  c.flags &= ~(WINDOW_LIMITED | PACED);
  while (true) {
    const unsent = after(edge, c.sendNext) ? edge - c.sendNext : 0;
    const finNow = fin && !after(c.sendNext, edge);
    if (unsent == 0 && !finNow) return true;
    let length: u32 = unsent == 0 ? 0 : nextLength(c, unsent, limit > pipe ? limit - pipe : 0, largest);
    if (length == 0 && unsent != 0) return true;
    if (length > paced) {
      const whole = paced - (paced % c.mss);
      if (whole == 0) {
        // What the rate holds back the window does not: it may grow.
        c.flags |= PACED | WINDOW_LIMITED;
        return true;
      }
      length = whole;
    }
    const start = c.sendNext;
    const end = start + length + u32(finNow && length == unsent);
    const sent = transmit(c, start, end);
    if (sent != start) {
      flightSent(c, start);
      if ((sent - start) % c.mss != 0) c.smallEnd = sent;
      c.sendNext = sent;
      if (has(c, PERSIST)) {
        c.flags &= ~PERSIST;
        c.retransmitNs = NEVER_NS;
      }
      pipe += sent - start;
      if (paced != u32.MAX_VALUE) {
        paced -= min(paced, sent - start);
        pacingSent(c, sent - start);
      }
      if (c.recovery == RECOVERY_FAST) proportionalSent(c, sent - start);
    }
    if (sent != end) return false;
    if (after(end, edge))
      c.state = c.state == CLOSE_WAIT ? LAST_ACK : c.state == ESTABLISHED ? FIN_WAIT_1 : c.state;
  }
}

/** In recovery, what is lost and not yet sent again, as far as the window allows. Returns the pipe after it. */
function sendLost(c: Connection, limit: u32, pipe: u32): u32 {
  while (pipe < limit && limit - pipe >= c.mss && nextLost(c)) {
    const room = limit - pipe;
    const most = min(room - (room % c.mss), payloadLimit(c));
    const end = lostStart + min(lostEnd - lostStart, most);
    pipe += end - lostStart;
    if (!transmitAgain(c, lostStart, end)) {
      deviceFull = true;
      break;
    }
  }
  return pipe;
}

let deviceFull: bool = false;

/** A tail loss probe (RFC 8985 §7.3): new data if there is some and the peer's window takes it, else the last segment. */
function sendTailProbe(c: Connection): bool {
  if (c.sendNext == c.sendUnacknowledged || c.recovery != RECOVERY_NONE) return true;
  const edge = dataEnd(c);
  const unsent = after(edge, c.sendNext) ? edge - c.sendNext : 0;
  const windowRoom = <i32>(c.sendUnacknowledged + c.sendWindow - c.sendNext);
  const fresh = min(unsent, c.mss);
  if (fresh > 0 && windowRoom >= <i32>fresh) {
    const sent = transmit(c, c.sendNext, c.sendNext + fresh);
    if (sent == c.sendNext) return false;
    flightSent(c, c.sendNext);
    c.sendNext = sent;
    tailLossProbed(c, false);
  } else {
    const start = c.sendNext - min(c.mss, c.sendNext - c.sendUnacknowledged);
    const sent = transmit(c, start, c.sendNext);
    if (sent != c.sendNext) return false;
    flightSentAgain(c, start, sent);
    tailLossProbed(c, true);
  }
  c.retransmitNs = retransmitDeadline(c);
  return true;
}

/** Looks at what counts as lost since the last time and sets the window that recovery allows. Returns the pipe. */
function assess(c: Connection): u32 {
  if (has(c, SACK)) {
    const newlyLost = rackDetect(c);
    if (c.recovery == RECOVERY_NONE && newlyLost > 0) enterFastRecovery(c);
    if (c.recovery == RECOVERY_FAST)
      proportionalWindow(c, c.delivered, pipeBytes(c), has(c, ADVANCED) && newlyLost == 0);
  }
  c.delivered = 0;
  c.flags &= ~ADVANCED;
  return pipeBytes(c);
}

/** Retransmissions and new data; false: the device is full. */
function sendData(c: Connection): bool {
  if (c.sendNext == c.sendUnacknowledged) {
    if (sendRing(c).length == 0 && !has(c, FIN_QUEUED)) return true;
    c.flags &= ~TAIL_DUE;
    congestionIdle(c, nowNs - c.lastSendNs);
  }
  if (has(c, TAIL_DUE)) {
    if (!sendTailProbe(c)) return false;
    c.flags &= ~TAIL_DUE;
  }
  if (has(c, RETRANSMIT) && !sendFirstAgain(c)) return false;
  let pipe = assess(c);
  let limit = c.congestionWindow;
  deviceFull = false;
  if (c.recovery != RECOVERY_NONE && c.forwardRto != 2) pipe = sendLost(c, limit, pipe);
  if (deviceFull) return false;
  // Limited transmit (RFC 3042): one new segment for each of the first two duplicates.
  if (!has(c, SACK) && c.recovery == RECOVERY_NONE) limit += min(<u32>c.duplicateAcks, 2) * c.mss;
  return sendNew(c, limit, pipe);
}

/** Starts or stops the retransmission timer as what is in flight demands; a closed window starts the probing. */
function watch(c: Connection): void {
  if (c.sendNext != c.sendUnacknowledged) {
    if (c.retransmitNs == NEVER_NS) c.retransmitNs = retransmitDeadline(c);
  } else if (sendRing(c).length > 0 && !has(c, PACED)) {
    if (has(c, PERSIST) && c.retransmitNs != NEVER_NS) return;
    if (!has(c, PERSIST)) c.backoff = 0;
    c.flags |= PERSIST;
    c.retransmitNs = retransmitDeadline(c);
  }
}

/** Sends all that is due on a connection; false: the device is full, and it is to be called again. */
export function output(c: Connection): bool {
  let taken = true;
  if (has(c, SYN_DUE)) taken = sendSyn(c);
  else if (c.state != SYN_SENT) {
    if (sendsData(c.state)) {
      const next = c.sendNext;
      taken = sendData(c);
      if (taken) watch(c);
      if (c.sendNext != next) tailLossArm(c);
    }
    if (taken && has(c, ACK_NOW)) taken = sendAck(c);
  }
  schedule(c);
  return taken;
}

/**
 * A window probe (RFC 9293 §3.8.6.1): one byte beyond a closed window, or what fits in one that is open but was too
 * small to be worth a segment (RFC 1122 §4.2.3.4, the override of silly-window avoidance).
 */
export function sendProbe(c: Connection): void {
  const start = c.sendUnacknowledged;
  const fits = min(min(c.sendWindow, c.mss), sendRing(c).length);
  const end = start + (c.sendNext == start ? max(fits, 1) : 1);
  if (transmit(c, start, end) != end) return;
  if (c.sendNext == start) {
    flightSent(c, start);
    c.sendNext = end;
  } else flightSentAgain(c, start, end);
}

/** A keep-alive probe: an old sequence number that the peer must answer (RFC 1122 §4.2.3.6). */
export function sendKeepAlive(c: Connection): void {
  sendSegment(c, ACK, c.sendNext - 1, 0);
}

/** End of a turn: every connection with something due sends it, until the device is full. */
export function tcpFlush(): void {
  let c = takeDirty();
  while (c !== null) {
    if (!output(c)) {
      untakeDirty(c);
      return;
    }
    c = takeDirty();
  }
}
