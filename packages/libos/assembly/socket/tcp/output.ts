/**
 * What to send and when: SYN, lost ranges, new data within both windows, FIN, acknowledgements (RFC 9293 §3.8,
 * RFC 6675 §5, Nagle and silly-window avoidance of RFC 1122 §4.2.3.4).
 *
 * In: a connection. Out: segments. May import: iface, storage, time.
 */
import { SEND_DEVICE_FULL, sentPayloadBytes } from '../../iface/ipv4-output';
import { Ranges, rangeEnd, rangeStart } from '../../storage/reassembler';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { ACK, FIN, PSH, SYN } from '../../wire/tcp';
import { congestionIdle } from './congestion/index';
import {
  ACK_NOW,
  Connection,
  FIN_QUEUED,
  has,
  NO_DELAY,
  PERSIST,
  RECOVERY_FAST,
  RECOVERY_NONE,
  RECOVERY_TIMEOUT,
  RESCUED,
  RETRANSMIT,
  SACK,
  SYN_DUE,
  sendRing,
  TIMING,
  WINDOW_LIMITED,
} from './connection';
import { payloadLimit, sendAck, sendSegment } from './emit';
import { retransmitDeadline } from './rtt';
import { markDirty, schedule, takeDirty, untakeDirty } from './schedule';
import { lostEnd, lostStart, nextLost, pipeBytes, sackedBytes } from './scoreboard';
import { after, before, latest } from './sequence';
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT_1, LAST_ACK, SYN_RECEIVED, SYN_SENT, sendsData } from './state';

/** Sends a SYN or SYN-ACK, for the first time or again. */
function sendSyn(c: Connection): bool {
  const bits = c.state == SYN_RECEIVED ? SYN | ACK : SYN;
  if (sendSegment(c, bits, c.initialSend, 0) == SEND_DEVICE_FULL) return false;
  c.flags &= ~SYN_DUE;
  if (c.sendNext == c.initialSend) {
    c.sendNext = c.initialSend + 1;
    c.flags |= TIMING;
    c.timedSequence = c.sendNext;
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
  // Karn: what has been sent twice cannot be timed.
  if (!after(c.timedSequence, sent)) c.flags &= ~TIMING;
  c.retransmitted = latest(c.retransmitted, sent);
  return sent == end;
}

/** The first missing segment goes out whatever the windows say (RFC 6675 §5 step 4.3, RFC 6582 §3.2). */
function sendFirstAgain(c: Connection): bool {
  let end = c.sendUnacknowledged + min(c.sendNext - c.sendUnacknowledged, c.mss);
  if (c.scoreboard != 0) {
    const ranges = changetype<Ranges>(c.scoreboard);
    if (ranges.count > 0 && before(rangeStart(ranges, 0), end)) end = rangeStart(ranges, 0);
  }
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
  c.flags &= ~WINDOW_LIMITED;
  while (true) {
    const unsent = after(edge, c.sendNext) ? edge - c.sendNext : 0;
    const finNow = fin && !after(c.sendNext, edge);
    if (unsent == 0 && !finNow) return true;
    const length = unsent == 0 ? 0 : nextLength(c, unsent, limit > pipe ? limit - pipe : 0, largest);
    if (length == 0 && unsent != 0) return true;
    const start = c.sendNext;
    const end = start + length + u32(finNow && length == unsent);
    const sent = transmit(c, start, end);
    if (sent != start) {
      if (!has(c, TIMING)) {
        c.flags |= TIMING;
        c.timedSequence = sent;
        c.timedNs = nowNs;
      }
      if ((sent - start) % c.mss != 0) c.smallEnd = sent;
      c.sendNext = sent;
      if (has(c, PERSIST)) {
        c.flags &= ~PERSIST;
        c.retransmitNs = NEVER_NS;
      }
      pipe += sent - start;
    }
    if (sent != end) return false;
    if (after(end, edge))
      c.state = c.state == CLOSE_WAIT ? LAST_ACK : c.state == ESTABLISHED ? FIN_WAIT_1 : c.state;
  }
}

/** In recovery, what is lost and not yet sent again, as far as the window allows. Returns the pipe after it. */
function sendLost(c: Connection, limit: u32, pipe: u32, lostOnly: bool): u32 {
  while (pipe < limit && limit - pipe >= c.mss && nextLost(c, lostOnly)) {
    const room = limit - pipe;
    const most = min(room - (room % c.mss), payloadLimit(c));
    const end = lostStart + min(lostEnd - lostStart, most);
    pipe += end - lostStart;
    if (!transmitAgain(c, lostStart, end)) {
      deviceFull = true;
      break;
    }
    // Rule 3 allows one segment only.
    if (!lostOnly) break;
  }
  return pipe;
}

let deviceFull: bool = false;

/** RFC 6675 §4, NextSeg rule 4: once per recovery the end of the flight is sent again, so that its loss shows. */
function sendRescue(c: Connection): bool {
  const ranges = changetype<Ranges>(c.scoreboard);
  const top = rangeEnd(ranges, ranges.count - 1);
  if (!before(top, c.recoveryPoint)) return true;
  const start = latest(top, c.recoveryPoint - min(c.mss, c.recoveryPoint - top));
  if (transmit(c, start, c.recoveryPoint) != c.recoveryPoint) return false;
  c.flags = (c.flags | RESCUED) & ~TIMING;
  return true;
}

/** Retransmissions and new data; false: the device is full. */
function sendData(c: Connection): bool {
  if (c.sendNext == c.sendUnacknowledged) {
    if (sendRing(c).length == 0 && !has(c, FIN_QUEUED)) return true;
    congestionIdle(c, nowNs - c.lastSendNs);
  }
  if (has(c, RETRANSMIT) && !sendFirstAgain(c)) return false;
  let limit = c.congestionWindow;
  let pipe: u32;
  const selective = has(c, SACK);
  deviceFull = false;
  if (selective || c.recovery == RECOVERY_TIMEOUT) {
    pipe =
      c.scoreboard == 0 && c.recovery == RECOVERY_NONE ? c.sendNext - c.sendUnacknowledged : pipeBytes(c);
    if (c.recovery != RECOVERY_NONE) pipe = sendLost(c, limit, pipe, true);
  } else {
    pipe = c.sendNext - c.sendUnacknowledged;
    // Limited transmit (RFC 3042): one new segment for each of the first two duplicates.
    if (c.recovery == RECOVERY_NONE) limit += min(<u32>c.duplicateAcks, 2) * c.mss;
  }
  if (deviceFull) return false;
  const before = c.sendNext;
  if (!sendNew(c, limit, pipe)) return false;
  if (selective && c.recovery == RECOVERY_FAST && c.sendNext == before && !has(c, WINDOW_LIMITED)) {
    if (
      sendLost(c, limit, pipe, false) == pipe &&
      !has(c, RESCUED) &&
      sackedBytes(c) > 0 &&
      pipe + c.mss <= limit
    )
      return sendRescue(c);
    return !deviceFull;
  }
  return true;
}

/** Starts or stops the retransmission timer as what is in flight demands; a closed window starts the probing. */
function watch(c: Connection): void {
  if (c.sendNext != c.sendUnacknowledged) {
    if (c.retransmitNs == NEVER_NS) c.retransmitNs = retransmitDeadline(c);
  } else if (sendRing(c).length > 0) {
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
      taken = sendData(c);
      if (taken) watch(c);
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
  c.flags &= ~TIMING;
  if (transmit(c, start, end) == end) c.sendNext = latest(c.sendNext, end);
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
