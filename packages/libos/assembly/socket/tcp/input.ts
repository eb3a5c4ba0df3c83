/**
 * An arriving segment, from look-up to the state it leaves behind (RFC 9293 §3.10.7, RFC 5961, RFC 7323 §5).
 *
 * In: the datagram variables of `iface`. Out: changed connections, events, answers. May import: iface, platform, wire.
 */
import { datagramBroadcast } from '../../iface/datagram';
import {
  ERROR_ECONNREFUSED,
  ERROR_ECONNRESET,
  SOCKET_EVENT_ACCEPTABLE,
  SOCKET_EVENT_CONNECTED,
} from '../../platform/index';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { ACK, FIN, RST, SYN } from '../../wire/tcp';
import { optionTimestamps, optionTimestampValue } from '../../wire/tcp-options';
import { acknowledge } from './acknowledge';
import { abortNow, closeNow, restartTimeWait } from './closing';
import { RTO_AFTER_SYN_US } from './configuration';
import { congestionStart } from './congestion/index';
import {
  ACCEPTED,
  ACK_NOW,
  Connection,
  DUPLICATE,
  has,
  PASSIVE,
  RESET_DUE,
  SYN_DUE,
  sendRing,
  TIMESTAMPS,
  TIMING,
} from './connection';
import { answerReset, sendAck, sendChallenge } from './emit';
import { raise, raiseListener } from './events';
import { armKeepAlive } from './keep-alive';
import { acceptQueue, Listener, listenerFind } from './listener';
import { takeInitialSequence, takeOffers, unknownSegment } from './passive-open';
import { queuePut, queueRemove } from './queue';
import { receive } from './receive';
import { rttSample } from './rtt';
import { noteDuplicate } from './sack';
import { markDirty } from './schedule';
import {
  segmentAck,
  segmentBits,
  segmentBytes,
  segmentDestination,
  segmentDestinationPort,
  segmentLength,
  segmentParse,
  segmentSequence,
  segmentSource,
  segmentSourcePort,
  segmentTrimEnd,
  segmentTrimFront,
  segmentWindow,
} from './segment';
import { after, before, beforeOrAt } from './sequence';
import { CLOSED, ESTABLISHED, HELD, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from './state';
import { tableFind } from './table';
import {
  acknowledgmentIsAcceptable,
  echoIsPossible,
  sequenceIsAcceptable,
  timestampIsFresh,
} from './validate';
import { windowKnown } from './window';

/** One TCP datagram, as `receiveFrame` left it. */
export function tcpInput(): void {
  // RFC 9293 §3.9.2.3: nothing but unicast.
  if (datagramBroadcast || !segmentParse() || segmentSourcePort == 0) return;
  let c = tableFind(segmentDestination, segmentDestinationPort, segmentSource, segmentSourcePort);
  if (c !== null && c.state == TIME_WAIT && isNewIncarnation(c)) {
    closeNow(c, 0);
    c = null;
  }
  if (c === null) c = unknownSegment();
  if (c === null) return;
  if (c.state == SYN_SENT || provesItsSyn(c)) answerToSyn(c);
  else if (c.state == HELD) whileHeld(c);
  else synchronised(c);
}

/** A SYN that cannot be an old duplicate ends TIME-WAIT (RFC 9293 §3.10.7.4, RFC 6191 §2), if somebody listens. */
function isNewIncarnation(c: Connection): bool {
  if ((segmentBits & (SYN | ACK | RST | FIN)) != SYN) return false;
  if (listenerFind(segmentDestination, segmentDestinationPort) === null) return false;
  if (has(c, TIMESTAMPS) && optionTimestamps && optionTimestampValue != c.timestampRecent)
    return after(optionTimestampValue, c.timestampRecent);
  return after(segmentSequence, c.receiveNext);
}

/** The owner has not decided: retransmitted SYNs wait, a reset takes the request back. */
function whileHeld(c: Connection): void {
  if ((segmentBits & RST) != 0 && segmentSequence == c.receiveNext) closeNow(c, ERROR_ECONNRESET);
}

/**
 * Opened at once with somebody whose SYN proved nothing, and now a SYN-ACK that acknowledges ours: this is the peer,
 * whatever sequence number the first SYN gave (anybody can have sent that one).
 */
function provesItsSyn(c: Connection): bool {
  if (c.state != SYN_RECEIVED || has(c, PASSIVE)) return false;
  if ((segmentBits & (SYN | ACK | RST)) != (SYN | ACK)) return false;
  return after(segmentAck, c.initialSend) && !after(segmentAck, c.sendNext);
}

/** RFC 9293 §3.10.7.3. */
function answerToSyn(c: Connection): void {
  const isAck = (segmentBits & ACK) != 0;
  if (isAck && (!after(segmentAck, c.initialSend) || after(segmentAck, c.sendNext))) {
    answerReset();
    return;
  }
  if ((segmentBits & RST) != 0) {
    if (isAck) closeNow(c, ERROR_ECONNREFUSED);
    return;
  }
  if ((segmentBits & SYN) == 0) return;
  takeInitialSequence(c, segmentSequence);
  takeOffers(c);
  if (!isAck) {
    // Simultaneous open (RFC 9293 §3.5): our SYN again, now with an acknowledgement.
    c.state = SYN_RECEIVED;
    c.flags |= SYN_DUE;
    markDirty(c);
    return;
  }
  c.sendUnacknowledged = segmentAck;
  c.windowAcknowledgment = segmentAck;
  c.flags |= ACK_NOW;
  establish(c);
  if ((segmentBits & FIN) == 0 && segmentBytes == 0) return;
  // Data on a SYN-ACK beyond the window that the SYN gave is cut.
  segmentTrimFront(1);
  fit(c);
  receive(c);
}

/** The handshake is complete: SEG.ACK covers our SYN. */
function establish(c: Connection): void {
  c.state = ESTABLISHED;
  c.sendUnacknowledged = c.initialSend + 1;
  c.recoveryPoint = c.initialSend;
  c.smallEnd = c.sendUnacknowledged;
  congestionStart(c, c.retries > 0);
  if (has(c, TIMING)) {
    c.flags &= ~TIMING;
    rttSample(c, <u32>min((nowNs - c.timedNs) / 1000, 1 << 30));
  } else c.rtoUs = RTO_AFTER_SYN_US;
  c.backoff = 0;
  c.retries = 0;
  c.flags &= ~SYN_DUE;
  c.retransmitNs = NEVER_NS;
  c.lastReceiveNs = nowNs;
  c.tuningStartNs = nowNs;
  armKeepAlive(c);
  markDirty(c);
  if (has(c, ACCEPTED) || !has(c, PASSIVE)) {
    raise(c, SOCKET_EVENT_CONNECTED);
    return;
  }
  const listener = changetype<Listener>(c.listener);
  queueRemove(c);
  queuePut(acceptQueue(listener), c);
  raiseListener(listener, SOCKET_EVENT_ACCEPTABLE);
}

/** What of the current segment lies below RCV.NXT has come twice. */
function noteOld(c: Connection): void {
  const next = c.receiveNext;
  if (segmentBytes == 0 || !before(segmentSequence, next)) return;
  const end = segmentSequence + segmentBytes;
  noteDuplicate(c, segmentSequence, before(end, next) ? end : next);
}

/** Cuts the current segment to what is new and within the window. */
function fit(c: Connection): void {
  const next = c.receiveNext;
  const edge = next + windowKnown(c);
  if (before(segmentSequence, next)) {
    noteOld(c);
    segmentTrimFront(next - segmentSequence);
    c.flags |= ACK_NOW;
  }
  if (after(segmentSequence + segmentBytes, edge)) {
    const room = edge - segmentSequence;
    segmentTrimEnd(<i32>room < 0 ? 0 : room);
    c.flags |= ACK_NOW;
  }
}

/** The segment cannot be taken: answered with where we stand. Data always (an acknowledgement may have been lost), bare segments at a limited rate. */
function refuse(c: Connection): void {
  if ((segmentBits & FIN) != 0 && segmentSequence + segmentLength() == c.receiveNext && c.state == TIME_WAIT)
    restartTimeWait(c);
  if (segmentBytes == 0 && (segmentBits & FIN) == 0) {
    sendChallenge(c);
    return;
  }
  noteOld(c);
  c.flags |= ACK_NOW;
  if (has(c, DUPLICATE)) sendAck(c);
  else markDirty(c);
}

/** A reset (RFC 5961 §3): only the exact next sequence number ends the connection. */
function reset(c: Connection): void {
  if (segmentSequence != c.receiveNext) {
    sendChallenge(c);
    return;
  }
  // RFC 1337: a reset does not end TIME-WAIT.
  if (c.state == TIME_WAIT) return;
  closeNow(c, c.state == SYN_RECEIVED && !has(c, PASSIVE) ? ERROR_ECONNREFUSED : ERROR_ECONNRESET);
}

/** RFC 9293 §3.10.7.4: nothing of the segment is taken over before it has passed every check. */
function synchronised(c: Connection): void {
  if (c.state == CLOSED) return;
  const isReset = (segmentBits & RST) != 0;
  if (
    c.state == SYN_RECEIVED &&
    (segmentBits & (SYN | ACK | RST)) == SYN &&
    segmentSequence == c.initialReceive
  ) {
    // Our SYN-ACK was lost.
    c.flags |= SYN_DUE;
    markDirty(c);
    return;
  }
  const isTimestamped = has(c, TIMESTAMPS) && !isReset;
  if (isTimestamped) {
    // RFC 7323 §3.2: once negotiated, every segment carries it.
    if (!optionTimestamps) return;
    if (!timestampIsFresh(c)) {
      refuse(c);
      return;
    }
  }
  if (!sequenceIsAcceptable(c, segmentLength())) {
    if (!isReset) refuse(c);
    return;
  }
  if (isReset) {
    reset(c);
    return;
  }
  // RFC 5961 §4.2.
  if ((segmentBits & SYN) != 0) {
    sendChallenge(c);
    return;
  }
  if ((segmentBits & ACK) == 0) return;
  if (c.state == SYN_RECEIVED) {
    if (!completeHandshake(c)) return;
  } else if (!acknowledgmentIsAcceptable(c)) {
    sendChallenge(c);
    return;
  }
  // RFC 7323 §4.3; an acknowledgement of long ago proves too little for a measure of what is to come.
  if (
    isTimestamped &&
    beforeOrAt(segmentSequence, c.lastAckSent) &&
    !before(segmentAck, c.sendUnacknowledged) &&
    echoIsPossible(c)
  ) {
    c.timestampRecent = optionTimestampValue;
    c.timestampRecentNs = nowNs;
  }
  c.lastReceiveNs = nowNs;
  if (!acknowledge(c) || c.state == TIME_WAIT) return;
  if (has(c, RESET_DUE) && sendRing(c).length == 0) {
    abortNow(c, 0);
    return;
  }
  fit(c);
  receive(c);
  // At once and bare: a segment with data has no room for it, and the next duplicate has a report of its own.
  if (has(c, DUPLICATE) && c.state != CLOSED) sendAck(c);
}

/** The third step; false: it does not belong to our SYN, or the application does not keep up. */
function completeHandshake(c: Connection): bool {
  if (!after(segmentAck, c.initialSend) || after(segmentAck, c.sendNext)) {
    answerReset();
    return false;
  }
  if (!has(c, ACCEPTED) && has(c, PASSIVE)) {
    const listener = changetype<Listener>(c.listener);
    // Left half-open: the SYN-ACK is sent again, and the peer answers again.
    if (acceptQueue(listener).count >= listener.backlog) return false;
  }
  c.windowSequence = segmentSequence;
  c.windowAcknowledgment = segmentAck;
  c.sendWindow = segmentWindow << c.sendShift;
  c.sendWindowLargest = max(c.sendWindowLargest, c.sendWindow);
  establish(c);
  return true;
}
