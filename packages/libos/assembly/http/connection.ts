// One TCP connection and the one exchange on it: requests of a connection are answered one after the other, so
// responses need no sorting and a pipelining peer cannot pile them up (RFC 9112 §9.3.2 asks for order only).
// In: nothing. Out: connection objects, exchange handles, the queue of those that need attention.
// May import: platform, socket, storage, time, body-reader, limits.
import { randomU64 } from '../platform/random';
import { tcpConnectionLimit, tcpFromRouter } from '../socket/tcp/index';
import { arenaAllocate } from '../storage/arena';
import { HashMap } from '../storage/hash-map';
import { Pool, poolAt, poolCreate, poolGive, poolIndex, poolTake } from '../storage/pool';
import { shareAllows, shareGive, shareOf, sharesCreate, shareTake } from '../storage/shares';
import { NEVER_NS, TIMER_HTTP, Timer, timerStart, timerStop } from '../time/timers';
import { BodyReader } from './body-reader';
import { limits } from './limits';

export const ROLE_SERVER: u8 = 1;
export const ROLE_CLIENT: u8 = 2;

/** No message is being sent. */
export const SEND_NONE: u8 = 0;
/** Content of known length. */
export const SEND_LENGTH: u8 = 1;
export const SEND_CHUNKED: u8 = 2;
/** Content ends with the connection (response to HTTP/1.0). */
export const SEND_UNTIL_CLOSE: u8 = 3;
/** Content is thrown away (response to HEAD, 204, 304). */
export const SEND_NO_CONTENT: u8 = 4;
/** The message is complete. */
export const SEND_DONE: u8 = 5;

/** What TCP and the timer have reported and `advance` has not looked at. */
export const SEEN_CONNECTED: u8 = 1;
export const SEEN_CLOSED: u8 = 2;
export const SEEN_EXPIRED: u8 = 4;
/** The head that had come in part has made room for another. */
export const SEEN_HEAD_TAKEN: u8 = 8;

@unmanaged
export class Connection {
  /** Next in the queue of those that need attention, or next waiting client request. */
  next: usize;
  queued: bool;
  role: u8;
  /** Role's own state, see server-connection and client-connection. */
  phase: u8;
  /** SEEN_* bits. */
  seen: u8;
  /** Handle of the exchange in progress; 0 none. */
  exchange: i32;
  tcp: i32;
  /** Listener (server) that accepted it. */
  listener: i32;
  /** One more than are served: its first request is answered with 503. */
  isSurplus: bool;
  /** Server: neighbours in the list of idle connections, and since when it is there; 0 it is not. */
  idlePrevious: usize;
  idleNext: usize;
  idleSinceNs: u64;

  /** Detached head of a message that has come in part, or 0. */
  head: usize;
  /** The request is HEAD: its response has no content. */
  isHead: bool;
  /** The request was HTTP/1.0: no chunked response, no keep-alive unless asked for. */
  isHttp10: bool;
  /** The connection ends after this exchange. */
  closeAfter: bool;
  /** The client waits for `100 Continue`. */
  continueWanted: bool;
  /** Declared length of the body that is received: BODY_* or bytes. */
  bodyLength: i64;
  /** The application was told that nothing is there and waits. */
  readWanted: bool;
  writeWanted: bool;
  /** The application is to be told `failure`. */
  failed: bool;
  failure: i32;
  /** Status to answer the failed request with when nothing was sent yet; 0: reset. */
  failureStatus: u16;
  /** A body may be read (server: always; client: after the response's head). */
  receiving: bool;
  /** TCP takes bytes (server: always; client: once connected and the head is sent). */
  sendOpen: bool;
  /** The application was told the end of the received body. */
  bodyDelivered: bool;
  /** The last chunk is due once TCP takes bytes. */
  endWanted: bool;

  sending: u8;
  /** Content bytes still to come (SEND_LENGTH). */
  sendRemaining: u64;
  /** Bytes that TCP had no room for: address, length of the block, and how much of it TCP has taken. */
  pending: usize;
  pendingLength: u32;
  pendingTaken: u32;

  /** Absolute; NEVER_NS none. */
  receiveDeadlineNs: u64;
  sendDeadlineNs: u64;
  /** What the timer is set to; NEVER_NS when it does not run. */
  armedNs: u64;
  /** Since when the application waits for the body, and how long it has waited in all. */
  waitSinceNs: u64;
  waitedNs: u64;
  /** Unread content thrown away so far. */
  discarded: u64;

  /** The peer's. */
  address: u32;

  // Client.
  port: u16;
  /** The request may be repeated on a new connection when a pooled one proves dead. */
  retriable: bool;
  /** Order of the request, for those that wait. */
  order: u64;
  /** The response's keep-alive verdict. */
  peerKeepsAlive: bool;
  /** The request's head, kept until a byte of the response is there. */
  request: usize;
  requestLength: u32;

