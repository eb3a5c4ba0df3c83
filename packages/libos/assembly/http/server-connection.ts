// What a server connection does next: the one place where it changes its phase.
// In: what TCP, the timer and the application have left in the connection. Out: at most one event; bytes to TCP.
// May import: socket, time, platform, and the parts of http below it.
import {
  DISPATCH_HTTP_CLOSED,
  DISPATCH_HTTP_READABLE,
  DISPATCH_HTTP_REQUEST,
  DISPATCH_HTTP_WRITABLE,
  ERROR_ECONNRESET,
  ERROR_ETIMEDOUT,
} from '../platform/index';
import {
  tcpAbort,
  tcpConsume,
  tcpError,
  tcpFinished,
  tcpPeek,
  tcpPeekLength,
  tcpRelease,
  tcpShutdown,
} from '../socket/tcp/index';
import { nowNs } from '../time/clock';
import { NEVER_NS } from '../time/timers';
import { bodyEnded, bodyStart, bodyTaken, readBody } from './body-reader';
import {
  armTimer,
  attend,
  Connection,
  connectionGive,
  exchangeAllowed,
  exchangeClose,
  exchangeOpen,
  idleEnter,
  idleLeave,
  SEEN_CLOSED,
  SEEN_EXPIRED,
  SEEN_HEAD_TAKEN,
  SEND_NONE,
  scratch,
} from './connection';
import { keepHead, report } from './event';
import { exchangeFail, isReadable, noteReceived } from './exchange';
import { EXPECT_CONTINUE, Head } from './head';
import { limits } from './limits';
import { dropPending, flush, hasPending, output } from './output';
import { requestBodyLength } from './parse';
import { disposeHead, dropHead, receiveHead } from './receive-head';
import { writeErrorResponse, writeOptionsResponse } from './response';

/** Between requests. */
const PHASE_IDLE: u8 = 1;
/** A head has come in part. */
const PHASE_HEAD: u8 = 2;
/** The application has the request. */
const PHASE_EXCHANGE: u8 = 3;
/** Answered: what is pending goes out, what is left of the request's body is thrown away. */
const PHASE_FINISH: u8 = 4;
/** FIN sent: waits for the peer's, so that no RST destroys the response on its way (RFC 9112 §9.6). */
const PHASE_LINGER: u8 = 5;

/** A connection has been accepted as `connection.tcp`. */
export function beginServer(connection: Connection): void {
  becomeIdle(connection);
  connection.receiving = true;
  connection.sendOpen = true;
  waitUntil(connection, nowNs + limits.headTimeoutNs);
  attend(connection);
}

/** Does what is to be done; returns the kind of the event reported, 0 for none. */
export function advanceServer(connection: Connection): u32 {
  const seen = connection.seen;
  connection.seen = 0;
  if (connection.tcp == 0) return discardConnection(connection);
  if ((seen & SEEN_CLOSED) != 0) {
    const error = tcpError(connection.tcp);
    return lost(connection, error < 0 ? error : ERROR_ECONNRESET);
  }
  if ((seen & SEEN_EXPIRED) != 0 && !connection.failed && expired(connection)) return 0;
  if (connection.failed) return failExchange(connection);
  if ((seen & SEEN_HEAD_TAKEN) != 0 && connection.phase == PHASE_HEAD) refuse(connection, 503);
  flush(connection);
  while (true) {
    switch (connection.phase) {
      case PHASE_EXCHANGE:
        if (connection.exchange != 0) return advanceExchange(connection);
        enter(connection, PHASE_FINISH);
        waitUntil(connection, NEVER_NS);
        break;
      case PHASE_FINISH:
        if (!finish(connection)) return 0;
        break;
      case PHASE_LINGER:
        return linger(connection);
      default: {
        const head = receiveHead(connection, false);
        if (head == null) return waitForHead(connection);
        const event = begin(connection, head);
        if (event != 0) return event;
      }
    }
  }
}

