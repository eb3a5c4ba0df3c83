// Stands in for socket/tcp in http-testing.wasm: a pipe in memory whose other end the test holds. Using a released
// handle traps. In: what the test delivers. Out: what was sent. May import: platform.
import {
  ERROR_EAGAIN,
  ERROR_ECONNRESET,
  ERROR_ENOTCONN,
  SOCKET_EVENT_ACCEPTABLE,
  SOCKET_EVENT_CLOSED,
  SOCKET_EVENT_CONNECTED,
  SOCKET_EVENT_READABLE,
  SOCKET_EVENT_WRITABLE,
} from '../../platform/index';

const PIPES: i32 = 4096;
const FREE: u8 = 0;
const LISTENER: u8 = 1;
/** Connecting, or waiting to be accepted. */
const PENDING: u8 = 2;
const OPEN: u8 = 3;

@unmanaged
class Pipe {
  state: u8;
  fin: bool;
  closed: bool;
  writeWanted: bool;
  /** Bits the test looks at: 1 shut down, 2 aborted, 4 released. */
  ended: u32;
  user: u32;
  owner: u32;
  error: i32;
  port: u16;
  received: usize;
  receivedLength: u32;
  sent: usize;
  sentLength: u32;
  sendCapacity: u32;
  nextPending: i32;
  peer: u32;
}

const pipes = memory.data(4096 * 64);
let live: i32 = 0;
/** Handles go round, so that a stale one is noticed. */
let nextHandle: i32 = 0;
/** Pipes that wait to be accepted, by the only listener. */
let firstPending: i32 = 0;
let lastPending: i32 = 0;

function pipeAt(handle: i32): Pipe {
  assert(handle > 0 && handle <= PIPES, 'no such handle');
  return changetype<Pipe>(pipes + 64 * <usize>(handle - 1));
}

function inUse(handle: i32): Pipe {
  const pipe = pipeAt(handle);
  assert(pipe.state == OPEN || pipe.state == LISTENER || pipe.state == PENDING, 'handle was released');
  assert((pipe.ended & 6) == 0, 'handle was aborted or released');
  return pipe;
}

function create(state: u8): i32 {
  assert(offsetof<Pipe>() <= 64);
  for (let i = 0; i < PIPES; i++) {
    nextHandle = nextHandle == PIPES ? 1 : nextHandle + 1;
    const pipe = pipeAt(nextHandle);
    if (pipe.state != FREE) continue;
    memory.fill(changetype<usize>(pipe), 0, 64);
    pipe.state = state;
    pipe.sendCapacity = 65536;
    pipe.peer = 0xc0000201;
    live++;
    return nextHandle;
  }
  return ERROR_ENOTCONN;
}

export function tcpListen(address: u32, port: u16, backlog: u32, owner: u8, deferred: bool): i32 {
  return create(LISTENER);
}

export function tcpAccept(listener: i32): i32 {
  inUse(listener);
  const handle = firstPending;
  if (handle == 0) return ERROR_EAGAIN;
  firstPending = pipeAt(handle).nextPending;
  if (firstPending == 0) lastPending = 0;
  pipeAt(handle).state = OPEN;
  return handle;
}

export function tcpConnect(localAddress: u32, localPort: u16, address: u32, port: u16, owner: u8): i32 {
  const handle = create(PENDING);
  if (handle > 0) pipeAt(handle).port = port;
  lastConnect = handle;
  return handle;
}

export function tcpSend(handle: i32, source: usize, length: u32): i32 {
  const pipe = inUse(handle);
  if (pipe.closed || (pipe.ended & 1) != 0 || pipe.state != OPEN) return ERROR_ENOTCONN;
  const n = min(length, tcpSendSpace(handle));
  if (pipe.sent == 0) pipe.sent = heap.alloc(1 << 20);
  memory.copy(pipe.sent + <usize>pipe.sentLength, source, n);
  pipe.sentLength += n;
  if (n < length) pipe.writeWanted = true;
  return n;
}

export function tcpSendSpace(handle: i32): u32 {
  const pipe = inUse(handle);
  return pipe.sendCapacity > pipe.sentLength ? pipe.sendCapacity - pipe.sentLength : 0;
}

export function tcpPeek(handle: i32): usize {
  return inUse(handle).received;
}

export function tcpPeekLength(handle: i32): u32 {
  return inUse(handle).receivedLength;
}

export function tcpConsume(handle: i32, length: u32): void {
  const pipe = inUse(handle);
  assert(length <= pipe.receivedLength, 'consumed more than there is');
  pipe.receivedLength -= length;
  memory.copy(pipe.received, pipe.received + <usize>length, pipe.receivedLength);
}

export function tcpFinished(handle: i32): bool {
  const pipe = inUse(handle);
  return pipe.fin && pipe.receivedLength == 0;
}

export function tcpShutdown(handle: i32): void {
  inUse(handle).ended |= 1;
}

export function tcpAbort(handle: i32): void {
  inUse(handle).ended |= 2;
  settle(handle);
}