  /** The body being received. */
  get body(): BodyReader {
    return changetype<BodyReader>(changetype<usize>(this) + BODY_OFFSET);
  }

  get timer(): Timer {
    return changetype<Timer>(changetype<usize>(this) + TIMER_OFFSET);
  }
}

/** Of TCP's connections a sixteenth is left to the application's other sockets, and to those that are ending. */
const TCP_RESERVE: u32 = 16;

const BODY_OFFSET: usize = (offsetof<Connection>() + 7) & ~7;
const TIMER_OFFSET: usize = (BODY_OFFSET + offsetof<BodyReader>() + 7) & ~7;
const CONNECTION_BYTES: u32 = <u32>(TIMER_OFFSET + offsetof<Timer>());

/** A handle is generation << INDEX_BITS | index; the generation counts the exchanges of a connection's place. */
const INDEX_BITS: u32 = 16;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
const LAST_GENERATION: u32 = (1 << (31 - INDEX_BITS)) - 1;
/** u16 for each place of the pool. */
let generations: usize = 0;

let pool: Pool | null = null;
export let serverConnections: u32 = 0;
/** Those of them that are not served. */
export let surplusConnections: u32 = 0;
export let clientConnections: u32 = 0;
/** Exchanges that the application has not finished: all, and those of the server. */
export let openExchanges: u32 = 0;
export let serverExchanges: u32 = 0;
/** Server connections of each peer; its server exchanges, when they are fewer than connections. */
let connectionShares: HashMap | null = null;
let exchangeShares: HashMap | null = null;

/** Idle server connections, that which has been idle for longest first. */
let firstIdle: usize = 0;
let lastIdle: usize = 0;

let firstQueued: usize = 0;
let lastQueued: usize = 0;

/** Makes the pool: room for every connection that `limits` allows. */
export function initialiseConnections(): void {
  if (limits.connections == 0) limits.connections = tcpConnectionLimit() - tcpConnectionLimit() / TCP_RESERVE;
  if (limits.exchanges == 0) limits.exchanges = limits.connections;
  const count = limits.connections + limits.refusedConnections + limits.clientConnections;
  assert(count <= INDEX_MASK);
  pool = poolCreate(CONNECTION_BYTES, count);
  generations = arenaAllocate(<usize>count * sizeof<u16>());
  connectionShares = sharesCreate(limits.connections + limits.refusedConnections, randomU64());
  if (limits.exchanges < limits.connections) exchangeShares = sharesCreate(limits.exchanges, randomU64());
}

/** Whether a peer may have one more connection; `fromRouter`: it speaks for many. */
export function connectionAllowed(address: u32, fromRouter: bool): bool {
  const served = serverConnections - surplusConnections;
  if (served >= limits.connections) return false;
  return fromRouter || shareAllows(connectionShares!, address, 1, limits.connections - served);
}

/** Server connections of a peer. */
export function connectionsOf(address: u32): u32 {
  return shareOf(connectionShares!, address);
}

/** Whether a connection's peer may have one more request in progress. */
export function exchangeAllowed(connection: Connection): bool {
  if (serverExchanges >= limits.exchanges) return false;
  if (exchangeShares == null || tcpFromRouter(connection.tcp)) return true;
  return shareAllows(exchangeShares!, connection.address, 1, limits.exchanges - serverExchanges);
}

/** A zeroed connection to `address` without deadlines; null when the pool is exhausted. */
export function connectionTake(role: u8, address: u32): Connection | null {
  const place = poolTake(pool!);
  if (place == 0) return null;
  const connection = changetype<Connection>(place);
  connection.role = role;
  connection.address = address;
  connection.receiveDeadlineNs = NEVER_NS;
  connection.sendDeadlineNs = NEVER_NS;
  connection.armedNs = NEVER_NS;
  const timer = connection.timer;
  timer.kind = TIMER_HTTP;
  timer.object = place;
  if (role == ROLE_SERVER) {
    serverConnections++;
    shareTake(connectionShares!, address, 1);
  } else clientConnections++;
  return connection;
}

/** Gives a connection back. Its TCP handle, head and blocks are released before. */
export function connectionGive(connection: Connection): void {
  if (connection.queued) unattend(connection);
  timerStop(connection.timer);
  if (connection.role == ROLE_SERVER) {
    idleLeave(connection);
    serverConnections--;
    if (connection.isSurplus) surplusConnections--;
    shareGive(connectionShares!, connection.address, 1);
  } else clientConnections--;
  connection.role = 0;
  poolGive(pool!, changetype<usize>(connection));
}

/** The connection is not served: its first request gets 503. */
export function markSurplus(connection: Connection): void {
  connection.isSurplus = true;
  surplusConnections++;
}

/** The connection has nothing to do from now on. */
export function idleEnter(connection: Connection, nowNs: u64): void {
  connection.idleSinceNs = nowNs;
  connection.idleNext = 0;
  connection.idlePrevious = lastIdle;
  const place = changetype<usize>(connection);
  if (lastIdle == 0) firstIdle = place;
  else changetype<Connection>(lastIdle).idleNext = place;
  lastIdle = place;
}

