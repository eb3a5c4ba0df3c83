/**
 * A ring of bytes that grows: a power of two of memory, taken when the first byte comes and within one budget.
 *
 * In: bytes at offsets from the oldest. Out: the same bytes, in pieces or contiguous. May import: blocks.
 * `length` counts the bytes in order; bytes beyond it (out of order) may be written and later counted in.
 * A ring in zeroed memory is an empty ring without memory.
 */
import { blockGive, blockTake } from './blocks';

@unmanaged
export class Ring {
  base: usize;
  /** Bytes of memory: 0 or a power of two. */
  capacity: u32;
  /** Index of the oldest byte. */
  head: u32;
  /** Bytes in order from `head`. */
  length: u32;
}

/** Smallest memory of a ring: most requests and responses fit. */
export const RING_FIRST_BYTES: u32 = 4096;

let bytesUsed: u64 = 0;
let bytesBudget: u64 = 64 << 20;

/** Bytes that all rings together may hold. */
export function ringBudgetSet(bytes: u64): void {
  bytesBudget = bytes;
}

export function ringBudgetBytes(): u64 {
  return bytesBudget;
}

/** Bytes that all rings hold now. */
export function ringBytesUsed(): u64 {
  return bytesUsed;
}

function move(ring: Ring, capacity: u32, kept: u32): bool {
  const base = blockTake(capacity);
  if (base == 0) return false;
  ringRead(ring, 0, base, kept);
  if (ring.base != 0) blockGive(ring.base, ring.capacity);
  ring.base = base;
  ring.head = 0;
  bytesUsed += <u64>capacity - <u64>ring.capacity;
  ring.capacity = capacity;
  return true;
}

/** Memory that a ring takes for `needed` bytes, more than it has. */
export function ringCapacityFor(ring: Ring, needed: u32): u32 {
  let capacity = max(ring.capacity, RING_FIRST_BYTES);
  while (capacity < needed) capacity <<= 1;
  return capacity;
}

/** Makes room for `needed` bytes from the oldest on. False: budget or platform do not allow it; nothing has changed. */
export function ringReserve(ring: Ring, needed: u32): bool {
  if (needed <= ring.capacity) return true;
  const capacity = ringCapacityFor(ring, needed);
  if (bytesUsed + <u64>(capacity - ring.capacity) > bytesBudget) return false;
  return move(ring, capacity, ring.capacity);
}

/** Copies `length` bytes to `offset` from the oldest; offset + length must be reserved. Does not count them in. */
export function ringWrite(ring: Ring, offset: u32, source: usize, length: u32): void {
  const start = (ring.head + offset) & (ring.capacity - 1);
  const first = min(length, ring.capacity - start);
  memory.copy(ring.base + start, source, first);
  if (first < length) memory.copy(ring.base, source + first, length - first);
}

/** Copies `length` bytes from `offset` to `destination`; offset + length must not pass the capacity. */
export function ringRead(ring: Ring, offset: u32, destination: usize, length: u32): void {
  if (length == 0) return;
  const start = (ring.head + offset) & (ring.capacity - 1);
  const first = min(length, ring.capacity - start);
  memory.copy(destination, ring.base + start, first);
  if (first < length) memory.copy(destination + first, ring.base, length - first);
}

/** Forgets the `length` oldest bytes. `restart` (nothing stored beyond `length`): an emptied ring begins at its start, so that what follows lies contiguous. */
export function ringConsume(ring: Ring, length: u32, restart: bool): void {
  ring.length -= length;
  ring.head = ring.length == 0 && restart ? 0 : (ring.head + length) & (ring.capacity - 1);
}

/** Address of the oldest byte with all `length` bytes contiguous from there; moves them when they wrap around. */
export function ringContiguous(ring: Ring): usize {
  if (ring.head + ring.length > ring.capacity)
    assert(move(ring, ring.capacity, ring.capacity), 'out of memory');
  return ring.base + ring.head;
}

/** Gives the memory back. */
export function ringFree(ring: Ring): void {
  if (ring.base != 0) blockGive(ring.base, ring.capacity);
  bytesUsed -= ring.capacity;
  ring.base = 0;
  ring.capacity = 0;
  ring.head = 0;
  ring.length = 0;
}
