/**
 * Answers by name, kept for their TTL; negative ones too (RFC 2308). Bounded; the entry that ends first makes room.
 * In: names in wire form, answers. Out: answers. May import: storage, time, platform, wire.
 */
import { randomU64, sipHash13 } from '../platform/random';
import { HashMap, mapCreate, mapDelete, mapGet, mapSet } from '../storage/hash-map';
import { Pool, poolAt, poolCreate, poolGive, poolIndex, poolTake } from '../storage/pool';
import { NS_PER_S, nowNs } from '../time/clock';
import { DNS_ADDRESS_LIMIT, dnsNameBytes, dnsNamesEqual } from '../wire/dns';

const ENTRY_LIMIT: u32 = 256;
/** RFC 8767 §4 suggests a cap; negative answers RFC 2308 §5: one to three hours. */
const LONGEST_SECONDS: u32 = 86400;
const LONGEST_NEGATIVE_SECONDS: u32 = 10800;

@unmanaged
class Entry {
  expiresNs: u64;
  hashA: u64;
  hashB: u64;
  count: u32;
}

const ADDRESSES_OFFSET: usize = 32;
const NAME_OFFSET: usize = 96;
const ENTRY_BYTES: u32 = 352;
const pool: Pool = poolCreate(ENTRY_BYTES, ENTRY_LIMIT);
const map: HashMap = mapCreate(ENTRY_LIMIT);
let secretA: u64 = 0;
let secretB: u64 = 0;
let hashA: u64 = 0;
let hashB: u64 = 0;

/** Draws the hash's keys; after `randomStart`. */
export function cacheStart(): void {
  secretA = randomU64();
  secretB = randomU64();
}

/** Hashes a name, sixteen bytes at a time, into `hashA` and `hashB`. */
function hashName(name: usize): void {
  const bytes = dnsNameBytes(name);
  hashA = <u64>bytes;
  for (let at: u32 = 0; at < bytes; at += 8) {
    let block: u64 = 0;
    for (let i: u32 = 0; i < 8 && at + i < bytes; i++)
      block |= (<u64>load<u8>(name + <usize>(at + i))) << (<u64>(8 * i));
    hashA = sipHash13(secretA, secretB, hashA, block);
  }
  hashB = sipHash13(secretB, secretA, hashA, <u64>bytes);
}

function remove(entry: Entry): void {
  mapDelete(map, entry.hashA, entry.hashB);
  entry.expiresNs = 0;
  poolGive(pool, changetype<usize>(entry));
}

/** Addresses, their count and the seconds left of what `cacheFind` found; a count of 0 is a negative answer. */
export let cachedAddresses: usize = 0;
export let cachedCount: u32 = 0;
export let cachedTtlSeconds: u32 = 0;

/** Finds an answer that has not expired. */
export function cacheFind(name: usize): bool {
  hashName(name);
  const index = mapGet(map, hashA, hashB);
  if (index == 0) return false;
  const entry = changetype<Entry>(poolAt(pool, index - 1));
  if (entry.expiresNs <= nowNs) {
    remove(entry);
    return false;
  }
  if (!dnsNamesEqual(changetype<usize>(entry) + NAME_OFFSET, name)) return false;
  cachedAddresses = changetype<usize>(entry) + ADDRESSES_OFFSET;
  cachedCount = entry.count;
  cachedTtlSeconds = <u32>((entry.expiresNs - nowNs) / NS_PER_S);
  return true;
}

/** Entry that ends first. */
function evict(): void {
  let victim: usize = 0;
  for (let i: u32 = 0; i < pool.bumped; i++) {
    const place = poolAt(pool, i);
    if (victim == 0 || changetype<Entry>(place).expiresNs < changetype<Entry>(victim).expiresNs)
      victim = place;
  }
  remove(changetype<Entry>(victim));
}

/** Keeps an answer for `ttlSeconds`; `count` 0: there is no address. A TTL of 0 is not kept (RFC 1035 §3.2.1). */
export function cacheStore(name: usize, addresses: usize, count: u32, ttlSeconds: u32): void {
  const seconds = min(ttlSeconds, count == 0 ? LONGEST_NEGATIVE_SECONDS : LONGEST_SECONDS);
  if (seconds == 0) return;
  hashName(name);
  const index = mapGet(map, hashA, hashB);
  if (index != 0) remove(changetype<Entry>(poolAt(pool, index - 1)));
  else if (pool.live == ENTRY_LIMIT) evict();
  const place = poolTake(pool);
  const entry = changetype<Entry>(place);
  entry.expiresNs = nowNs + <u64>seconds * NS_PER_S;
  entry.hashA = hashA;
  entry.hashB = hashB;
  entry.count = min(count, DNS_ADDRESS_LIMIT);
  memory.copy(place + ADDRESSES_OFFSET, addresses, 4 * entry.count);
  memory.copy(place + NAME_OFFSET, name, dnsNameBytes(name));
  mapSet(map, hashA, hashB, poolIndex(pool, place) + 1);
}

/** Entries kept. */
export function cacheLength(): u32 {
  return pool.live;
}