export function tcpRelease(handle: i32): void {
  inUse(handle).ended |= 4;
  if (pipeAt(handle).state == LISTENER) pipeForget(handle);
  else settle(handle);
}

export function tcpError(handle: i32): i32 {
  return inUse(handle).error;
}

export function tcpSetOption(handle: i32, option: u32, value: u32): i32 {
  inUse(handle);
  return 0;
}

export function tcpSetUser(handle: i32, user: u32): void {
  inUse(handle).user = user;
}

export function tcpUser(handle: i32): u32 {
  return inUse(handle).user;
}

export function tcpPeerAddress(handle: i32): u32 {
  return inUse(handle).peer;
}

export function tcpFromRouter(handle: i32): bool {
  return inUse(handle).peer == 0xc00002fe;
}

export function tcpConnectionLimit(): u32 {
  return PIPES;
}

export function tcpPeerPort(handle: i32): u16 {
  inUse(handle);
  return 50000;
}

/** Gone for libos; the test may still look at what was sent. */
function settle(handle: i32): void {
  const pipe = pipeAt(handle);
  if (pipe.received != 0) heap.free(pipe.received);
  pipe.received = 0;
  pipe.receivedLength = 0;
}

// What the test calls. A function that returns bits wants them passed to httpTcpEvent with the handle.

/** Handle of the latest tcpConnect. */
export let lastConnect: i32 = 0;

/** A peer connects to a listener; returns the handle. Then pass ACCEPTABLE with the listener. */
export function pipeOpen(): i32 {
  const handle = create(PENDING);
  if (lastPending == 0) firstPending = handle;
  else pipeAt(lastPending).nextPending = handle;
  lastPending = handle;
  return handle;
}

export function pipeAcceptable(): u32 {
  return SOCKET_EVENT_ACCEPTABLE;
}

/** A connect of libos succeeds. */
export function pipeConnected(handle: i32): u32 {
  pipeAt(handle).state = OPEN;
  return SOCKET_EVENT_CONNECTED;
}

/** Bytes from the peer. 0: libos has let go of the handle. */
export function pipeDeliver(handle: i32, source: usize, length: u32): u32 {
  const pipe = pipeAt(handle);
  if (isGone(pipe)) return 0;
  const joined = heap.alloc(max<usize>(<usize>pipe.receivedLength + <usize>length, 1));
  memory.copy(joined, pipe.received, pipe.receivedLength);
  memory.copy(joined + <usize>pipe.receivedLength, source, length);
  if (pipe.received != 0) heap.free(pipe.received);
  pipe.received = joined;
  pipe.receivedLength += length;
  return pipe.state == OPEN ? SOCKET_EVENT_READABLE : 0;
}

/** The peer's FIN. */
export function pipeFinish(handle: i32): u32 {
  const pipe = pipeAt(handle);
  if (isGone(pipe)) return 0;
  pipe.fin = true;
  return pipe.state == OPEN ? SOCKET_EVENT_READABLE : 0;
}

/** The peer's RST, or a failed connect: `error`. */
export function pipeReset(handle: i32, error: i32): u32 {
  const pipe = pipeAt(handle);
  if (isGone(pipe)) return 0;
  pipe.closed = true;
  pipe.error = error != 0 ? error : ERROR_ECONNRESET;
  pipe.receivedLength = 0;
  pipe.state = OPEN;
  return SOCKET_EVENT_CLOSED;
}

/** Where the bytes sent are; `pipeSentLength` says how many. */
export function pipeSent(handle: i32): usize {
  return pipeAt(handle).sent;
}

export function pipeSentLength(handle: i32): u32 {
  return pipeAt(handle).sentLength;
}

/** The peer has taken everything sent. Returns WRITABLE when libos wanted to send more. */
export function pipeTaken(handle: i32): u32 {
  const pipe = pipeAt(handle);
  pipe.sentLength = 0;
  const wanted = pipe.writeWanted && !isGone(pipe);
  pipe.writeWanted = false;
  return wanted ? SOCKET_EVENT_WRITABLE : 0;
}

/** The peer's address, before it is accepted. */
export function pipeSetPeer(handle: i32, address: u32): void {
  pipeAt(handle).peer = address;
}

/** Bytes that the peer takes before the sender must wait. */
export function pipeSetCapacity(handle: i32, bytes: u32): void {
  pipeAt(handle).sendCapacity = bytes;
}

/** 1 shut down, 2 aborted, 4 released. */
export function pipeEnded(handle: i32): u32 {
  return pipeAt(handle).ended;
}

export function pipeReceivedLength(handle: i32): u32 {
  return pipeAt(handle).receivedLength;
}

/** The test is done with the handle. */
export function pipeForget(handle: i32): void {
  const pipe = pipeAt(handle);
  if (pipe.state == FREE) return;
  settle(handle);
  if (pipe.sent != 0) heap.free(pipe.sent);
  pipe.sent = 0;
  pipe.state = FREE;
  live--;
}

/** Handles that the test has not forgotten. */
export function pipesLive(): i32 {
  return live;
}

function isGone(pipe: Pipe): bool {
  return pipe.state == FREE || (pipe.ended & 6) != 0 || pipe.closed;
}
