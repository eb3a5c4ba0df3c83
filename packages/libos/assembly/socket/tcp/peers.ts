/**
 * What each peer holds of connections and of the rings' memory, so that none keeps the others out: `storage/shares.ts`
 * says who may take more.
 *
 * In: connections. Out: memory for their rings, who may have another connection. May import: iface, platform, storage.
 * Of the rings' budget the last quarter is for first rings, so that large ones leave others something to begin with.
 */
import { isRouter } from '../../iface/routes';
import { SOCKET_EVENT_WRITABLE } from '../../platform/index';
import { randomU64 } from '../../platform/random';
import { HashMap } from '../../storage/hash-map';
import {
  RING_FIRST_BYTES,
  Ring,
  ringBudgetBytes,
  ringBytesUsed,
  ringCapacityFor,
  ringFree,
  ringReserve,
} from '../../storage/ring';
import { shareAllows, shareGive, sharesCreate, shareTake } from '../../storage/shares';
import { maximumConnections } from './configuration';
import { COUNTED, Connection, connectionsInUse, has, RELEASED, WANT_WRITE } from './connection';
import { raise } from './events';
import { Queue, queueFirst, queuePut, queueRemove } from './queue';

/** Emptied rings larger than this give their memory back. */
const RING_KEPT_BYTES: u32 = RING_FIRST_BYTES << 2;

/** Small rings of idle connections that keep their memory, all together: enough for some dozens of them. */
const RINGS_KEPT_BYTES: u64 = 256 << 10;

let connectionShares: HashMap = changetype<HashMap>(0);
/** In rings of the first size. */
let memoryShares: HashMap = changetype<HashMap>(0);
/** Connections that had nothing under way and got no memory to send. */
const starved: Queue = changetype<Queue>(memory.data(16, 8));

/** Makes the counts (once); after `randomStart`. */
export function peersStart(): void {
  if (changetype<usize>(connectionShares) != 0) return;
  connectionShares = sharesCreate(maximumConnections, randomU64());
  memoryShares = sharesCreate(maximumConnections, randomU64());
}

/** Whether a peer may open one more connection; `recyclable`: connections in TIME-WAIT, which make room. */
export function peerAllowed(address: u32, recyclable: u32): bool {
  if (isRouter(address)) return true;
  return shareAllows(connectionShares, <u64>address, 1, maximumConnections - connectionsInUse() + recyclable);
}

/** A peer has opened `c`. A router speaks for many, and sees to it that none of them keeps the others out. */
export function peerOpened(c: Connection): void {
  if (isRouter(c.peerAddress)) {
    c.fromRouter = true;
    return;
  }
  c.flags |= COUNTED;
  shareTake(connectionShares, <u64>c.peerAddress, 1);
}

/** `c` has ended, or holds its object only until somebody needs it. */
export function peerClosed(c: Connection): void {
  if (!has(c, COUNTED)) return;
  c.flags &= ~COUNTED;
  shareGive(connectionShares, <u64>c.peerAddress, 1);
}

/** Makes room for `needed` bytes in a ring of `c`. False: there is no memory, or the peer holds its share. */
export function ringGrow(c: Connection, ring: Ring, needed: u32): bool {
  if (needed <= ring.capacity) return true;
  const capacity = ringCapacityFor(ring, needed);
  const growth = capacity - ring.capacity;
  const budget = ringBudgetBytes();
  const used = ringBytesUsed();
  if (capacity > RING_FIRST_BYTES && used + <u64>growth > budget - (budget >> 2)) return false;
  const free = used < budget ? <u32>min<u64>((budget - used) / RING_FIRST_BYTES, u32.MAX_VALUE >> 2) : 0;
  const share = growth / RING_FIRST_BYTES;
  if (c.fromRouter) return ringReserve(ring, needed);
  if (!shareAllows(memoryShares, <u64>c.peerAddress, share, free) || !ringReserve(ring, needed)) return false;
  shareTake(memoryShares, <u64>c.peerAddress, share);
  return true;
}

/** `c` has nothing under way whose acknowledgement would tell it to continue, and got no memory: the next that is free. */
export function ringAwait(c: Connection): void {
  if (c.queue == 0) queuePut(starved, c);
}

/** Gives a ring's memory back. */
export function ringGive(c: Connection, ring: Ring): void {
  if (ring.capacity == 0) return;
  if (!c.fromRouter) shareGive(memoryShares, <u64>c.peerAddress, ring.capacity / RING_FIRST_BYTES);
  ringFree(ring);
  const next = queueFirst(starved);
  if (next === null) return;
  queueRemove(next);
  if (has(next, WANT_WRITE) && !has(next, RELEASED)) {
    next.flags &= ~WANT_WRITE;
    raise(next, SOCKET_EVENT_WRITABLE);
  }
}

/** A ring has become empty: it keeps what is small, while there is plenty. */
export function ringEmptied(c: Connection, ring: Ring): void {
  if (ring.capacity > RING_KEPT_BYTES || ringBytesUsed() > RINGS_KEPT_BYTES) ringGive(c, ring);
}
