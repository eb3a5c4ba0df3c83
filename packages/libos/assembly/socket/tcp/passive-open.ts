/**
 * Segments to no connection: SYNs to listeners, answers to SYN cookies, and everything else, which is reset
 * (RFC 9293 §3.10.7.1 and §3.10.7.2).
 *
 * In: the current segment. Out: half-open connections, cookies, resets. May import: platform, time, wire.
 */
import { SOCKET_EVENT_ACCEPTABLE } from '../../platform/index';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { ACK, FIN, RST, SYN } from '../../wire/tcp';
import {
  optionMaximumSegmentSize,
  optionSackPermitted,
  optionTimestampEcho,
  optionTimestamps,
  optionTimestampValue,
  optionWindowScale,
} from '../../wire/tcp-options';
import { recycleTimeWait, timeWaitCount } from './closing';
import {
  HOLD_NS,
  MSS_DEFAULT_BYTES,
  RECEIVE_FIRST_BYTES,
  receiveMaximumBytes,
  synBacklogMaximum,
  windowShift,
} from './configuration';
import { Connection, connectionCreate, PASSIVE, SACK, SCALING, SYN_DUE, TIMESTAMPS } from './connection';
import { answerCookie, answerReset, mssUpdate } from './emit';
import { raiseListener } from './events';
import { initialSequence, timestampClock, timestampOffset } from './initial-sequence';
import { acceptQueue, halfOpenQueue, Listener, listenerFind } from './listener';
import { peerAllowed, peerOpened } from './peers';
import { queuePut } from './queue';
import { markDirty, schedule } from './schedule';
import {
  segmentAck,
  segmentBits,
  segmentDestination,
  segmentDestinationPort,
  segmentSequence,
  segmentSource,
  segmentSourcePort,
  segmentWindow,
} from './segment';
import { HELD, SYN_RECEIVED } from './state';
import {
  COOKIE_LIFETIME_NS,
  cookieCheck,
  cookieMake,
  cookieMss,
  cookieSack,
  cookieScale,
  cookieTimestamp,
} from './syn-cookies';
import { tableInsert } from './table';

/** A connection object, at the cost of the oldest TIME-WAIT when all are taken. */
export function obtainConnection(): Connection | null {
  let c = connectionCreate();
  while (c === null && recycleTimeWait()) c = connectionCreate();
  return c;
}

/** Takes the peer's offers from its SYN. */
export function takeOffers(c: Connection): void {
  c.peerMss = optionMaximumSegmentSize == 0 ? MSS_DEFAULT_BYTES : optionMaximumSegmentSize;
  if (optionTimestamps) {
    c.flags |= TIMESTAMPS;
    c.timestampRecent = optionTimestampValue;
    c.timestampRecentNs = nowNs;
  } else c.flags &= ~TIMESTAMPS;
  c.flags = optionSackPermitted ? c.flags | SACK : c.flags & ~SACK;
  if (optionWindowScale >= 0) {
    c.flags |= SCALING;
    c.sendShift = <u8>optionWindowScale;
    c.receiveShift = <u8>windowShift;
  } else {
    c.flags &= ~SCALING;
    c.sendShift = 0;
    c.receiveShift = 0;
  }
  mssUpdate(c);
}

/** The peer's sequence space begins with its SYN. */
export function takeInitialSequence(c: Connection, sequence: u32): void {
  c.initialReceive = sequence;
  c.receiveNext = sequence + 1;
  c.receiveEdge = c.receiveNext;
  c.lastAckSent = c.receiveNext;
  c.sendWindow = segmentWindow;
  c.sendWindowLargest = segmentWindow;
  c.windowSequence = sequence;
  c.windowAcknowledgment = c.sendUnacknowledged;
}

/** Sets where our sequence space begins. */
export function beginSending(c: Connection, sequence: u32): void {
  c.initialSend = sequence;
  c.sendUnacknowledged = sequence;
  c.sendNext = sequence;
  c.recoveryPoint = sequence;
  c.smallEnd = sequence;
}

