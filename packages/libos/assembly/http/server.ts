// HTTP/1.1 server over TCP: listeners, requests and answers. See docs/http.md.
// In: calls of the kernel and the application, TCP events. Out: events through events.ts, bytes to TCP.
// May import: socket, platform, and all of http below it.
import {
  ERROR_EINVAL,
  ERROR_ENOBUFS,
  ERROR_ENOTCONN,
  SOCKET_EVENT_ACCEPTABLE,
  SOCKET_EVENT_CLOSED,
  SOCKET_EVENT_CONNECTED,
  SOCKET_OPTION_NO_DELAY,
} from '../platform/index';
import { OWNER_HTTP_SERVER } from '../socket/owners';
import {
  tcpAbort,
  tcpAccept,
  tcpFromRouter,
  tcpListen,
  tcpPeerAddress,
  tcpPeerPort,
  tcpRelease,
  tcpSetOption,
  tcpSetUser,
  tcpUser,
} from '../socket/tcp/index';
import { nowNs } from '../time/clock';
import {
  attend,
  Connection,
  connectionAllowed,
  connectionAt,
  connectionIndex,
  connectionsOf,
  connectionTake,
  exchangeConnection,
  longestIdle,
  markSurplus,
  ROLE_SERVER,
  SCRATCH_BYTES,
  SEEN_CLOSED,
  SEEN_CONNECTED,
  SEND_NO_CONTENT,
  SEND_NONE,
  scratch,
  surplusConnections,
} from './connection';
import { headOf } from './event';
import { exchangeFail, sendingDone } from './exchange';
import { fieldsOf } from './head';
import { initialiseHttp } from './initialise';
import { limits } from './limits';
import { output, outputFits } from './output';
import { HEAD_EXTRA_BYTES, writeResponseHead } from './response';
import { beginServer, dismissIdle, drain } from './server-connection';

/** Marks the `tcpUser` of a listener. */
const LISTENER_USER: u32 = 0x8000_0000;

/** Listens on `port` of `address` (0: any); returns a listener handle or TCP's error. */
export function httpListen(port: u16, address: u32): i32 {
  initialiseHttp();
  const listener = tcpListen(address, port, limits.backlog, OWNER_HTTP_SERVER, false);
  if (listener > 0) tcpSetUser(listener, LISTENER_USER);
  return listener;
}

/** Stops accepting; idle connections close, exchanges in progress end with `Connection: close`. */
export function httpClose(listener: i32): void {
  tcpRelease(listener);
  for (
    let index: u32 = 0, connection = connectionAt(0);
    connection != null;
    connection = connectionAt(++index)
  ) {
    if (connection.role == ROLE_SERVER && connection.tcp != 0 && connection.listener == listener)
      drain(connection);
  }
}

/** An event of a TCP handle owned by OWNER_HTTP_SERVER or OWNER_HTTP_CLIENT. */
export function httpTcpEvent(handle: i32, bits: u32): void {
  const user = tcpUser(handle);
  if ((user & LISTENER_USER) != 0) {
    if ((bits & SOCKET_EVENT_ACCEPTABLE) != 0) acceptAll(handle);
    return;
  }
  const connection = connectionAt(user);
  if (connection == null || connection.tcp != handle) return;
  if ((bits & SOCKET_EVENT_CLOSED) != 0) connection.seen |= SEEN_CLOSED;
  if ((bits & SOCKET_EVENT_CONNECTED) != 0) connection.seen |= SEEN_CONNECTED;
  attend(connection);
}

/**
 * Accepts all that wait, so that nobody can fill the backlog. One too many takes the place of an idle connection, is
 * answered with 503, or is reset.
 */
function acceptAll(listener: i32): void {
  while (true) {
    const handle = tcpAccept(listener);
    if (handle <= 0) return;
    const address = tcpPeerAddress(handle);
    const isServed = connectionAllowed(address, tcpFromRouter(handle)) || makeRoom(address);
    if (!isServed && surplusConnections >= limits.refusedConnections) {
      tcpAbort(handle);
      continue;
    }
    const connection = connectionTake(ROLE_SERVER, address)!;
    if (!isServed) markSurplus(connection);
    connection.tcp = handle;
    connection.listener = listener;
    tcpSetUser(handle, connectionIndex(connection));
    tcpSetOption(handle, SOCKET_OPTION_NO_DELAY, 1);
    beginServer(connection);
  }
}

/** Idle connections that are looked at to make room for one. */
const IDLE_LOOKED_AT: u32 = 64;
/** More than twice as many connections as another peer's, and so many more, are a crowd. */
const CROWD: u32 = 8;

/**
 * Closes one of those that have been idle for longest, of the peer that has most connections: never of one that has
 * fewer than the newcomer. Idle for less than `idleLeastNs` only when its peer has a crowd. False: there was none.
 */
