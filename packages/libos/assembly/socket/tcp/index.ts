/**
 * TCP's face to its owners: listen, connect, send, receive, close (RFC 9293 §3.10).
 *
 * In: calls with handles (positive; a handle is dead after `tcpRelease` and `tcpAbort`). Out: bytes, events, negative
 * ERROR_* values. Nothing is sent before `tcpFlush`, except acknowledgements that must not wait.
 * May import: iface, platform, storage.
 */
import { sourceAddressFor } from '../../iface/ipv4-output';
import {
  ERROR_EADDRINUSE,
  ERROR_EADDRNOTAVAIL,
  ERROR_EAGAIN,
  ERROR_ECONNABORTED,
  ERROR_ECONNREFUSED,
  ERROR_EINVAL,
  ERROR_ENETUNREACH,
  ERROR_ENOBUFS,
  ERROR_ENOTCONN,
  SOCKET_EVENT_READABLE,
  SOCKET_OPTION_KEEP_ALIVE,
  SOCKET_OPTION_NO_DELAY,
} from '../../platform/index';
import { randomU32 } from '../../platform/random';
import {
  RING_FIRST_BYTES,
  ringConsume,
  ringContiguous,
  ringFree,
  ringRead,
  ringReserve,
  ringWrite,
} from '../../storage/ring';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { sendRoom } from './acknowledge';
import { abortNow, closeNow } from './closing';
import { FIN_WAIT_2_NS, windowShift } from './configuration';
import {
  ACCEPTED,
  ACK_NOW,
  Connection,
  connectionFree,
  connectionOf,
  connectionsCreate,
  FIN_QUEUED,
  FIN_RECEIVED,
  has,
  NO_DELAY,
  RELEASED,
  receiveRing,
  SACK,
  SCALING,
  Socket,
  SYN_DUE,
  sendRing,
  TIMESTAMPS,
  WANT_WRITE,
} from './connection';
import { answerResetTo, mssUpdate } from './emit';
import { eventTake, raise, raiseKept } from './events';
import { initialSequence, initialSequenceStart, timestampOffset } from './initial-sequence';
import { armKeepAlive } from './keep-alive';
import {
  acceptQueue,
  halfOpenQueue,
  listenerCreate,
  listenerExact,
  listenerFree,
  listenerOf,
  listenersCreate,
} from './listener';
import { beginSending, obtainConnection } from './passive-open';
import { queueFirst, queuePut, queueRemove } from './queue';
import { markDirty, schedule } from './schedule';
import { CLOSED, FIN_WAIT_2, HELD, SYN_RECEIVED, SYN_SENT, TIME_WAIT, takesData } from './state';
import { cookiesStart } from './syn-cookies';
import { tableFind, tableInsert, tableStart } from './table';
import { windowTune, windowUpdateDue } from './window';

export { eventBits, eventHandle, eventOwner } from './events';
export { tcpIcmpError } from './icmp-errors';
export { tcpInput } from './input';
export { tcpFlush } from './output';
export { tcpTimer } from './timeouts';

/** Dynamic ports (RFC 6335 §6), tried from a random one on (RFC 6056 §3.3.2). */
const FIRST_DYNAMIC_PORT: u32 = 49_152;
const DYNAMIC_PORTS: u32 = 16_384;
/** Emptied rings larger than this give their memory back. */
const RING_KEPT_BYTES: u32 = RING_FIRST_BYTES << 2;

/** Makes pools and tables and draws every secret: in `start`, after `randomStart` and `tcpConfigure`. */
export function tcpStart(): void {
  connectionsCreate();
  listenersCreate();
  tableStart();
  initialSequenceStart();
  cookiesStart();
}

/**
 * Listens on `address` (0 any) and `port` (0 with `deferred`: any). `backlog` bounds what waits to be accepted.
 * Deferred: a SYN is held unanswered, `tcpAccept` returns it, `tcpAcceptDeferred` or `tcpRefuseDeferred` decides.
 * Returns a handle, EADDRINUSE, EINVAL or ENOBUFS.
 */
