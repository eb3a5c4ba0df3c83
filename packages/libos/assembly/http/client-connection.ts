// What a client connection does next: the one place where it changes its phase.
// In: what TCP, the timer and the application have left in the connection. Out: at most one event; bytes to TCP.
// May import: socket, time, platform, and the parts of http below it.
import {
  DISPATCH_HTTP_CLOSED,
  DISPATCH_HTTP_READABLE,
  DISPATCH_HTTP_RESPONSE,
  DISPATCH_HTTP_WRITABLE,
  ERROR_ECONNREFUSED,
  ERROR_ECONNRESET,
  ERROR_EPROTO,
  ERROR_ETIMEDOUT,
  SOCKET_OPTION_NO_DELAY,
} from '../platform/index';
import { OWNER_HTTP_CLIENT } from '../socket/owners';
import {
  tcpAbort,
  tcpConnect,
  tcpError,
  tcpFinished,
  tcpPeekLength,
  tcpRelease,
  tcpSetOption,
  tcpSetUser,
} from '../socket/tcp/index';
import { nowNs } from '../time/clock';
import { NEVER_NS } from '../time/timers';
import { bodyEnded, bodyStart } from './body-reader';
import {
  armTimer,
  attend,
  Connection,
  connectionAt,
  connectionGive,
  connectionIndex,
  exchangeClose,
  ROLE_CLIENT,
  SEEN_CLOSED,
  SEEN_CONNECTED,
  SEEN_EXPIRED,
  SEND_DONE,
} from './connection';
import { keepHead, report } from './event';
import { exchangeFail, isReadable, noteReceived, sendLastChunk } from './exchange';
import { Head } from './head';
import { limits } from './limits';
import { dropPending, flush, hasPending, output } from './output';
import { BODY_UNTIL_CLOSE, responseBodyLength } from './parse';
import { disposeHead, dropHead, receiveHead } from './receive-head';

/** Waits for a connection to its peer to become free. */
export const PHASE_WAITING: u8 = 1;
const PHASE_CONNECTING: u8 = 2;
/** The request is going out or is out; no response yet. */
const PHASE_REQUEST: u8 = 3;
/** The application has the response's head. */
const PHASE_RESPONSE: u8 = 4;
/** In the pool, without an exchange. */
export const PHASE_POOLED: u8 = 5;

let waiting: u32 = 0;

/** The request waits for its turn. */
export function waitForConnection(connection: Connection): void {
  connection.phase = PHASE_WAITING;
  connection.waitSinceNs = nowNs;
  waitUntil(connection, nowNs + limits.clientHeadTimeoutNs);
  waiting++;
}

/** Opens a TCP connection for the request. Returns 0 or TCP's error. */
export function connect(connection: Connection): i32 {
  const handle = tcpConnect(0, 0, connection.address, connection.port, OWNER_HTTP_CLIENT);
  if (handle < 0) return handle;
  connection.tcp = handle;
  connection.phase = PHASE_CONNECTING;
  connection.sendOpen = false;
  tcpSetUser(handle, connectionIndex(connection));
  tcpSetOption(handle, SOCKET_OPTION_NO_DELAY, 1);
  waitUntil(connection, nowNs + limits.clientConnectTimeoutNs);
  return 0;
}

/** Sends the request's head on an open connection, and the end of a body that was ended before. */
export function sendRequest(connection: Connection): void {
  connection.phase = PHASE_REQUEST;
  connection.sendOpen = true;
  connection.receiving = false;
  waitUntil(connection, nowNs + limits.clientHeadTimeoutNs);
  let error = output(connection, connection.request, connection.requestLength);
  if (error == 0 && connection.endWanted) error = sendLastChunk(connection);
  connection.endWanted = false;
  if (error < 0) exchangeFail(connection, error, 0);
}

