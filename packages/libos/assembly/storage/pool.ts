// Pools of objects of one size: bump while fresh, then a free list; a new pool is untouched zero memory.
// In: object size and capacity. Out: addresses of zeroed objects. May import: arena.
import { arenaAllocate } from './arena';

/** A pool; made by `poolCreate`. */
@unmanaged
export class Pool {
  base: usize;
  objectBytes: u32;
  capacity: u32;
  /** Objects handed out at least once. */
  bumped: u32;
  /** Objects in use now. */
  live: u32;
  /** First free object; each holds the next one in its first word. */
  free: usize;
}

/** Makes a pool of `capacity` objects of `objectBytes` (rounded up to a multiple of 8). */
export function poolCreate(objectBytes: u32, capacity: u32): Pool {
  const pool = changetype<Pool>(arenaAllocate(offsetof<Pool>()));
  pool.objectBytes = (objectBytes + 7) & ~7;
  pool.capacity = capacity;
  pool.base = arenaAllocate(<usize>pool.objectBytes * <usize>capacity);
  return pool;
}

/** Takes a zeroed object; 0 when the pool is exhausted. */
export function poolTake(pool: Pool): usize {
  let object = pool.free;
  if (object != 0) {
    pool.free = load<usize>(object);
    memory.fill(object, 0, pool.objectBytes);
  } else {
    if (pool.bumped == pool.capacity) return 0;
    object = pool.base + <usize>pool.bumped * <usize>pool.objectBytes;
    pool.bumped++;
  }
  pool.live++;
  return object;
}

/** Gives an object back. */
export function poolGive(pool: Pool, object: usize): void {
  store<usize>(object, pool.free);
  pool.free = object;
  pool.live--;
}

/** Position of an object in its pool, 0 to capacity - 1. */
export function poolIndex(pool: Pool, object: usize): u32 {
  return <u32>(object - pool.base) / pool.objectBytes;
}

/** The object at a position, whether in use or not; 0 when the position was never handed out. */
export function poolAt(pool: Pool, index: u32): usize {
  return index < pool.bumped ? pool.base + <usize>index * <usize>pool.objectBytes : 0;
}
