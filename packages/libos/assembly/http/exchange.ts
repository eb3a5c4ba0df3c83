// What the application does with an exchange of either role: read, write, end, abort.
// In: calls with exchange handles. Out: body bytes; state that `httpNextEvent` acts on.
// May import: socket, time, body-reader, connection, limits, output, text.
import {
  ERROR_ECONNRESET,
  ERROR_EINVAL,
  ERROR_EMSGSIZE,
  ERROR_ENOTCONN,
  ERROR_EPROTO,
} from '../platform/index';
import {
  tcpAbort,
  tcpConsume,
  tcpFinished,
  tcpPeek,
  tcpPeekLength,
  tcpSend,
  tcpSendSpace,
} from '../socket/tcp/index';
import { NS_PER_S, nowNs } from '../time/clock';
import { NEVER_NS } from '../time/timers';
import { BodyReader, bodyClosed, bodyEnded, bodyGiven, bodyTaken, readBody } from './body-reader';
import {
  armTimer,
  attend,
  Connection,
  exchangeClose,
  exchangeConnection,
  ROLE_SERVER,
  SEND_CHUNKED,
  SEND_DONE,
  SEND_LENGTH,
  SEND_NO_CONTENT,
  SEND_NONE,
  scratch,
} from './connection';
import { limits } from './limits';
import { dropPending, hasPending, noteSendWait, output } from './output';
import { putHex, putText } from './text';

/** `httpRead` at the body's end. */
export const HTTP_BODY_END: i32 = -1000;
/** Longest chunk that is sent. */
const CHUNK_BYTES: u32 = 65536;
/** Shortest chunk that is cut from a longer write when TCP has little room. */
const LEAST_CHUNK_BYTES: u32 = 1024;

/** The exchange cannot continue: the next `httpNextEvent` tells the application; status 0: nothing is answered. */
export function exchangeFail(connection: Connection, error: i32, status: u16): void {
  if (connection.failed) return;
  connection.failed = true;
  connection.failure = error;
  connection.failureStatus = status;
  attend(connection);
}

/**
 * Takes body bytes of the exchange, at most `capacity` (1 or more). Returns their number, 0 when none are there now
 * (`httpReadable` follows), HTTP_BODY_END, or a negative error: ENOTCONN dead handle, EPROTO wrong chunks, EMSGSIZE
 * longer than the limit, ECONNRESET the peer closed too early.
 */
export function httpRead(exchange: i32, destination: usize, capacity: u32): i32 {
  const connection = exchangeConnection(exchange);
  if (connection == null) return ERROR_ENOTCONN;
  if (!connection.receiving) return waitForBody(connection);
  const body = connection.body;
  let given: u32 = 0;
  while (given < capacity && !bodyEnded(body)) {
    const length = tcpPeekLength(connection.tcp);
    if (length == 0) {
      if (!tcpFinished(connection.tcp) || bodyClosed(body)) break;
      exchangeFail(connection, ERROR_ECONNRESET, 400);
      return given > 0 ? <i32>given : ERROR_ECONNRESET;
    }
    readBody(body, tcpPeek(connection.tcp), length, destination + <usize>given, capacity - given);
    tcpConsume(connection.tcp, bodyTaken);
    given += bodyGiven;
    if (body.error != 0) {
      const error = body.error == 413 ? ERROR_EMSGSIZE : ERROR_EPROTO;
      exchangeFail(connection, error, body.error);
      return given > 0 ? <i32>given : error;
    }
  }
  if (given > 0) {
    noteReceived(connection);
    return <i32>given;
  }
  if (!bodyEnded(body)) return waitForBody(connection);
  connection.bodyDelivered = true;
  endIfComplete(connection);
  return HTTP_BODY_END;
}

/**
 * The application reads the rest of a request's body as a whole: `bufferedBodyBytes` bounds it from now on. A
 * declared length above fails at once. 0, or EMSGSIZE.
 */
export function httpBuffer(exchange: i32): i32 {
  const connection = exchangeConnection(exchange);
  if (connection == null || connection.role != ROLE_SERVER) return 0;
  const body = connection.body;
  body.limit = min(body.limit, limits.bufferedBodyBytes);
  if (connection.bodyLength <= <i64>body.limit) return 0;
  exchangeFail(connection, ERROR_EMSGSIZE, 413);
  return ERROR_EMSGSIZE;
}

/** Nothing now: asks the client to continue when it waits for that, and bounds the time. */
function waitForBody(connection: Connection): i32 {
  if (connection.continueWanted && connection.sending == SEND_NONE) {
    connection.continueWanted = false;
    output(connection, scratch, <u32>(putText(scratch, 'HTTP/1.1 100 Continue\r\n\r\n') - scratch));
  }
  connection.readWanted = true;
  if (connection.role == ROLE_SERVER && connection.receiveDeadlineNs == NEVER_NS) {
    // Only the time that the application waits counts, not the time it takes.
    connection.waitSinceNs = nowNs;
    const allowed = limits.bodyTimeoutNs + timeToReceive(connection.body.received);
    connection.receiveDeadlineNs = nowNs + allowed - min(allowed, connection.waitedNs);
    armTimer(connection);
  }
  return 0;
}

/** How long so many bytes take at the least rate; whole seconds first, so that no upload is too long for it. */
function timeToReceive(bytes: u64): u64 {
  const rate = <u64>limits.bodyBytesPerSecond;
  return (bytes / rate) * NS_PER_S + ((bytes % rate) * NS_PER_S) / rate;
}

