/**
 * Connections: one fixed-size object each, from one pool; rings, ranges and timer inside or behind it.
 *
 * In: addresses. Out: objects, handles (index, generation), their lifetime. Nothing here decides about packets.
 * May import: storage, time.
 */
import { Pool, poolAt, poolCreate, poolGive, poolIndex, poolTake } from '../../storage/pool';
import { RANGES_BYTES, Ranges } from '../../storage/reassembler';
import { Ring } from '../../storage/ring';
import { NEVER_NS, TIMER_TCP, Timer } from '../../time/timers';
import {
  MSS_DEFAULT_BYTES,
  maximumConnections,
  RECEIVE_FIRST_BYTES,
  RTO_FIRST_US,
  receiveMaximumBytes,
  SEND_FIRST_BYTES,
  sendMaximumBytes,
} from './configuration';

/** What connections and listeners share: identity and pending events. */
@unmanaged
export class Socket {
  /** First word: the pool's link while the object is free. */
  poolLink: usize;
  /** 0 while free. */
  handle: i32;
  user: u32;
  /** SOCKET_EVENT_* not yet taken. */
  eventBits: u32;
  eventNext: usize;
  owner: u8;
  /** In the list of sockets with events. */
  eventQueued: bool;
  isListener: bool;
}

// Bits of Connection.flags.
/** Sends small segments at once (Nagle off). */
export const NO_DELAY: u32 = 1 << 0;
/** An acknowledgement is due at the end of the turn. */
export const ACK_NOW: u32 = 1 << 1;
/** One segment is not yet acknowledged; the next one, or the delay, makes it due. */
export const ACK_DELAYED: u32 = 1 << 2;
/** The application has ended its direction. */
export const FIN_QUEUED: u32 = 1 << 3;
export const FIN_RECEIVED: u32 = 1 << 4;
/** The owner has forgotten the handle. */
export const RELEASED: u32 = 1 << 5;
/** The owner knows the handle: events go to it. */
export const ACCEPTED: u32 = 1 << 6;
/** A send was cut short: say when there is room. */
export const WANT_WRITE: u32 = 1 << 7;
/** In the list of connections to look at in `tcpFlush`. */
export const DIRTY: u32 = 1 << 8;
export const TIMESTAMPS: u32 = 1 << 9;
export const SACK: u32 = 1 << 10;
/** Both sides offered window scaling. */
export const SCALING: u32 = 1 << 11;
/** A SYN or SYN-ACK is due. */
export const SYN_DUE: u32 = 1 << 12;
/** A segment is being timed for the round trip. */
export const TIMING: u32 = 1 << 13;
/** The window is closed: the retransmission timer probes. */
export const PERSIST: u32 = 1 << 14;
/** The first unacknowledged segment is to be sent again at once. */
export const RETRANSMIT: u32 = 1 << 15;
/** The congestion window held back what there was to send. */
export const WINDOW_LIMITED: u32 = 1 << 16;
/** Opened by the peer. */
export const PASSIVE: u32 = 1 << 17;
/** Freed; the object goes back when no list holds it. */
export const GONE: u32 = 1 << 18;
/** In the table of connections. */
export const LISTED: u32 = 1 << 19;
/** A duplicate is to be reported in the next SACK option (RFC 2883). */
export const DUPLICATE: u32 = 1 << 20;
/** The closed event has been raised. */
export const CLOSE_TOLD: u32 = 1 << 21;
/** The rescue retransmission of this recovery has been sent (RFC 6675 §4, NextSeg rule 4). */
export const RESCUED: u32 = 1 << 22;
/** The peer's FIN has come ahead of data that is missing. */
export const FIN_AHEAD: u32 = 1 << 23;
/** Counted among its peer's connections. */
export const COUNTED: u32 = 1 << 28;
/** Released with bytes that nobody will read: a reset takes the place of the FIN once our own bytes are acknowledged. */
export const RESET_DUE: u32 = 1 << 24;
/** Opened by a router, for somebody behind it. */
export const FROM_ROUTER: u32 = 1 << 29;

// Values of Connection.recovery.
export const RECOVERY_NONE: u8 = 0;
/** Fast recovery (RFC 6582, RFC 6675). */
export const RECOVERY_FAST: u8 = 1;
/** After a timeout: everything below the recovery point is taken as lost. */
export const RECOVERY_TIMEOUT: u8 = 2;