/** The connection has something to do, or is gone. */
export function idleLeave(connection: Connection): void {
  if (connection.idleSinceNs == 0) return;
  connection.idleSinceNs = 0;
  if (connection.idlePrevious == 0) firstIdle = connection.idleNext;
  else changetype<Connection>(connection.idlePrevious).idleNext = connection.idleNext;
  if (connection.idleNext == 0) lastIdle = connection.idlePrevious;
  else changetype<Connection>(connection.idleNext).idlePrevious = connection.idlePrevious;
}

/** The connection that has been idle for longest; null when none is. `idleNext` leads to the others. */
export function longestIdle(): Connection | null {
  return firstIdle == 0 ? null : changetype<Connection>(firstIdle);
}

/** Number of a connection, for `tcpSetUser`. */
export function connectionIndex(connection: Connection): u32 {
  return poolIndex(pool!, changetype<usize>(connection));
}

/** The connection with that number; null when there never was one. */
export function connectionAt(index: u32): Connection | null {
  if (pool == null) return null;
  const address = poolAt(pool!, index);
  return address == 0 ? null : changetype<Connection>(address);
}

/** Gives the connection's exchange a handle. */
export function exchangeOpen(connection: Connection): void {
  const index = connectionIndex(connection);
  const place = generations + <usize>index * sizeof<u16>();
  const last = <u32>load<u16>(place);
  const generation = last == LAST_GENERATION ? 1 : last + 1;
  store<u16>(place, <u16>generation);
  connection.exchange = <i32>((generation << INDEX_BITS) | index);
  openExchanges++;
  if (connection.role != ROLE_SERVER) return;
  serverExchanges++;
  if (exchangeShares != null) shareTake(exchangeShares!, connection.address, 1);
}

/** The handle is dead from now on. */
export function exchangeClose(connection: Connection): void {
  if (connection.exchange == 0) return;
  connection.exchange = 0;
  openExchanges--;
  if (connection.role != ROLE_SERVER) return;
  serverExchanges--;
  if (exchangeShares != null) shareGive(exchangeShares!, connection.address, 1);
}

/** The connection of a live exchange; null for a handle that is dead, failed or never was one. */
export function exchangeConnection(exchange: i32): Connection | null {
  if (exchange <= 0) return null;
  const connection = connectionAt(<u32>exchange & INDEX_MASK);
  if (connection == null || connection.exchange != exchange || connection.failed) return null;
  return connection;
}

/** Queues the connection for `advance`. */
export function attend(connection: Connection): void {
  if (connection.queued) return;
  connection.queued = true;
  connection.next = 0;
  if (lastQueued == 0) firstQueued = changetype<usize>(connection);
  else changetype<Connection>(lastQueued).next = changetype<usize>(connection);
  lastQueued = changetype<usize>(connection);
}

/** Takes a connection out of the middle of the queue: rare, so the queue is searched. */
function unattend(connection: Connection): void {
  const wanted = changetype<usize>(connection);
  let before: usize = 0;
  for (let at = firstQueued; at != 0; at = changetype<Connection>(at).next) {
    if (at == wanted) break;
    before = at;
  }
  if (before == 0) firstQueued = connection.next;
  else changetype<Connection>(before).next = connection.next;
  if (lastQueued == wanted) lastQueued = before;
  connection.queued = false;
}

/** Takes the first of the queue; null when it is empty. */
export function nextToAttend(): Connection | null {
  if (firstQueued == 0) return null;
  const connection = changetype<Connection>(firstQueued);
  firstQueued = connection.next;
  if (firstQueued == 0) lastQueued = 0;
  connection.queued = false;
  return connection;
}

/**
 * Makes the timer fire at the earlier deadline. A later deadline leaves the timer as it is: it fires early, finds
 * nothing due and is set again, which is cheaper than moving it with every request.
 */
export function armTimer(connection: Connection): void {
  const deadline = min(connection.receiveDeadlineNs, connection.sendDeadlineNs);
  if (deadline >= connection.armedNs) return;
  connection.armedNs = deadline;
  timerStart(connection.timer, deadline);
}

/** A timer of kind TIMER_HTTP has fired: queues its connection when a deadline has really come. */
export function connectionTimer(timer: Timer, now: u64): void {
  const connection = changetype<Connection>(timer.object);
  connection.armedNs = NEVER_NS;
  if (min(connection.receiveDeadlineNs, connection.sendDeadlineNs) > now) {
    armTimer(connection);
    return;
  }
  connection.seen |= SEEN_EXPIRED;
  attend(connection);
}

/** Memory for texts that are built before they are sent. */
export let scratch: usize = 0;
export const SCRATCH_BYTES: u32 = 1 << 18;

/** Makes the scratch memory. */
export function initialiseScratch(): void {
  scratch = arenaAllocate(SCRATCH_BYTES);
}
