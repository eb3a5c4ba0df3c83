// Pools of objects of one size. The free place that comes first is taken first, so that a pool is compact: when what lies
// behind the last object in use is large, its pages go back to the platform. A new pool is untouched zero memory.
// In: object size and capacity. Out: addresses of zeroed objects. May import: arena, platform.
import { memoryRelease } from '../platform/index';
import { arenaAllocate } from './arena';

/** Emptied memory of a pool that is kept for the next crowd. */
const KEPT_BYTES: usize = 65536;
const PAGE_BYTES: usize = 4096;

/** A pool; made by `poolCreate`. */
@unmanaged
export class Pool {
  base: usize;
  objectBytes: u32;
  capacity: u32;
  /** Places from which objects are in use: all in use lie below. */
  bumped: u32;
  /** Places that are not zero memory, at least `bumped`. */
  dirtied: u32;
  /** Objects in use now. */
  live: u32;
  /** A bit for each place in use, in words of 64. */
  used: usize;
  /** No word before this one has a free place. */
  firstOpen: u32;
}

/** Makes a pool of `capacity` objects of `objectBytes` (rounded up to a multiple of 8). */
export function poolCreate(objectBytes: u32, capacity: u32): Pool {
  const pool = changetype<Pool>(arenaAllocate(offsetof<Pool>()));
  pool.objectBytes = (objectBytes + 7) & ~7;
  pool.capacity = capacity;
  pool.base = arenaAllocate(<usize>pool.objectBytes * <usize>capacity);
  pool.used = arenaAllocate((<usize>(capacity + 63) >> 6) << 3);
  return pool;
}

/** Takes a zeroed object; 0 when the pool is exhausted. */
export function poolTake(pool: Pool): usize {
  if (pool.live == pool.capacity) return 0;
  let word = pool.firstOpen;
  while (load<u64>(pool.used + ((<usize>word) << 3)) == u64.MAX_VALUE) word++;
  pool.firstOpen = word;
  const place = pool.used + ((<usize>word) << 3);
  const bits = load<u64>(place);
  const bit = ctz(~bits);
  store<u64>(place, bits | ((<u64>1) << bit));
  const index = (word << 6) + <u32>bit;
  const object = pool.base + <usize>index * <usize>pool.objectBytes;
  if (index < pool.dirtied) memory.fill(object, 0, pool.objectBytes);
  else pool.dirtied = index + 1;
  if (index >= pool.bumped) pool.bumped = index + 1;
  pool.live++;
  return object;
}

/** Gives an object back. */
export function poolGive(pool: Pool, object: usize): void {
  const index = poolIndex(pool, object);
  const word = index >> 6;
  const place = pool.used + ((<usize>word) << 3);
  store<u64>(place, load<u64>(place) & ~((<u64>1) << (index & 63)));
  if (word < pool.firstOpen) pool.firstOpen = word;
  pool.live--;
  if (index + 1 == pool.bumped) shrink(pool);
}

/** The last object has gone: finds the one that is last now, and gives memory back when much is behind it. */
function shrink(pool: Pool): void {
  let word = <i32>((pool.bumped - 1) >> 6);
  while (word >= 0 && load<u64>(pool.used + ((<usize>word) << 3)) == 0) word--;
  pool.bumped =
    word < 0 ? 0 : ((<u32>word) << 6) + 64 - <u32>clz(load<u64>(pool.used + ((<usize>word) << 3)));
  const start = (pool.base + <usize>pool.bumped * pool.objectBytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
  const end = pool.base + <usize>pool.dirtied * pool.objectBytes;
  // Half again of what is in use is kept too, so that a crowd that breathes does not cost pages at every breath.
  if (end <= start + KEPT_BYTES + (start - pool.base) / 2) return;
  memoryRelease(start, <u32>(end - start));
  pool.dirtied = <u32>((start - pool.base + pool.objectBytes - 1) / pool.objectBytes);
}

/** Position of an object in its pool, 0 to capacity - 1. */
export function poolIndex(pool: Pool, object: usize): u32 {
  return <u32>(object - pool.base) / pool.objectBytes;
}

/** The object at a position, whether in use or not; 0 behind the last one in use. */
export function poolAt(pool: Pool, index: u32): usize {
  return index < pool.bumped ? pool.base + <usize>index * <usize>pool.objectBytes : 0;
}