/** Does what is to be done; returns the kind of the event reported, 0 for none. */
export function advanceClient(connection: Connection): u32 {
  const seen = connection.seen;
  connection.seen = 0;
  if ((seen & SEEN_EXPIRED) != 0) expired(connection);
  if (connection.failed) return tellFailure(connection);
  if (connection.tcp == 0 && (connection.phase != PHASE_WAITING || connection.exchange == 0))
    return finished(connection, false);
  if ((seen & SEEN_CLOSED) != 0) return lost(connection);
  if ((seen & SEEN_CONNECTED) != 0 && connection.phase == PHASE_CONNECTING) sendRequest(connection);
  if (connection.phase == PHASE_WAITING || connection.phase == PHASE_CONNECTING) return 0;
  if (connection.phase == PHASE_POOLED) {
    // The peer closes, or says something that nobody asked for.
    return tcpFinished(connection.tcp) || tcpPeekLength(connection.tcp) != 0
      ? finished(connection, false)
      : 0;
  }
  flush(connection);
  if (connection.exchange == 0) return finished(connection, true);
  if (connection.phase == PHASE_REQUEST) {
    const event = receiveResponse(connection);
    if (event != 0 || connection.phase != PHASE_REQUEST) return event;
  } else if (connection.readWanted && isReadable(connection, connection.body)) {
    connection.readWanted = false;
    noteReceived(connection);
    attend(connection);
    return report(DISPATCH_HTTP_READABLE, connection, 0);
  }
  // Last, and without looking again at once: when TCP still has no room, it tells.
  if (connection.writeWanted && !hasPending(connection)) {
    connection.writeWanted = false;
    connection.sendDeadlineNs = NEVER_NS;
    return report(DISPATCH_HTTP_WRITABLE, connection, 0);
  }
  return 0;
}

function waitUntil(connection: Connection, deadlineNs: u64): void {
  connection.receiveDeadlineNs = deadlineNs;
  armTimer(connection);
}

/** Reads heads until a final one (RFC 9110 §15.2: others are passed over). */
function receiveResponse(connection: Connection): u32 {
  while (true) {
    const head = receiveHead(connection, true);
    if (tcpPeekLength(connection.tcp) != 0 || connection.head != 0 || head != null) forgetRequest(connection);
    if (head == null) {
      if (!tcpFinished(connection.tcp)) return 0;
      return connection.retriable && connection.head == 0
        ? repeat(connection)
        : failNow(connection, ERROR_ECONNRESET);
    }
    if (head.error == 0 && head.status < 200 && head.status != 101) {
      disposeHead(head);
      continue;
    }
    const length = responseBodyLength(head, connection.isHead);
    // 101 answers an Upgrade, which is never asked for.
    if (head.error != 0 || head.status == 101) {
      disposeHead(head);
      return failNow(connection, ERROR_EPROTO);
    }
    return deliver(connection, head, length);
  }
}

/** Hands the response's head to the application. */
function deliver(connection: Connection, head: Head, length: i64): u32 {
  connection.phase = PHASE_RESPONSE;
  connection.receiving = true;
  connection.bodyLength = length;
  bodyStart(connection.body, length, u64.MAX_VALUE);
  connection.closeAfter =
    head.connectionClose ||
    (head.minorVersion == 0 && !head.connectionKeepAlive) ||
    length == BODY_UNTIL_CLOSE;
  connection.peerKeepsAlive = !connection.closeAfter;
  connection.readWanted = length != 0;
  waitUntil(connection, nowNs + limits.clientBodyTimeoutNs);
  keepHead(connection, head);
  const event = report(DISPATCH_HTTP_RESPONSE, connection, 0);
  if (length == 0) {
    // An answer before the whole request was sent: the rest is of no use to the peer.
    if (connection.sending != SEND_DONE) connection.closeAfter = true;
    exchangeClose(connection);
  }
  attend(connection);
  return event;
}

/** The pooled connection was dead: the request goes out again on a new one (RFC 9112 §9.3.1). */
function repeat(connection: Connection): u32 {
  connection.retriable = false;
  dropPending(connection);
  tcpRelease(connection.tcp);
  connection.tcp = 0;
  const error = connect(connection);
  return error < 0 ? failNow(connection, error) : 0;
}

