// Fixed-capacity hash map from a 128-bit key (two u64) to a non-zero u32: open addressing, linear probing, deletion
// by shifting back, so there are no tombstones. The hash is keyed: peers cannot choose collisions.
// In: keys and values. Out: values. May import: arena.
import { arenaAllocate } from './arena';

/** Slot: key (two u64), value u32 (0: empty), hash u32. */
const SLOT_BYTES: usize = 24;
const VALUE_OFFSET: usize = 16;
const HASH_OFFSET: usize = 20;

/** A map; made by `mapCreate`. */
@unmanaged
export class HashMap {
  slots: usize;
  /** Slot count - 1; the count is a power of two. */
  mask: u32;
  /** Entries now, at most `limit`. */
  length: u32;
  limit: u32;
  secret: u64;
}

/** Makes a map for at most `limit` entries (load at most 2/3); untouched zero memory. */
export function mapCreate(limit: u32): HashMap {
  const map = changetype<HashMap>(arenaAllocate(offsetof<HashMap>()));
  let slots: u32 = 8;
  while (slots < limit + (limit >> 1) + 1) slots <<= 1;
  map.mask = slots - 1;
  map.limit = limit;
  map.slots = arenaAllocate(<usize>slots * SLOT_BYTES);
  return map;
}

/** Sets the hash's secret; only while the map is empty. */
export function mapSetSecret(map: HashMap, secret: u64): void {
  map.secret = secret;
}

/** Two rounds of the finaliser of MurmurHash3 around the secret. */
function hashKey(a: u64, b: u64, secret: u64): u32 {
  let h = a ^ secret;
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  h ^= b + rotl<u64>(secret, 29);
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return <u32>(h ^ (h >> 32));
}

/** Slot with the key, or the empty slot where it would go. */
function findSlot(map: HashMap, a: u64, b: u64, hash: u32): usize {
  let index = hash & map.mask;
  while (true) {
    const slot = map.slots + <usize>index * SLOT_BYTES;
    if (load<u32>(slot, VALUE_OFFSET) == 0) return slot;
    if (load<u64>(slot) == a && load<u64>(slot, 8) == b) return slot;
    index = (index + 1) & map.mask;
  }
}

/** Value of a key; 0 when absent. */
export function mapGet(map: HashMap, a: u64, b: u64): u32 {
  return load<u32>(findSlot(map, a, b, hashKey(a, b, map.secret)), VALUE_OFFSET);
}

/** Sets a key's value (not 0); false when the map is full. */
export function mapSet(map: HashMap, a: u64, b: u64, value: u32): bool {
  const hash = hashKey(a, b, map.secret);
  const slot = findSlot(map, a, b, hash);
  if (load<u32>(slot, VALUE_OFFSET) == 0) {
    if (map.length == map.limit) return false;
    map.length++;
    store<u64>(slot, a);
    store<u64>(slot, b, 8);
    store<u32>(slot, hash, HASH_OFFSET);
  }
  store<u32>(slot, value, VALUE_OFFSET);
  return true;
}

/** Removes a key; false when absent. */
export function mapDelete(map: HashMap, a: u64, b: u64): bool {
  let hole = findSlot(map, a, b, hashKey(a, b, map.secret));
  if (load<u32>(hole, VALUE_OFFSET) == 0) return false;
  map.length--;
  let index = <u32>(hole - map.slots) / <u32>SLOT_BYTES;
  let holeIndex = index;
  while (true) {
    index = (index + 1) & map.mask;
    const slot = map.slots + <usize>index * SLOT_BYTES;
    if (load<u32>(slot, VALUE_OFFSET) == 0) break;
    const home = load<u32>(slot, HASH_OFFSET) & map.mask;
    // The entry may move back unless its home lies between the hole and itself.
    if (((index - home) & map.mask) >= ((index - holeIndex) & map.mask)) {
      memory.copy(hole, slot, SLOT_BYTES);
      hole = slot;
      holeIndex = index;
    }
  }
  store<u32>(hole, 0, VALUE_OFFSET);
  return true;
}
