/**
 * TCP's face to its owners: listen, connect, send, receive, close (RFC 9293 §3.10).
 *
 * In: calls with handles (positive; a handle is dead after `tcpRelease` and `tcpAbort`). Out: bytes, events, negative
 * ERROR_* values. Nothing is sent before `tcpFlush`, except acknowledgements that must not wait.
 * May import: iface, platform, storage.
 */
import {
  ERROR_ECONNABORTED,
  ERROR_EINVAL,
  ERROR_ENOTCONN,
  SOCKET_OPTION_KEEP_ALIVE,
  SOCKET_OPTION_NO_DELAY,
} from '../../platform/index';
import { ringConsume, ringContiguous, ringRead, ringWrite } from '../../storage/ring';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { sendRoom } from './acknowledge';
import { abortNow, connectionFree, resetWhenSent } from './closing';
import { FIN_WAIT_2_NS, maximumConnections } from './configuration';
import {
  ACK_NOW,
  Connection,
  connectionOf,
  connectionsCreate,
  FIN_QUEUED,
  FIN_RECEIVED,
  FROM_ROUTER,
  has,
  NO_DELAY,
  RELEASED,
  rangesGive,
  receiveRing,
  Socket,
  sendRing,
  WANT_WRITE,
} from './connection';
import { answerResetTo } from './emit';
import { eventTake } from './events';
import { initialSequenceStart } from './initial-sequence';
import { armKeepAlive } from './keep-alive';
import { acceptQueue, halfOpenQueue, listenerFree, listenerOf, listenersCreate } from './listener';
import { peersStart, ringAwait, ringEmptied, ringGive, ringGrow } from './peers';
import { queueFirst } from './queue';
import { markDirty, schedule } from './schedule';
import { CLOSED, FIN_WAIT_2, HELD, SYN_SENT, TIME_WAIT, takesData } from './state';
import { cookiesStart } from './syn-cookies';
import { tableStart } from './table';
import { windowTune, windowUpdateDue } from './window';

export { eventBits, eventHandle, eventOwner } from './events';
export { tcpIcmpError } from './icmp-errors';
export { tcpInput } from './input';
export { tcpAccept, tcpAcceptDeferred, tcpConnect, tcpListen, tcpRefuseDeferred } from './opening';
export { tcpFlush } from './output';
export { tcpTimer } from './timeouts';

/** Makes pools and tables and draws every secret: in `start`, after `randomStart` and `tcpConfigure`. */
export function tcpStart(): void {
  connectionsCreate();
  listenersCreate();
  tableStart();
  peersStart();
  initialSequenceStart();
  cookiesStart();
}

/** Connections of all states together. */
export function tcpConnectionLimit(): u32 {
  return maximumConnections;
}

/** What a dead or unusable connection answers. */
function reason(c: Connection): i32 {
  return c.error != 0 ? c.error : ERROR_ENOTCONN;
}

/**
 * Queues up to `length` bytes; returns how many were taken. Fewer than asked for: `writable` follows.
 * ENOTCONN after the own end or the connection's, or the connection's error.
 */
export function tcpSend(handle: i32, source: usize, length: u32): i32 {
  const c = connectionOf(handle);
  if (c === null) return ERROR_EINVAL;
  if (!takesData(c.state) || has(c, FIN_QUEUED)) return reason(c);
  const ring = sendRing(c);
  let bytes = min(length, sendRoom(c));
  // Short of memory: what fits in the ring as it is.
  if (!ringGrow(c, ring, ring.length + bytes)) bytes = ring.capacity - ring.length;
  if (bytes < length) c.flags |= WANT_WRITE;
  if (bytes == 0) {
    if (ring.length == 0) ringAwait(c);
    return 0;
  }
  ringWrite(ring, ring.length, source, bytes);
  ring.length += bytes;
  markDirty(c);
  return <i32>bytes;
}

/** Bytes that `tcpSend` would take now; 0 for a dead connection. */
export function tcpSendSpace(handle: i32): u32 {
  const c = connectionOf(handle);
  return c === null || !takesData(c.state) || has(c, FIN_QUEUED) ? 0 : sendRoom(c);
}

/** The owner has read `length` bytes. */
function consumed(c: Connection, length: u32): void {
  const ring = receiveRing(c);
  ringConsume(ring, length, c.holes == 0);
  if (ring.length == 0 && c.holes == 0) ringEmptied(c, ring);
  if (c.state == CLOSED || has(c, FIN_RECEIVED)) return;
  windowTune(c, length);
  if (!windowUpdateDue(c)) return;
  c.flags |= ACK_NOW;
  markDirty(c);
}

/** Takes received bytes; 0: nothing now (or `tcpFinished`). The connection's error once all was read. */
export function tcpReceive(handle: i32, destination: usize, capacity: u32): i32 {
  const c = connectionOf(handle);
  if (c === null) return ERROR_EINVAL;
  const ring = receiveRing(c);
  const bytes = min(capacity, ring.length);
  if (bytes == 0) return ring.length == 0 ? c.error : 0;
  ringRead(ring, 0, destination, bytes);
  consumed(c, bytes);
  return <i32>bytes;
}

/** Address of the received bytes, all contiguous, `tcpPeekLength` of them; valid until the next call into TCP. 0: none. */
export function tcpPeek(handle: i32): usize {
  const c = connectionOf(handle);
  return c === null || receiveRing(c).length == 0 ? 0 : ringContiguous(receiveRing(c));
}

export function tcpPeekLength(handle: i32): u32 {
  const c = connectionOf(handle);
  return c === null ? 0 : receiveRing(c).length;
}