function makeRoom(address: u32): bool {
  const newcomers = connectionsOf(address);
  let victim: Connection | null = null;
  let most: u32 = 0;
  let looked: u32 = 0;
  let connection = longestIdle();
  while (connection !== null && looked++ < IDLE_LOOKED_AT) {
    const owned = connectionsOf(connection.address);
    const isOld = nowNs - connection.idleSinceNs >= limits.idleLeastNs || owned > 2 * newcomers + CROWD;
    // One that is queued may have got its next request.
    if (isOld && !connection.queued && !connection.isSurplus && owned >= newcomers && owned > most) {
      victim = connection;
      most = owned;
    }
    connection = connection.idleNext == 0 ? null : changetype<Connection>(connection.idleNext);
  }
  if (victim === null) return false;
  dismissIdle(victim);
  return true;
}

/** Method of the request that DISPATCH_HTTP_REQUEST reports; like the next ones until the next `httpNextEvent`. */
export function requestMethod(exchange: i32): usize {
  const head = headOf(exchange);
  return head == null ? 0 : head.buffer;
}

export function requestMethodLength(exchange: i32): u32 {
  const head = headOf(exchange);
  return head == null ? 0 : head.methodLength;
}

/** Target in origin form, "/path?query". */
export function requestTarget(exchange: i32): usize {
  const head = headOf(exchange);
  return head == null ? 0 : head.target;
}

export function requestTargetLength(exchange: i32): u32 {
  const head = headOf(exchange);
  return head == null ? 0 : head.targetLength;
}

/** Lines "name: value\n", names in lower case, values as UTF-8 of byte strings. */
export function requestHeaders(exchange: i32): usize {
  const head = headOf(exchange);
  return head == null ? 0 : fieldsOf(head);
}

export function requestHeadersLength(exchange: i32): u32 {
  const head = headOf(exchange);
  return head == null ? 0 : head.fieldsLength;
}

/** Length of the request's body: 0 none, -1 chunked. */
export function requestBodyBytes(exchange: i32): i64 {
  const connection = exchangeConnection(exchange);
  return connection == null ? 0 : connection.bodyLength;
}

export function requestPeerAddress(exchange: i32): u32 {
  const connection = exchangeConnection(exchange);
  return connection == null ? 0 : tcpPeerAddress(connection.tcp);
}

export function requestPeerPort(exchange: i32): u16 {
  const connection = exchangeConnection(exchange);
  return connection == null ? 0 : <u16>tcpPeerPort(connection.tcp);
}

/** A live server exchange that has no response head yet; its error is in `answerError`. */
let answerError: i32 = 0;
function unanswered(exchange: i32): Connection | null {
  const connection = exchangeConnection(exchange);
  answerError = ERROR_ENOTCONN;
  if (connection == null) return null;
  answerError = ERROR_EINVAL;
  return connection.role == ROLE_SERVER && connection.sending == SEND_NONE ? connection : null;
}

/**
 * Sends a whole response. `headers`: "name: value\r\n" lines. Returns 0: the handle is dead then. Errors: ENOTCONN
 * dead handle; EINVAL status not 200 to 599, bad header lines, or already answered; EMSGSIZE header lines too long;
 * ENOBUFS the body does not fit in what may be pending: send it in pieces.
 */
export function httpRespond(
  exchange: i32,
  status: u32,
  headers: usize,
  headersLength: u32,
  body: usize,
  bodyLength: u32,
): i32 {
  const connection = unanswered(exchange);
  if (connection == null) return answerError;
  if (!outputFits(connection, <u64>bodyLength + <u64>headersLength + <u64>HEAD_EXTRA_BYTES))
    return ERROR_ENOBUFS;
  const headLength = writeResponseHead(connection, status, headers, headersLength, <i64>bodyLength);
  if (headLength < 0) return headLength;
  const content =
    connection.sending == SEND_NO_CONTENT ? 0 : min<u64>(<u64>bodyLength, connection.sendRemaining);
  let error: i32;
  if (<u64>headLength + content <= <u64>SCRATCH_BYTES) {
    memory.copy(scratch + <usize>headLength, body, <usize>content);
    error = output(connection, scratch, <u32>headLength + <u32>content);
  } else {
    error = output(connection, scratch, headLength);
    if (error == 0) error = output(connection, body, <u32>content);
  }
  if (error < 0) {
    exchangeFail(connection, error, 0);
    return error;
  }
  sendingDone(connection);
  return 0;
}

/** Sends a response's head; `contentLength` -1: chunked. The body follows by `httpWrite`. Errors as `httpRespond`. */
export function httpRespondHead(
  exchange: i32,
  status: u32,
  headers: usize,
  headersLength: u32,
  contentLength: i64,
): i32 {
  const connection = unanswered(exchange);
  if (connection == null) return answerError;
  if (!outputFits(connection, <u64>headersLength + <u64>HEAD_EXTRA_BYTES)) return ERROR_ENOBUFS;
  const headLength = writeResponseHead(connection, status, headers, headersLength, contentLength);
  if (headLength < 0) return headLength;
  const error = output(connection, scratch, headLength);
  if (error < 0) exchangeFail(connection, error, 0);
  return error;
}
