// HTTP/1.1 client: requests over pooled connections, for fetch(). See docs/http.md.
// In: calls of the application. Out: events through events.ts, bytes to TCP.
// May import: platform, and all of http below it.
import { ERROR_EINVAL, ERROR_ENOBUFS } from '../platform/index';
import {
  adopt,
  connect,
  dismissPooled,
  PHASE_POOLED,
  PHASE_WAITING,
  waitForConnection,
} from './client-connection';
import {
  Connection,
  clientConnections,
  connectionAt,
  connectionGive,
  connectionTake,
  exchangeClose,
  exchangeConnection,
  exchangeOpen,
  ROLE_CLIENT,
  SEND_CHUNKED,
  SEND_DONE,
  SEND_LENGTH,
  scratch,
} from './connection';
import { headOf } from './event';
import { fieldsOf } from './head';
import { initialiseHttp } from './initialise';
import { limits } from './limits';
import { BODY_CHUNKED } from './parse';
import { is, isIdempotent, writeRequestHead } from './request';

/** Counts requests, so that those that wait are served in order. */
let requests: u64 = 0;
/** Results of `survey`. */
let toPeer: u32 = 0;
let pooledToPeer: Connection | null = null;
let oldestPooled: Connection | null = null;

/**
 * Starts a request over a pooled connection, or a new one. `headers`: "name: value\r\n" lines; libos adds Host when
 * there is none, Content-Length or Transfer-Encoding. `bodyBytes`: 0 none, -1 chunked, else what `httpWrite` will
 * bring before `httpEnd`. Returns a handle for `httpRead`, `httpWrite`, `httpEnd`, `httpAbort`, or EINVAL for a
 * method, target or line that is not valid, EMSGSIZE, ENOBUFS too many requests, or TCP's error.
 */
export function httpRequest(
  address: u32,
  port: u16,
  method: usize,
  methodLength: u32,
  target: usize,
  targetLength: u32,
  headers: usize,
  headersLength: u32,
  bodyBytes: i64,
): i32 {
  initialiseHttp();
  if (address == 0 || port == 0 || bodyBytes < BODY_CHUNKED) return ERROR_EINVAL;
  const length = writeRequestHead(
    address,
    port,
    method,
    methodLength,
    target,
    targetLength,
    headers,
    headersLength,
    bodyBytes,
  );
  if (length < 0) return length;
  survey(address, port);
  const pooled = pooledToPeer;
  if (clientConnections >= limits.clientConnections && pooled == null) {
    if (oldestPooled == null) return ERROR_ENOBUFS;
    dismissPooled(oldestPooled!);
  }
  let connection: Connection;
  if (pooled != null) connection = pooled;
  else {
    const fresh = connectionTake(ROLE_CLIENT, address);
    if (fresh == null) return ERROR_ENOBUFS;
    connection = fresh;
  }
  connection.port = port;
  connection.order = ++requests;
  connection.request = heap.alloc(length);
  connection.requestLength = length;
  memory.copy(connection.request, scratch, length);
  connection.isHead = is(method, methodLength, 'HEAD');
  connection.retriable = pooled != null && bodyBytes == 0 && isIdempotent(method, methodLength);
  connection.sending = bodyBytes == 0 ? SEND_DONE : bodyBytes > 0 ? SEND_LENGTH : SEND_CHUNKED;
  connection.sendRemaining = bodyBytes > 0 ? <u64>bodyBytes : 0;
  connection.closeAfter = false;
  connection.bodyDelivered = false;
  connection.readWanted = false;
  connection.writeWanted = false;
  connection.receiving = false;
  exchangeOpen(connection);
  if (pooled != null) adopt(connection, connection.tcp);
  else if (toPeer >= limits.clientConnectionsPerHost) waitForConnection(connection);
  else {
    const error = connect(connection);
    if (error < 0) {
      exchangeClose(connection);
      heap.free(connection.request);
      connectionGive(connection);
      return error;
    }
  }
  return connection.exchange;
}

/** Looks at all client connections: those to the peer, a pooled one to it, the oldest pooled one. */
function survey(address: u32, port: u16): void {
  toPeer = 0;
  pooledToPeer = null;
  oldestPooled = null;
  if (clientConnections == 0) return;
  for (let index: u32 = 0, c = connectionAt(0); c != null; c = connectionAt(++index)) {
    if (c.role != ROLE_CLIENT) continue;
    // One that has something to tell may be closing.
    const pooled = c.phase == PHASE_POOLED && !c.queued;
    if (pooled && (oldestPooled == null || c.receiveDeadlineNs < oldestPooled!.receiveDeadlineNs))
      oldestPooled = c;
    if (c.address != address || c.port != port) continue;
    if (c.phase != PHASE_WAITING) toPeer++;
    if (pooled && (pooledToPeer == null || c.receiveDeadlineNs > pooledToPeer!.receiveDeadlineNs))
      pooledToPeer = c;
  }
}

/** Status of the response that DISPATCH_HTTP_RESPONSE reports; like the next ones until the next `httpNextEvent`. */
export function responseStatus(exchange: i32): u32 {
  const head = headOf(exchange);
  return head == null ? 0 : head.status;
}

/** Lines "name: value\n", names in lower case, values as UTF-8 of byte strings. */
export function responseHeaders(exchange: i32): usize {
  const head = headOf(exchange);
  return head == null ? 0 : fieldsOf(head);
}

export function responseHeadersLength(exchange: i32): u32 {
  const head = headOf(exchange);
  return head == null ? 0 : head.fieldsLength;
}

/** Length of the response's body: 0 none (the handle is dead then), -1 not known before its end. */
export function responseBodyBytes(exchange: i32): i64 {
  const connection = exchangeConnection(exchange);
  return connection == null ? 0 : max(connection.bodyLength, BODY_CHUNKED);
}

/** Whether the peer keeps the connection open. */
export function responseKeepAlive(exchange: i32): bool {
  const head = headOf(exchange);
  if (head == null) return false;
  const connection = exchangeConnection(exchange);
  if (connection != null) return connection.peerKeepsAlive;
  return !head.connectionClose && (head.minorVersion != 0 || head.connectionKeepAlive);
}