export function tcpListen(address: u32, port: u16, backlog: u32, owner: u8, deferred: bool): i32 {
  if (port == 0 && !deferred) return ERROR_EINVAL;
  if (listenerExact(address, port) !== null) return ERROR_EADDRINUSE;
  const listener = listenerCreate(address, port);
  if (listener === null) return ERROR_ENOBUFS;
  listener.owner = owner;
  listener.deferred = deferred;
  listener.backlog = max(backlog, 1);
  return listener.handle;
}

/** The next connection of a listener: a handle, EAGAIN when none waits, EINVAL for another kind of handle. */
export function tcpAccept(handle: i32): i32 {
  const listener = listenerOf(handle);
  if (listener === null) return ERROR_EINVAL;
  const c = queueFirst(acceptQueue(listener));
  if (c === null) return ERROR_EAGAIN;
  queueRemove(c);
  c.listener = 0;
  raiseKept(c);
  return c.handle;
}

/** Answers a held SYN with a SYN-ACK; `connected` follows when the peer completes the handshake. 0 or EINVAL. */
export function tcpAcceptDeferred(handle: i32): i32 {
  const c = connectionOf(handle);
  if (c === null || c.state != HELD) return ERROR_EINVAL;
  c.state = SYN_RECEIVED;
  c.stateNs = NEVER_NS;
  c.flags |= SYN_DUE;
  markDirty(c);
  return 0;
}

/** Answers a held SYN with a reset; the handle is dead. */
export function tcpRefuseDeferred(handle: i32): void {
  const c = connectionOf(handle);
  if (c === null) return;
  if (c.state == HELD) answerResetTo(c);
  c.flags |= RELEASED;
  closeNow(c, ERROR_ECONNREFUSED);
}

function dynamicPort(localAddress: u32, peerAddress: u32, peerPort: u32): u32 {
  const first = randomU32();
  for (let step: u32 = 0; step < DYNAMIC_PORTS; step++) {
    const port = FIRST_DYNAMIC_PORT + ((first + step) & (DYNAMIC_PORTS - 1));
    if (tableFind(localAddress, port, peerAddress, peerPort) === null) return port;
  }
  return 0;
}

/**
 * Starts a connection; `connected` or `closed` follows. localAddress 0: by route; localPort 0: a free one.
 * Returns a handle, ENETUNREACH, EADDRINUSE, EADDRNOTAVAIL, EINVAL or ENOBUFS.
 */
export function tcpConnect(localAddress: u32, localPort: u16, address: u32, port: u16, owner: u8): i32 {
  if (address == 0 || port == 0) return ERROR_EINVAL;
  const source = localAddress == 0 ? sourceAddressFor(address) : localAddress;
  if (source == 0) return ERROR_ENETUNREACH;
  let sourcePort = <u32>localPort;
  if (sourcePort == 0) {
    sourcePort = dynamicPort(source, address, port);
    if (sourcePort == 0) return ERROR_EADDRNOTAVAIL;
  } else {
    const previous = tableFind(source, sourcePort, address, port);
    if (previous !== null) {
      if (previous.state != TIME_WAIT) return ERROR_EADDRINUSE;
      closeNow(previous, 0);
    }
  }
  const c = obtainConnection();
  if (c === null) return ERROR_ENOBUFS;
  c.localAddress = source;
  c.localPort = <u16>sourcePort;
  c.peerAddress = address;
  c.peerPort = port;
  c.owner = owner;
  c.state = SYN_SENT;
  c.timestampOffset = timestampOffset(source, sourcePort, address, port);
  c.receiveShift = <u8>windowShift;
  c.flags |= ACCEPTED | SYN_DUE | TIMESTAMPS | SACK | SCALING;
  mssUpdate(c);
  beginSending(c, initialSequence(source, sourcePort, address, port));
  tableInsert(c);
  markDirty(c);
  return c.handle;
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
  if (!ringReserve(ring, ring.length + bytes)) bytes = ring.capacity - ring.length;
  if (bytes < length) c.flags |= WANT_WRITE;
  if (bytes == 0) return 0;
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
  if (ring.length == 0 && c.holes == 0 && ring.capacity > RING_KEPT_BYTES) ringFree(ring);
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

/** Closes in order in the background and forgets the handle. A listener's waiting connections are reset. */
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
  ringFree(receiveRing(c));
  if (c.state == CLOSED || c.state == SYN_SENT || c.state == HELD) {
    abandon(c);
    return;
  }
  c.keepAliveNs = NEVER_NS;
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