/** The phase between requests. */
function becomeIdle(connection: Connection): void {
  connection.phase = PHASE_IDLE;
  idleEnter(connection, nowNs);
}

/** Any other phase. */
function enter(connection: Connection, phase: u8): void {
  connection.phase = phase;
  idleLeave(connection);
}

function waitUntil(connection: Connection, deadlineNs: u64): void {
  connection.receiveDeadlineNs = deadlineNs;
  armTimer(connection);
}

/** No complete head is there. */
function waitForHead(connection: Connection): u32 {
  if (connection.head != 0 && connection.phase == PHASE_IDLE) {
    enter(connection, PHASE_HEAD);
    waitUntil(connection, nowNs + limits.headTimeoutNs);
  }
  if (!tcpFinished(connection.tcp)) return 0;
  if (connection.phase == PHASE_IDLE) {
    tcpRelease(connection.tcp);
    connection.tcp = 0;
    return discardConnection(connection);
  }
  refuse(connection, 400); // RFC 9112 §8: an incomplete request
  attend(connection);
  return 0;
}

/** A head is complete or wrong: hands it to the application (event) or answers it here (0). */
function begin(connection: Connection, head: Head): u32 {
  connection.isHead = head.isHead;
  connection.isHttp10 = head.minorVersion == 0;
  if (head.connectionClose || (connection.isHttp10 && !head.connectionKeepAlive))
    connection.closeAfter = true;
  let status: u32 = head.error;
  if (status == 0 && (connection.isSurplus || !exchangeAllowed(connection))) status = 503;
  if (status != 0) {
    disposeHead(head);
    refuse(connection, status);
    return 0;
  }
  connection.bodyLength = requestBodyLength(head);
  bodyStart(connection.body, connection.bodyLength, limits.bodyBytes);
  connection.continueWanted =
    head.expect == EXPECT_CONTINUE &&
    !connection.isHttp10 &&
    connection.bodyLength != 0 &&
    tcpPeekLength(connection.tcp) == 0;
  connection.sending = SEND_NONE;
  connection.readWanted = connection.bodyLength != 0;
  connection.writeWanted = false;
  connection.bodyDelivered = false;
  connection.waitedNs = 0;
  connection.discarded = 0;
  waitUntil(connection, NEVER_NS);
  if (head.isAsterisk) {
    disposeHead(head);
    enter(connection, PHASE_FINISH);
    output(connection, scratch, writeOptionsResponse(connection));
    return 0;
  }
  enter(connection, PHASE_EXCHANGE);
  exchangeOpen(connection);
  keepHead(connection, head);
  attend(connection);
  return report(DISPATCH_HTTP_REQUEST, connection, 0);
}

/** Answers with an error; the connection ends after it. */
function refuse(connection: Connection, status: u32): void {
  dropHead(connection);
  enter(connection, PHASE_FINISH);
  waitUntil(connection, NEVER_NS);
  output(connection, scratch, writeErrorResponse(connection, status));
}

