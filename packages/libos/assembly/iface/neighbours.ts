// Neighbour cache: hardware addresses learnt by ARP, with ageing. States as in RFC 4861 §7.3, asked for with ARP.
// In: ARP messages and the clock. Out: hardware addresses, requests to send, packets released or given up.
// May import: storage, time, waiting.
import { HashMap, mapCreate, mapDelete, mapGet, mapSet, mapSetSecret } from '../storage/hash-map';
import { Pool, poolAt, poolCreate, poolGive, poolIndex, poolTake } from '../storage/pool';
import { nowNs } from '../time/clock';
import { TIMER_NEIGHBOR, Timer, timerRuns, timerStart } from '../time/timers';
import { arpRequest } from './arp-output';
import { waitingFree } from './waiting';

const NEIGHBOUR_LIMIT: u32 = 512;
/** Of these, entries without an answer that may keep others out. */
const INCOMPLETE_SHARE: u32 = 128;
/** RFC 4861 §10: RETRANS_TIMER, MAX_UNICAST_SOLICIT and MAX_MULTICAST_SOLICIT, REACHABLE_TIME. */
const RETRANSMIT_NS: u64 = 1_000_000_000;
const SOLICIT_LIMIT: u32 = 3;
const REACHABLE_NS: u64 = 30_000_000_000;
/** Unused entries go after this long. */
const STALE_LIFETIME_NS: u64 = 600_000_000_000;

const INCOMPLETE: u8 = 1;
const REACHABLE: u8 = 2;
const STALE: u8 = 3;
const PROBE: u8 = 4;

@unmanaged
export class Neighbour {
  address: u32;
  iface: u8;
  state: u8;
  /** Requests sent in INCOMPLETE or PROBE. */
  solicits: u8;
  mac: u64;
  deadlineNs: u64;
  /** Last packet for it; 0 none so far. */
  usedNs: u64;
  /** Packets waiting for the address. */
  waiting: usize;
}

const pool: Pool = poolCreate(<u32>offsetof<Neighbour>(), NEIGHBOUR_LIMIT);
const map: HashMap = mapCreate(NEIGHBOUR_LIMIT);
/** The entry found last: most packets go to one neighbour. */
let lastUsed: usize = 0;

/** One timer for all, at the earliest deadline or before; when it expires the kernel calls `neighboursTick`. */
const timer = changetype<Timer>(memory.data(32, 8));
timer.kind = TIMER_NEIGHBOR;

/** Keys the table, so that neighbours cannot choose collisions; at start, while it is empty. */
export function neighboursStart(secret: u64): void {
  mapSetSecret(map, secret);
}

function setDeadline(entry: Neighbour, deadlineNs: u64): void {
  entry.deadlineNs = deadlineNs;
  if (!timerRuns(timer) || deadlineNs < timer.deadlineNs) timerStart(timer, deadlineNs);
}

function find(iface: u32, address: u32): usize {
  if (lastUsed != 0) {
    const entry = changetype<Neighbour>(lastUsed);
    if (entry.address == address && entry.iface == <u8>iface) return lastUsed;
  }
  const index = mapGet(map, ((<u64>iface) << 32) | <u64>address, 0);
  return index == 0 ? 0 : poolAt(pool, index - 1);
}

function remove(entry: Neighbour): void {
  mapDelete(map, ((<u64>entry.iface) << 32) | <u64>entry.address, 0);
  waitingFree(entry.waiting);
  if (changetype<usize>(entry) == lastUsed) lastUsed = 0;
  entry.state = 0;
  poolGive(pool, changetype<usize>(entry));
}

/**
 * Removes an entry. Those that nothing was sent to go first: anybody can make them, with ARP messages from many
 * addresses. Then those without an answer, when they are more than their share: anybody can cause them, with packets
 * from many addresses. Then the one unused for longest.
 */
function evict(): void {
  let incomplete: u32 = 0;
  for (let i: u32 = 0; i < pool.bumped; i++)
    if (changetype<Neighbour>(poolAt(pool, i)).state == INCOMPLETE) incomplete++;
  const isCrowd = incomplete > INCOMPLETE_SHARE;
  let victim: usize = 0;
  let best: u64 = u64.MAX_VALUE;
  for (let i: u32 = 0; i < pool.bumped; i++) {
    const entry = changetype<Neighbour>(poolAt(pool, i));
    if (entry.state == 0) continue;
    let rank: u64 = 2;
    if (entry.state == INCOMPLETE) rank = isCrowd ? 1 : 3;
    else if (entry.usedNs == 0) rank = 0;
    const age = (rank << 62) | (entry.usedNs == 0 ? entry.deadlineNs : entry.usedNs);
    if (age < best) {
      best = age;
      victim = changetype<usize>(entry);
    }
  }
  remove(changetype<Neighbour>(victim));
}