/** TCP has given the connection up. */
function lost(connection: Connection): u32 {
  const error = tcpError(connection.tcp);
  if (connection.exchange == 0) return finished(connection, false);
  if (connection.phase == PHASE_REQUEST && connection.retriable && connection.head == 0)
    return repeat(connection);
  const refused = connection.phase == PHASE_CONNECTING ? ERROR_ECONNREFUSED : ERROR_ECONNRESET;
  return failNow(connection, error < 0 ? error : refused);
}

function failNow(connection: Connection, error: i32): u32 {
  exchangeFail(connection, error, 0);
  return tellFailure(connection);
}

/** Ends the connection; tells the application when it has an exchange on it. */
function tellFailure(connection: Connection): u32 {
  const event = connection.exchange != 0 ? report(DISPATCH_HTTP_CLOSED, connection, connection.failure) : 0;
  finished(connection, false);
  return event;
}

/** A deadline has come. */
function expired(connection: Connection): void {
  if (min(connection.receiveDeadlineNs, connection.sendDeadlineNs) > nowNs) return;
  if (connection.phase == PHASE_POOLED || connection.exchange == 0) connection.failed = true;
  else exchangeFail(connection, ERROR_ETIMEDOUT, 0);
}

function forgetRequest(connection: Connection): void {
  if (connection.request == 0) return;
  heap.free(connection.request);
  connection.request = 0;
  connection.retriable = false;
}

/** Nothing is left to do for the exchange. `orderly`: the connection may serve another. */
function finished(connection: Connection, orderly: bool): u32 {
  exchangeClose(connection);
  forgetRequest(connection);
  const hadPlace = connection.phase != PHASE_WAITING;
  leaveQueue(connection);
  const reusable =
    orderly && !connection.closeAfter && !hasPending(connection) && tcpPeekLength(connection.tcp) == 0;
  if (reusable && !tcpFinished(connection.tcp) && bodyEnded(connection.body)) {
    const next = longestWaiting(connection.address, connection.port);
    if (next == null) {
      connection.phase = PHASE_POOLED;
      connection.sendDeadlineNs = NEVER_NS;
      waitUntil(connection, nowNs + limits.clientIdleTimeoutNs);
      return 0;
    }
    leaveQueue(next);
    adopt(next, connection.tcp);
    connection.tcp = 0;
    give(connection);
    return 0;
  }
  if (connection.tcp != 0) {
    // A connection that has not said everything is reset, so that the peer does not take the part for the whole.
    if (orderly && bodyEnded(connection.body) && !hasPending(connection)) tcpRelease(connection.tcp);
    else tcpAbort(connection.tcp);
    connection.tcp = 0;
  }
  const address = connection.address;
  const port = connection.port;
  give(connection);
  const next = hadPlace ? longestWaiting(address, port) : null;
  if (next != null) {
    leaveQueue(next);
    const error = connect(next);
    if (error < 0) exchangeFail(next, error, 0);
  }
  return 0;
}

/** The request waits no longer. */
function leaveQueue(connection: Connection): void {
  if (connection.phase != PHASE_WAITING) return;
  connection.phase = PHASE_CONNECTING;
  waiting--;
}

function give(connection: Connection): void {
  dropHead(connection);
  dropPending(connection);
  connectionGive(connection);
}

/** The request goes out on a connection that was used before. */
export function adopt(connection: Connection, tcp: i32): void {
  connection.tcp = tcp;
  tcpSetUser(tcp, connectionIndex(connection));
  sendRequest(connection);
  attend(connection);
}

/** Ends a pooled connection. */
export function dismissPooled(connection: Connection): void {
  tcpRelease(connection.tcp);
  connection.tcp = 0;
  give(connection);
}

/** The request to that peer that has waited for longest; null when none does. */
function longestWaiting(address: u32, port: u16): Connection | null {
  let longest: Connection | null = null;
  if (waiting == 0) return longest;
  for (let index: u32 = 0, c = connectionAt(0); c != null; c = connectionAt(++index)) {
    if (c.role != ROLE_CLIENT || c.phase != PHASE_WAITING || c.exchange == 0 || c.failed) continue;
    if (c.address != address || c.port != port) continue;
    if (longest == null || c.order < longest.order) longest = c;
  }
  return longest;
}