/** The wait for body bytes is over. */
export function noteReceived(connection: Connection): void {
  if (connection.role == ROLE_SERVER) {
    if (connection.receiveDeadlineNs == NEVER_NS) return;
    connection.waitedNs += nowNs - connection.waitSinceNs;
    connection.receiveDeadlineNs = NEVER_NS;
  } else connection.receiveDeadlineNs = nowNs + limits.clientBodyTimeoutNs;
}

/**
 * Queues body bytes; returns how many were taken, fewer than `length` when TCP has no room (`httpWritable`
 * follows), or a negative error: ENOTCONN dead handle, EINVAL no head was sent, the body was ended, or more bytes
 * than its content-length.
 */
export function httpWrite(exchange: i32, source: usize, length: u32): i32 {
  const connection = exchangeConnection(exchange);
  if (connection == null) return ERROR_ENOTCONN;
  if (connection.sending == SEND_NONE || connection.sending == SEND_DONE) return ERROR_EINVAL;
  if (connection.sending == SEND_LENGTH && <u64>length > connection.sendRemaining) return ERROR_EINVAL;
  if (connection.sending == SEND_NO_CONTENT || length == 0) return <i32>length;
  if (!connection.sendOpen || hasPending(connection)) return waitForRoom(connection, 0);
  const taken =
    connection.sending == SEND_CHUNKED
      ? sendChunks(connection, source, length)
      : tcpSend(connection.tcp, source, length);
  if (taken < 0) {
    exchangeFail(connection, taken, 0);
    return taken;
  }
  if (connection.sending == SEND_LENGTH) connection.sendRemaining -= <u64>taken;
  // The client's wait for a response begins with the last byte of its request.
  if (connection.role != ROLE_SERVER && !connection.receiving && taken > 0)
    connection.receiveDeadlineNs = nowNs + limits.clientHeadTimeoutNs;
  return <u32>taken < length ? waitForRoom(connection, taken) : taken;
}

function waitForRoom(connection: Connection, taken: i32): i32 {
  connection.writeWanted = true;
  if (connection.sendOpen) noteSendWait(connection);
  return taken;
}

/**
 * Chunks as far as TCP has room. The last one may be larger than the room: its end is kept and TCP, whose send was
 * cut short, tells when it has room again.
 */
function sendChunks(connection: Connection, source: usize, length: u32): i32 {
  let taken: u32 = 0;
  while (taken < length && !hasPending(connection)) {
    const room = max(tcpSendSpace(connection.tcp), LEAST_CHUNK_BYTES);
    const n = min(min(length - taken, CHUNK_BYTES), room);
    let out = putHex(scratch, n);
    store<u16>(out, 0x0a0d);
    out += 2;
    memory.copy(out, source + <usize>taken, n);
    out += <usize>n;
    store<u16>(out, 0x0a0d);
    const error = output(connection, scratch, <u32>(out + 2 - scratch));
    if (error < 0) return taken > 0 ? <i32>taken : error;
    taken += n;
  }
  return <i32>taken;
}

/**
 * Ends a body. Returns 0; EMSGSIZE when bytes of its content-length are missing (the connection is reset and the
 * handle dead); EINVAL when there is none to end; ENOTCONN dead handle.
 */
export function httpEnd(exchange: i32): i32 {
  const connection = exchangeConnection(exchange);
  if (connection == null) return ERROR_ENOTCONN;
  if (connection.sending == SEND_NONE || connection.sending == SEND_DONE) return ERROR_EINVAL;
  if (connection.sending == SEND_LENGTH && connection.sendRemaining != 0) {
    httpAbort(exchange);
    return ERROR_EMSGSIZE;
  }
  if (connection.sending == SEND_CHUNKED) {
    if (!connection.sendOpen) connection.endWanted = true;
    else {
      const error = sendLastChunk(connection);
      if (error < 0) return error;
    }
  }
  sendingDone(connection);
  return 0;
}

/** The last chunk without trailers (RFC 9112 §7.1). */
export function sendLastChunk(connection: Connection): i32 {
  return output(connection, scratch, <u32>(putText(scratch, '0\r\n\r\n') - scratch));
}

/** The message of this side is complete. */
export function sendingDone(connection: Connection): void {
  connection.sending = SEND_DONE;
  connection.writeWanted = false;
  endIfComplete(connection);
}

/** Server: an answered exchange is over. Client: one whose response was read and whose request was sent. */
function endIfComplete(connection: Connection): void {
  if (connection.sending != SEND_DONE) return;
  if (connection.role != ROLE_SERVER && !connection.bodyDelivered) return;
  exchangeClose(connection);
  attend(connection);
}

/** Resets the exchange's connection; the handle is dead. */
export function httpAbort(exchange: i32): void {
  const connection = exchangeConnection(exchange);
  if (connection == null) return;
  dropPending(connection);
  if (connection.tcp != 0) tcpAbort(connection.tcp);
  connection.tcp = 0;
  exchangeClose(connection);
  attend(connection);
}

/** Whether the application can be told that its exchange is readable: bytes, the end, or the peer's FIN. */
export function isReadable(connection: Connection, body: BodyReader): bool {
  return tcpPeekLength(connection.tcp) > 0 || bodyEnded(body) || tcpFinished(connection.tcp);
}
