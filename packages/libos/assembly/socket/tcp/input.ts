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
import { NS_PER_S, nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { ACK, FIN, RST, SYN } from '../../wire/tcp';
import { optionTimestamps, optionTimestampValue } from '../../wire/tcp-options';
import { acknowledge } from './acknowledge';
import { closeNow, restartTimeWait } from './closing';
import { RTO_AFTER_SYN_US } from './configuration';
import { congestionStart } from './congestion/index';
import {
  ACCEPTED,
  ACK_NOW,
  Connection,
  DUPLICATE,
  has,
  PASSIVE,
  SACK,
  SCALING,
  SYN_DUE,
  TIMESTAMPS,
  TIMING,
} from './connection';
import { answerReset, sendChallenge } from './emit';
import { raise, raiseListener } from './events';
import { armKeepAlive } from './keep-alive';
import { acceptQueue, Listener } from './listener';
import { takeInitialSequence, takeOffers, unknownSegment } from './passive-open';
import { queuePut, queueRemove } from './queue';
import { receive } from './receive';
import { rttSample } from './rtt';
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
import { windowKnown } from './window';

/** RFC 7323 §5.5: after 24 days without a segment the recent timestamp is no measure any more. */
const TIMESTAMP_LIFETIME_NS: u64 = 24 * 24 * 3600 * NS_PER_S;

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
  if (c.state == SYN_SENT) answerToSyn(c);
  else if (c.state == HELD) whileHeld(c);
  else synchronised(c);
}

/** A SYN that cannot be an old duplicate ends TIME-WAIT (RFC 9293 §3.10.7.4, RFC 6191 §2). */
function isNewIncarnation(c: Connection): bool {
  if ((segmentBits & (SYN | ACK | RST)) != SYN) return false;
  if (has(c, TIMESTAMPS) && optionTimestamps && optionTimestampValue != c.timestampRecent)
    return after(optionTimestampValue, c.timestampRecent);
  return after(segmentSequence, c.receiveNext);
}

/** The owner has not decided: retransmitted SYNs wait, a reset takes the request back. */
function whileHeld(c: Connection): void {
  if ((segmentBits & RST) != 0 && segmentSequence == c.receiveNext) closeNow(c, ERROR_ECONNRESET);
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
  if (fit(c)) receive(c);
}

/** The handshake is complete: SEG.ACK covers our SYN. */
function establish(c: Connection): void {
  c.state = ESTABLISHED;
  c.sendUnacknowledged = c.initialSend + 1;
  c.recoveryPoint = c.initialSend;
  c.highestDelivered = c.sendUnacknowledged;
  c.sampleEnd = c.sendUnacknowledged;
  c.rackRoundEnd = c.sendUnacknowledged;
  c.smallEnd = c.sendUnacknowledged;
  congestionStart(c, c.retries > 0);
  if (has(c, TIMING)) {
    c.flags &= ~TIMING;
    const sampleUs = <u32>max<u64>(min((nowNs - c.timedNs) / 1000, 1 << 30), 1);
    rttSample(c, sampleUs);
    c.leastRttUs = sampleUs;
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

/** Cuts the current segment to what is new and within the window; false: nothing of it is. */
function fit(c: Connection): bool {
  const next = c.receiveNext;
  const edge = next + windowKnown(c);
  if (before(segmentSequence, next)) {
    if (has(c, SACK) && segmentBytes > 0) noteDuplicate(c);
    segmentTrimFront(next - segmentSequence);
    c.flags |= ACK_NOW;
  }
  if (after(segmentSequence + segmentBytes, edge)) {
    const room = edge - segmentSequence;
    segmentTrimEnd(<i32>room < 0 ? 0 : room);
    c.flags |= ACK_NOW;
  }
  return true;
}

/** Remembers the bytes received twice, for the next SACK option (RFC 2883). */
function noteDuplicate(c: Connection): void {
  c.flags |= DUPLICATE;
  c.duplicateStart = segmentSequence;
  const end = segmentSequence + segmentBytes;
  c.duplicateEnd = before(end, c.receiveNext) ? end : c.receiveNext;
}

/** RFC 9293 §3.10.7.4, first check; a closed window still takes acknowledgements, so data at its edge may pass. */
function isAcceptable(c: Connection, length: u32): bool {
  const next = c.receiveNext;
  const edge = next + windowKnown(c);
  if (length == 0) return !before(segmentSequence, next) && !after(segmentSequence, edge);
  return (
    after(segmentSequence + length, next) &&
    (before(segmentSequence, edge) || beforeOrAt(segmentSequence, next))
  );
}

/** PAWS (RFC 7323 §5.3); false: an old duplicate. */
function hasFreshTimestamp(c: Connection): bool {
  return (
    !before(optionTimestampValue, c.timestampRecent) || nowNs - c.timestampRecentNs > TIMESTAMP_LIFETIME_NS
  );
}

/** The segment cannot be taken: the peer is told where we stand. Data always (it may be a lost acknowledgement), bare segments at a limited rate. */
function refuse(c: Connection): void {
  if (c.state == TIME_WAIT && (segmentBits & FIN) != 0) restartTimeWait(c);
  if (segmentBytes > 0 || (segmentBits & FIN) != 0) {
    if (has(c, SACK) && segmentBytes > 0 && before(segmentSequence, c.receiveNext)) noteDuplicate(c);
    c.flags |= ACK_NOW;
    markDirty(c);
  } else sendChallenge(c);
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

function synchronised(c: Connection): void {
  if (c.state == CLOSED) return;
  const isReset = (segmentBits & RST) != 0;
  if (
    c.state == SYN_RECEIVED &&
    (segmentBits & SYN) != 0 &&
    segmentSequence == c.initialReceive &&
    !isReset
  ) {
    if ((segmentBits & ACK) == 0) {
      // Our SYN-ACK was lost.
      c.flags |= SYN_DUE;
      markDirty(c);
      return;
    }
    segmentTrimFront(1);
  }
  if (has(c, TIMESTAMPS) && !isReset) {
    // RFC 7323 §3.2: once negotiated, every segment carries it.
    if (!optionTimestamps) return;
    if (!hasFreshTimestamp(c)) {
      refuse(c);
      return;
    }
  }
  if (!isAcceptable(c, segmentLength())) {
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
  if (c.state == SYN_RECEIVED && !completeHandshake(c)) return;
  if (has(c, TIMESTAMPS) && beforeOrAt(segmentSequence, c.lastAckSent) && optionTimestamps) {
    c.timestampRecent = optionTimestampValue;
    c.timestampRecentNs = nowNs;
  }
  c.lastReceiveNs = nowNs;
  if (!acknowledge(c) || c.state == TIME_WAIT) return;
  if (fit(c)) receive(c);
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
