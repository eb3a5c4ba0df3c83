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
  tcpAccept,
  tcpListen,
  tcpPeerAddress,
  tcpPeerPort,
  tcpRelease,
  tcpSetOption,
  tcpSetUser,
  tcpUser,
} from '../socket/tcp/index';
import {
  attend,
  Connection,
  connectionAt,
  connectionIndex,
  connectionTake,
  exchangeConnection,
  ROLE_SERVER,
  SCRATCH_BYTES,
  SEEN_CLOSED,
  SEEN_CONNECTED,
  SEND_NO_CONTENT,
  SEND_NONE,
  scratch,
  serverConnections,
} from './connection';
import { headOf } from './event';
import { exchangeFail, sendingDone } from './exchange';
import { fieldsOf } from './head';
import { initialiseHttp } from './initialise';
import { limits } from './limits';
import { output, outputFits } from './output';
import { HEAD_EXTRA_BYTES, writeResponseHead } from './response';
import { beginServer, dismissIdle, drain, PHASE_IDLE } from './server-connection';

/** Marks the `tcpUser` of a listener. */
const LISTENER_USER: u32 = 0x8000_0000;
/** Connections wait in a backlog because none was free. */
let acceptLater: i32 = 0;

/** Listens on `port` of `address` (0: any); returns a listener handle or TCP's error. */
export function httpListen(port: u16, address: u32): i32 {
  initialiseHttp();
  const listener = tcpListen(address, port, limits.backlog, OWNER_HTTP_SERVER, false);
  if (listener > 0) tcpSetUser(listener, LISTENER_USER);
  return listener;
}

/** Stops accepting; idle connections close, exchanges in progress end with `Connection: close`. */
export function httpClose(listener: i32): void {
  if (acceptLater == listener) acceptLater = 0;
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

/** Accepts what waits, as far as there are connections. */
function acceptAll(listener: i32): void {
  while (true) {
    if (serverConnections >= limits.serverConnections + limits.refusedConnections) {
      acceptLater = listener;
      return;
    }
    const handle = tcpAccept(listener);
    if (handle <= 0) return;
    if (serverConnections >= limits.serverConnections) makeRoom();
    const connection = connectionTake(ROLE_SERVER)!;
    connection.isSurplus = serverConnections > limits.serverConnections;
    connection.tcp = handle;
    connection.listener = listener;
    tcpSetUser(handle, connectionIndex(connection));
    tcpSetOption(handle, SOCKET_OPTION_NO_DELAY, 1);
    beginServer(connection);
  }
}

/** Accepts connections that had to wait, once there is room; false: there was nothing to do. */
export function acceptWaiting(): bool {
  if (acceptLater == 0 || serverConnections >= limits.serverConnections) return false;
  const listener = acceptLater;
  acceptLater = 0;
  acceptAll(listener);
  return true;
}

/** Closes the connection that has been idle for longest, if there is one. */
function makeRoom(): void {
  let oldest: Connection | null = null;
  for (
    let index: u32 = 0, connection = connectionAt(0);
    connection != null;
    connection = connectionAt(++index)
  ) {
    if (connection.role != ROLE_SERVER || connection.tcp == 0 || connection.phase != PHASE_IDLE) continue;
    if (connection.queued) continue;
    if (oldest == null || connection.receiveDeadlineNs < oldest.receiveDeadlineNs) oldest = connection;
  }
  if (oldest != null) dismissIdle(oldest);
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