/** Takes `length` peeked bytes; at most `tcpPeekLength`. */
export function tcpConsume(handle: i32, length: u32): void {
  const c = connectionOf(handle);
  if (c === null || length == 0) return;
  consumed(c, min(length, receiveRing(c).length));
}

/** Everything was read and the peer has ended its direction. */
export function tcpFinished(handle: i32): bool {
  const c = connectionOf(handle);
  return c !== null && has(c, FIN_RECEIVED) && receiveRing(c).length == 0;
}

/** Ends our direction: FIN after what is queued. 0, or why not. */
export function tcpShutdown(handle: i32): i32 {
  const c = connectionOf(handle);
  if (c === null) return ERROR_EINVAL;
  if (!takesData(c.state)) return reason(c);
  c.flags |= FIN_QUEUED;
  markDirty(c);
  return 0;
}

/** Resets the connection and forgets the handle; a listener is closed as by `tcpRelease`. */
export function tcpAbort(handle: i32): void {
  const c = connectionOf(handle);
  if (c === null) {
    if (listenerOf(handle) !== null) tcpRelease(handle);
    return;
  }
  c.flags |= RELEASED;
  abandon(c);
}

/** Ends a connection that nobody knows any more, with a reset. */
function abandon(c: Connection): void {
  if (c.state == CLOSED) connectionFree(c);
  else if (c.state != TIME_WAIT) {
    if (c.state == HELD) answerResetTo(c);
    abortNow(c, ERROR_ECONNABORTED);
  }
}

/**
 * Closes in the background and forgets the handle: in order when all was read, else with a reset after what is queued
 * (`resetWhenSent`). A listener's waiting connections are reset.
 */
export function tcpRelease(handle: i32): void {
  const listener = listenerOf(handle);
  if (listener !== null) {
    for (let c = queueFirst(acceptQueue(listener)); c !== null; c = queueFirst(acceptQueue(listener)))
      abandon(c);
    for (let c = queueFirst(halfOpenQueue(listener)); c !== null; c = queueFirst(halfOpenQueue(listener)))
      abandon(c);
    listenerFree(listener);
    return;
  }
  const c = connectionOf(handle);
  if (c === null) return;
  c.flags |= RELEASED;
  const isUnread = receiveRing(c).length > 0;
  ringGive(c, receiveRing(c));
  rangesGive(c.holes);
  c.holes = 0;
  if (c.state == CLOSED || c.state == SYN_SENT || c.state == HELD) {
    abandon(c);
    return;
  }
  c.keepAliveNs = NEVER_NS;
  if (isUnread && c.state != TIME_WAIT) {
    resetWhenSent(c);
    return;
  }
  c.flags |= FIN_QUEUED;
  if (c.state == FIN_WAIT_2) {
    c.stateNs = nowNs + FIN_WAIT_2_NS;
    schedule(c);
  }
  markDirty(c);
}

/** Why the connection ended: 0 normally (or not yet), ERROR_*. */
export function tcpError(handle: i32): i32 {
  const c = connectionOf(handle);
  return c === null ? ERROR_EINVAL : c.error;
}

/** Sets SOCKET_OPTION_*; 0 or EINVAL. */
export function tcpSetOption(handle: i32, option: u32, value: u32): i32 {
  const c = connectionOf(handle);
  if (c === null) return ERROR_EINVAL;
  if (option == SOCKET_OPTION_NO_DELAY) {
    c.flags = value != 0 ? c.flags | NO_DELAY : c.flags & ~NO_DELAY;
    if (value != 0) markDirty(c);
    return 0;
  }
  if (option == SOCKET_OPTION_KEEP_ALIVE) {
    c.keepAliveSeconds = value;
    armKeepAlive(c);
    return 0;
  }
  return ERROR_EINVAL;
}

/** Chooses CONGESTION_CUBIC (0, the default) or CONGESTION_RENO (1) for a connection. 0 or EINVAL. */
export function tcpSetCongestion(handle: i32, algorithm: u8): i32 {
  const c = connectionOf(handle);
  if (c === null || algorithm > 1) return ERROR_EINVAL;
  c.congestion = algorithm;
  return 0;
}

export function tcpLocalAddress(handle: i32): u32 {
  const c = connectionOf(handle);
  return c === null ? 0 : c.localAddress;
}

/** Own port of a connection or a listener. */
export function tcpLocalPort(handle: i32): u32 {
  const c = connectionOf(handle);
  if (c !== null) return c.localPort;
  const listener = listenerOf(handle);
  return listener === null ? 0 : listener.port;
}

export function tcpPeerAddress(handle: i32): u32 {
  const c = connectionOf(handle);
  return c === null ? 0 : c.peerAddress;
}

export function tcpPeerPort(handle: i32): u32 {
  const c = connectionOf(handle);
  return c === null ? 0 : c.peerPort;
}

/** Whether a router has opened the connection, for somebody behind it. */
export function tcpFromRouter(handle: i32): bool {
  const c = connectionOf(handle);
  return c !== null && has(c, FROM_ROUTER);
}

function socketOf(handle: i32): Socket | null {
  const c = connectionOf(handle);
  return c !== null ? c : listenerOf(handle);
}

/** The owner's own index for a connection or listener. */
export function tcpSetUser(handle: i32, user: u32): void {
  const socket = socketOf(handle);
  if (socket !== null) socket.user = user;
}

export function tcpUser(handle: i32): u32 {
  const socket = socketOf(handle);
  return socket === null ? 0 : socket.user;
}

/** Takes the next socket with events into `eventHandle`, `eventOwner`, `eventBits`; false: none. */
export function tcpNextEvent(): bool {
  return eventTake();
}