function add(iface: u32, address: u32): Neighbour {
  if (pool.live == NEIGHBOUR_LIMIT) evict();
  const entry = changetype<Neighbour>(poolTake(pool));
  entry.address = address;
  entry.iface = <u8>iface;
  mapSet(map, ((<u64>iface) << 32) | <u64>address, 0, poolIndex(pool, changetype<usize>(entry)) + 1);
  return entry;
}

/**
 * Looks up a next hop, asking for it when unknown or stale. Returns its entry: `mac` is 0 while it is unknown, and
 * packets may be added to `waiting`.
 */
export function neighbourFor(iface: u32, address: u32): Neighbour {
  const found = find(iface, address);
  if (found == 0) {
    const entry = add(iface, address);
    entry.state = INCOMPLETE;
    entry.solicits = 1;
    entry.usedNs = nowNs;
    setDeadline(entry, nowNs + RETRANSMIT_NS);
    arpRequest(iface, address, 0);
    return entry;
  }
  const entry = changetype<Neighbour>(found);
  lastUsed = found;
  entry.usedNs = nowNs;
  if (entry.state == STALE) {
    entry.state = PROBE;
    entry.solicits = 1;
    setDeadline(entry, nowNs + RETRANSMIT_NS);
    arpRequest(iface, address, entry.mac);
  }
  return entry;
}

/**
 * Learns a sender's hardware address (RFC 826). `create`: the message was for us, so an unknown sender is added.
 * Returns the queue of packets that waited for it, now the caller's; 0 none.
 */
export function neighbourLearn(iface: u32, address: u32, mac: u64, create: bool): usize {
  const found = find(iface, address);
  if (found == 0 && !create) return 0;
  const entry = found == 0 ? add(iface, address) : changetype<Neighbour>(found);
  entry.mac = mac;
  entry.state = REACHABLE;
  entry.solicits = 0;
  setDeadline(entry, nowNs + REACHABLE_NS);
  const waiting = entry.waiting;
  entry.waiting = 0;
  return waiting;
}

/** Destination of a packet given up because no neighbour answered, left by `neighboursTick`; 0 none. */
export let unreachableNextHop: u32 = 0;
export let unreachableInterface: u32 = 0;
/** Its waiting packets, the caller's to free. */
export let unreachableWaiting: usize = 0;

/**
 * Repeats requests and ages entries that are due. Returns true when a neighbour was given up: the caller reports
 * `unreachable…` and calls again.
 */
export function neighboursTick(): bool {
  let next: u64 = u64.MAX_VALUE;
  for (let i: u32 = 0; i < pool.bumped; i++) {
    const entry = changetype<Neighbour>(poolAt(pool, i));
    if (entry.state == 0) continue;
    if (entry.deadlineNs <= nowNs) {
      if (entry.state == REACHABLE) {
        entry.state = STALE;
        entry.deadlineNs = nowNs + STALE_LIFETIME_NS;
      } else if (entry.state == STALE) {
        remove(entry);
        continue;
      } else if (entry.solicits < SOLICIT_LIMIT) {
        entry.solicits++;
        entry.deadlineNs = nowNs + RETRANSMIT_NS;
        arpRequest(<u32>entry.iface, entry.address, entry.state == PROBE ? entry.mac : 0);
      } else {
        unreachableNextHop = entry.address;
        unreachableInterface = <u32>entry.iface;
        unreachableWaiting = entry.waiting;
        entry.waiting = 0;
        remove(entry);
        return true;
      }
    }
    if (entry.deadlineNs < next) next = entry.deadlineNs;
  }
  if (next != u64.MAX_VALUE) timerStart(timer, next);
  return false;
}

/** Forgets an interface's neighbours. */
export function neighboursRemove(iface: u32): void {
  for (let i: u32 = 0; i < pool.bumped; i++) {
    const entry = changetype<Neighbour>(poolAt(pool, i));
    if (entry.state != 0 && entry.iface == <u8>iface) remove(entry);
  }
}

/** Entries in the cache. */
export function neighbourCount(): u32 {
  return pool.live;
}