@unmanaged
export class Connection extends Socket {
  state: u8;
  recovery: u8;
  /** CONGESTION_* */
  congestion: u8;
  /** Shift of windows that the peer sends, and of those we send. */
  sendShift: u8;
  receiveShift: u8;
  duplicateAcks: u8;
  localPort: u16;
  peerPort: u16;
  localAddress: u32;
  peerAddress: u32;
  flags: u32;
  error: i32;
  /** ICMP said unreachable: the reason when the connection times out. */
  softError: i32;
  hashNext: usize;
  dirtyNext: usize;
  /** The queue that holds this connection (`queue.ts`; 0 none) and its neighbours there. */
  queue: usize;
  queueNext: usize;
  queuePrevious: usize;
  /** The listener until the connection is accepted. */
  listener: usize;

  // Send sequence space (RFC 9293 §3.3.1).
  initialSend: u32;
  sendUnacknowledged: u32;
  sendNext: u32;
  sendWindow: u32;
  sendWindowLargest: u32;
  /** Bytes acknowledged so far, at most 2^30. */
  acknowledgedBytes: u32;
  /** Sequence and acknowledgment numbers of the last window update (SND.WL1, SND.WL2). */
  windowSequence: u32;
  windowAcknowledgment: u32;
  /** End of the last segment sent that was smaller than the MSS. */
  smallEnd: u32;
  sendLimit: u32;
  /** Payload bytes of a full segment, options taken off. */
  mss: u32;
  /** The peer's MSS option. */
  peerMss: u32;

  // Receive sequence space.
  initialReceive: u32;
  receiveNext: u32;
  /** Right edge of the window that the peer knows. */
  receiveEdge: u32;
  receiveLimit: u32;
  lastAckSent: u32;
  /** Bytes received since the last acknowledgement sent. */
  unacknowledgedBytes: u32;
  /** Largest payload seen: the peer's full segment. */
  receiveMss: u32;
  /** Ranges received out of order; 0 none. */
  holes: usize;
  /** Sequence number of a FIN that came ahead. */
  finSequence: u32;
  /** A byte in each of the ranges that changed last, the latest first; see `recentRange`. */
  recent0: u32;
  recent1: u32;
  recent2: u32;
  recent3: u32;
  duplicateStart: u32;
  duplicateEnd: u32;
  /** Bytes taken by the application in the current round of window tuning, and when it began. */
  tuningBytes: u32;
  tuningStartNs: u64;

  // Timestamps (RFC 7323).
  timestampOffset: u32;
  /** The first TSval sent: an echo is never older. */
  timestampFirst: u32;
  timestampRecent: u32;
  timestampRecentNs: u64;

  // Round trip (RFC 6298), microseconds.
  smoothedRttUs: u32;
  rttVariationUs: u32;
  rtoUs: u32;
  backoff: u32;
  retries: u32;
  timedSequence: u32;
  timedNs: u64;
  /** TSval at the last timeout: what echoes an earlier one answers an earlier transmission. */
  timeoutStamp: u32;

  // Congestion control (RFC 5681, RFC 9438), bytes.
  congestionWindow: u32;
  slowStartThreshold: u32;
  /** Ranges the peer acknowledged selectively; 0 none. */
  scoreboard: usize;
  recoveryPoint: u32;
  /** End of what has been sent again in this recovery (HighRxt). */
  retransmitted: u32;
  cubicWindowMaximum: f64;
  cubicPriorWindow: f64;
  cubicPeriod: f64;
  cubicEstimate: f64;
  cubicOrigin: f64;
  cubicEpochNs: u64;
  renoBytes: u32;

  keepAliveSeconds: u32;
  probes: u32;
  challengeCount: u32;
  challengePeriodNs: u64;
  lastReceiveNs: u64;
  lastSendNs: u64;

  // Deadlines; NEVER_NS when off. The one timer runs for the earliest.
  retransmitNs: u64;
  acknowledgeNs: u64;
  keepAliveNs: u64;
  /** End of TIME-WAIT, FIN-WAIT-2 of a released connection, or a held SYN. */
  stateNs: u64;
}