/** A connection with the current segment's addresses, known to `listener`, in the table; null: no room for its peer. */
function create(listener: Listener, sequence: u32): Connection | null {
  const c = peerAllowed(segmentSource, timeWaitCount()) ? obtainConnection() : null;
  if (c === null) return null;
  c.localAddress = segmentDestination;
  c.localPort = <u16>segmentDestinationPort;
  c.peerAddress = segmentSource;
  c.peerPort = <u16>segmentSourcePort;
  c.owner = listener.owner;
  c.listener = changetype<usize>(listener);
  c.flags |= PASSIVE;
  c.timestampOffset = timestampOffset(c.localAddress, c.localPort, c.peerAddress, c.peerPort);
  c.timestampFirst = timestampClock() + c.timestampOffset;
  beginSending(c, sequence);
  tableInsert(c);
  peerOpened(c);
  return c;
}

function sendCookie(listener: Listener): void {
  const mss = optionMaximumSegmentSize == 0 ? MSS_DEFAULT_BYTES : optionMaximumSegmentSize;
  const offset = timestampOffset(
    segmentDestination,
    segmentDestinationPort,
    segmentSource,
    segmentSourcePort,
  );
  listener.cookieNs = nowNs;
  answerCookie(
    cookieMake(segmentSequence, mss),
    optionTimestamps,
    cookieTimestamp(offset, optionWindowScale, optionSackPermitted),
    optionTimestampValue,
    optionSackPermitted,
    optionWindowScale >= 0 ? <i32>windowShift : -1,
    min(RECEIVE_FIRST_BYTES, receiveMaximumBytes),
  );
}

function openPassively(listener: Listener): void {
  if ((segmentBits & FIN) != 0) return;
  const halfOpen = halfOpenQueue(listener);
  const waiting = acceptQueue(listener);
  // The application does not keep up: the peer will try again.
  if (waiting.count >= listener.backlog) return;
  const sequence = initialSequence(
    segmentDestination,
    segmentDestinationPort,
    segmentSource,
    segmentSourcePort,
  );
  if (listener.deferred) {
    const held = create(listener, sequence);
    if (held === null) return;
    held.state = HELD;
    takeInitialSequence(held, segmentSequence);
    takeOffers(held);
    held.stateNs = nowNs + HOLD_NS;
    schedule(held);
    queuePut(waiting, held);
    raiseListener(listener, SOCKET_EVENT_ACCEPTABLE);
    return;
  }
  const c = halfOpen.count < min(listener.backlog, synBacklogMaximum) ? create(listener, sequence) : null;
  if (c === null) {
    sendCookie(listener);
    return;
  }
  c.state = SYN_RECEIVED;
  takeInitialSequence(c, segmentSequence);
  takeOffers(c);
  c.flags |= SYN_DUE;
  queuePut(halfOpen, c);
  markDirty(c);
}

/** The last step of a handshake whose state only the cookie holds; null: not that, or no room. */
function openByCookie(listener: Listener): Connection | null {
  if (listener.cookieNs == 0 || nowNs - listener.cookieNs > COOKIE_LIFETIME_NS) return null;
  if (!cookieCheck(segmentAck - 1, segmentSequence - 1)) return null;
  if (acceptQueue(listener).count >= listener.backlog) return null;
  const c = create(listener, segmentAck - 1);
  if (c === null) return null;
  takeInitialSequence(c, segmentSequence - 1);
  c.receiveEdge = c.receiveNext + c.receiveLimit;
  c.sendNext = segmentAck;
  c.peerMss = cookieMss;
  if (optionTimestamps) {
    c.flags |= TIMESTAMPS;
    c.timestampRecent = optionTimestampValue;
    c.timestampRecentNs = nowNs;
    c.timestampFirst = optionTimestampEcho;
    const scale = cookieScale(optionTimestampEcho);
    if (cookieSack(optionTimestampEcho)) c.flags |= SACK;
    if (scale >= 0) {
      c.flags |= SCALING;
      c.sendShift = <u8>scale;
      c.receiveShift = <u8>windowShift;
    }
  }
  mssUpdate(c);
  c.state = SYN_RECEIVED;
  c.retransmitNs = NEVER_NS;
  queuePut(halfOpenQueue(listener), c);
  return c;
}

/** The current segment belongs to no connection. Returns one that a cookie has just made, to continue with; else null. */
export function unknownSegment(): Connection | null {
  if ((segmentBits & RST) != 0) return null;
  const listener = listenerFind(segmentDestination, segmentDestinationPort);
  if (listener === null) {
    answerReset();
    return null;
  }
  if ((segmentBits & ACK) != 0) {
    const c = (segmentBits & SYN) == 0 && !listener.deferred ? openByCookie(listener) : null;
    if (c === null) answerReset();
    return c;
  }
  if ((segmentBits & SYN) != 0) openPassively(listener);
  return null;
}