/** The application has the request: tells what it waits for. */
function advanceExchange(connection: Connection): u32 {
  if (connection.readWanted && isReadable(connection, connection.body)) {
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

/** Tells the application, then answers or resets. */
function failExchange(connection: Connection): u32 {
  const event = report(DISPATCH_HTTP_CLOSED, connection, connection.failure);
  exchangeClose(connection);
  connection.failed = false;
  if (connection.failureStatus != 0 && connection.sending == SEND_NONE) {
    refuse(connection, connection.failureStatus);
    attend(connection);
  } else reset(connection);
  return event;
}

/** After the response. True: the phase has changed. */
function finish(connection: Connection): bool {
  if (hasPending(connection)) return false;
  if (!connection.closeAfter) {
    const rest = discardBody(connection);
    if (rest == REST_TO_COME) return false;
    if (rest == REST_NONE) {
      becomeIdle(connection);
      waitUntil(connection, nowNs + limits.idleTimeoutNs);
      return true;
    }
  }
  tcpShutdown(connection.tcp);
  enter(connection, PHASE_LINGER);
  waitUntil(connection, nowNs + limits.lingerTimeoutNs);
  return true;
}

const REST_NONE: u32 = 0;
const REST_TO_COME: u32 = 1;
const REST_TOO_MUCH: u32 = 2;

/** Throws away what the application did not read of the body. */
function discardBody(connection: Connection): u32 {
  const body = connection.body;
  while (!bodyEnded(body)) {
    const length = tcpPeekLength(connection.tcp);
    if (length == 0) {
      if (tcpFinished(connection.tcp)) return REST_TOO_MUCH;
      if (connection.receiveDeadlineNs == NEVER_NS) waitUntil(connection, nowNs + limits.bodyTimeoutNs);
      return REST_TO_COME;
    }
    readBody(body, tcpPeek(connection.tcp), length, 0, length);
    tcpConsume(connection.tcp, bodyTaken);
    connection.discarded += <u64>bodyTaken;
    if (body.error != 0 || connection.discarded > limits.discardBytes) return REST_TOO_MUCH;
  }
  return REST_NONE;
}

/** Throws away what the peer still sends, until its FIN. */
function linger(connection: Connection): u32 {
  tcpConsume(connection.tcp, tcpPeekLength(connection.tcp));
  if (!tcpFinished(connection.tcp)) return 0;
  tcpRelease(connection.tcp);
  connection.tcp = 0;
  return discardConnection(connection);
}

/** A deadline has come. True: nothing is left to do now. */
function expired(connection: Connection): bool {
  if (connection.sendDeadlineNs <= nowNs) {
    if (connection.exchange != 0) exchangeFail(connection, ERROR_ETIMEDOUT, 0);
    else reset(connection);
    return connection.exchange == 0;
  }
  if (connection.receiveDeadlineNs > nowNs) return false;
  connection.receiveDeadlineNs = NEVER_NS;
  switch (connection.phase) {
    case PHASE_HEAD:
      refuse(connection, 408);
      break;
    case PHASE_EXCHANGE:
      if (connection.exchange != 0) exchangeFail(connection, ERROR_ETIMEDOUT, 408);
      break;
    case PHASE_LINGER:
      // What TCP still has goes out in the background.
      tcpRelease(connection.tcp);
      connection.tcp = 0;
      discardConnection(connection);
      return true;
    default:
      connection.closeAfter = true;
      enter(connection, PHASE_FINISH);
  }
  return false;
}

/** TCP has given the connection up. */
function lost(connection: Connection, error: i32): u32 {
  const open = connection.exchange != 0;
  const event = open
    ? report(DISPATCH_HTTP_CLOSED, connection, connection.failed ? connection.failure : error)
    : 0;
  tcpRelease(connection.tcp);
  connection.tcp = 0;
  discardConnection(connection);
  return event;
}

function reset(connection: Connection): void {
  tcpAbort(connection.tcp);
  connection.tcp = 0;
  discardConnection(connection);
}

/** Gives back everything the connection holds; TCP is done with it. */
function discardConnection(connection: Connection): u32 {
  exchangeClose(connection);
  dropHead(connection);
  dropPending(connection);
  connectionGive(connection);
  return 0;
}

/** An idle connection makes room for a new one. */
export function dismissIdle(connection: Connection): void {
  tcpRelease(connection.tcp);
  connection.tcp = 0;
  discardConnection(connection);
}

/** The listener has closed: idle connections end now, others after their exchange. */
export function drain(connection: Connection): void {
  connection.closeAfter = true;
  if (connection.phase != PHASE_IDLE || tcpPeekLength(connection.tcp) != 0) return;
  enter(connection, PHASE_FINISH);
  attend(connection);
}