const TIMER_OFFSET: usize = (offsetof<Connection>() + 7) & ~7;
const SEND_RING_OFFSET: usize = TIMER_OFFSET + ((offsetof<Timer>() + 7) & ~7);
const RECEIVE_RING_OFFSET: usize = SEND_RING_OFFSET + ((offsetof<Ring>() + 7) & ~7);
const CONNECTION_BYTES: usize = RECEIVE_RING_OFFSET + ((offsetof<Ring>() + 7) & ~7);

export function timerOf(c: Connection): Timer {
  return changetype<Timer>(changetype<usize>(c) + TIMER_OFFSET);
}

export function sendRing(c: Connection): Ring {
  return changetype<Ring>(changetype<usize>(c) + SEND_RING_OFFSET);
}

export function receiveRing(c: Connection): Ring {
  return changetype<Ring>(changetype<usize>(c) + RECEIVE_RING_OFFSET);
}

/** How many ranges out of order are remembered by age: as many as a SACK option may show. */
export const RECENT_RANGES: u32 = 4;

/** Address of entry `place` (0: the latest) of these. */
export function recentRange(c: Connection, place: u32): usize {
  return changetype<usize>(c) + offsetof<Connection>('recent0') + ((<usize>place) << 2);
}

export function has(c: Connection, flags: u32): bool {
  return (c.flags & flags) != 0;
}

let pool: Pool = changetype<Pool>(0);
let generation: u32 = 0;
let rangesInUse: u32 = 0;

/** Makes the pool; untouched memory until connections come. */
export function connectionsCreate(): void {
  if (changetype<usize>(pool) == 0) pool = poolCreate(<u32>CONNECTION_BYTES, maximumConnections);
}

export function connectionsInUse(): u32 {
  return pool.live;
}

export function rangesHeld(): u32 {
  return rangesInUse;
}

/** Positive handle of a pool index; listeners set bit 30. */
export function handleFor(index: u32, kind: u32): i32 {
  generation = (generation + 1) & 0x3fff;
  return <i32>(kind | (generation << 16) | (index + 1));
}

/** A new closed connection, or null when the pool is exhausted. */
export function connectionCreate(): Connection | null {
  const object = poolTake(pool);
  if (object == 0) return null;
  const c = changetype<Connection>(object);
  c.handle = handleFor(poolIndex(pool, object), 0);
  const timer = timerOf(c);
  timer.kind = TIMER_TCP;
  timer.object = object;
  c.retransmitNs = NEVER_NS;
  c.acknowledgeNs = NEVER_NS;
  c.keepAliveNs = NEVER_NS;
  c.stateNs = NEVER_NS;
  c.rtoUs = RTO_FIRST_US;
  c.mss = MSS_DEFAULT_BYTES;
  c.peerMss = MSS_DEFAULT_BYTES;
  c.receiveMss = MSS_DEFAULT_BYTES;
  c.receiveLimit = min(RECEIVE_FIRST_BYTES, receiveMaximumBytes);
  c.sendLimit = min(SEND_FIRST_BYTES, sendMaximumBytes);
  return c;
}

/** The connection of a handle that its owner may use, or null. */
export function connectionOf(handle: i32): Connection | null {
  const index = <u32>handle & 0xffff;
  if (index == 0 || changetype<usize>(pool) == 0) return null;
  const object = poolAt(pool, index - 1);
  if (object == 0) return null;
  const c = changetype<Connection>(object);
  return c.handle == handle && (c.flags & (RELEASED | GONE)) == 0 ? c : null;
}

/** Zeroed ranges, or 0 when memory is short. */
export function rangesTake(): usize {
  const address = heap.alloc(RANGES_BYTES);
  const ranges = changetype<Ranges>(address);
  ranges.count = 0;
  ranges.bytes = 0;
  rangesInUse++;
  return address;
}

export function rangesGive(address: usize): void {
  if (address == 0) return;
  heap.free(address);
  rangesInUse--;
}

/** A list has let go of `c`. */
export function connectionForget(c: Connection): void {
  if ((c.flags & GONE) == 0 || (c.flags & DIRTY) != 0 || c.eventQueued) return;
  c.handle = 0;
  poolGive(pool, changetype<usize>(c));
}
