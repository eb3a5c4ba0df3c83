/**
 * A look-up in progress: its record, pool, and the queue of finished ones.
 * In: owners' requests. Out: records and results. May import: storage, time.
 */
import { Pool, poolAt, poolCreate, poolGive, poolIndex, poolTake } from '../storage/pool';
import { nowNs } from '../time/clock';
import { TIMER_DNS, Timer } from '../time/timers';
import { DNS_ADDRESS_LIMIT } from '../wire/dns';

const QUERY_LIMIT: u32 = 1024;
/** Of these, without a result: the others wait for their owners to take theirs. */
const PENDING_LIMIT: u32 = 512;
const NAME_BYTES: usize = 256;

@unmanaged
export class Query {
  /** Next finished one, or next follower. */
  next: usize;
  /** Look-ups of the same name that share this one's result. */
  followers: usize;
  generation: u32;
  owner: u8;
  live: bool;
  /** The name ends in a dot or has been taken as absolute: no search list. */
  absolute: bool;
  /** The name itself is tried before the search list (ndots). */
  nameFirst: bool;
  /** Position in the list of candidates. */
  candidate: u32;
  /** A candidate failed for want of a working server: the final error is ESERVFAIL rather than ENOTFOUND. */
  serverFailed: bool;
  /** Requests sent for this candidate, and the server of the last. */
  attempts: u32;
  server: u32;
  identifier: u32;
  /** CNAME links followed from message to message. */
  links: u32;
  /** Smallest TTL along them. */
  ttlSeconds: u32;
  /** Sockets; 0 none. */
  udp: i32;
  tcp: i32;
  /** TCP response received so far (with its length prefix), bytes. */
  received: u32;
  buffer: usize;
  error: i32;
  count: u32;
  /** It has no result yet. */
  pending: bool;
  /** It waits for another's result. */
  follows: bool;
  sinceNs: u64;
}

const TIMER_OFFSET: usize = 112;
const ADDRESSES_OFFSET: usize = 144;
const ASKED_OFFSET: usize = 208;
const CANDIDATE_OFFSET: usize = ASKED_OFFSET + NAME_BYTES;
const CURRENT_OFFSET: usize = CANDIDATE_OFFSET + NAME_BYTES;
const QUERY_BYTES: u32 = <u32>(CURRENT_OFFSET + NAME_BYTES);

const pool: Pool = poolCreate(QUERY_BYTES, QUERY_LIMIT);
let generations: u32 = 0;
let pending: u32 = 0;
let firstFinished: usize = 0;
let lastFinished: usize = 0;

export function queryTimer(query: Query): Timer {
  return changetype<Timer>(changetype<usize>(query) + TIMER_OFFSET);
}

/** u32 each, host order; at most DNS_ADDRESS_LIMIT. */
export function queryAddresses(query: Query): usize {
  return changetype<usize>(query) + ADDRESSES_OFFSET;
}

/** The name asked for, the candidate (with a search domain) and the end of its CNAME chain so far, in wire form. */
export function queryAsked(query: Query): usize {
  return changetype<usize>(query) + ASKED_OFFSET;
}
export function queryCandidate(query: Query): usize {
  return changetype<usize>(query) + CANDIDATE_OFFSET;
}
export function queryCurrent(query: Query): usize {
  return changetype<usize>(query) + CURRENT_OFFSET;
}

export function queryHandle(query: Query): i32 {
  return <i32>((query.generation << 16) | (poolIndex(pool, changetype<usize>(query)) + 1));
}

/** A new record; null when all are in use. */
export function queryOpen(owner: u8): Query | null {
  const place = poolTake(pool);
  if (place == 0) return null;
  const query = changetype<Query>(place);
  generations = (generations + 1) & 0x7fff;
  query.generation = generations;
  query.owner = owner;
  query.live = true;
  query.pending = true;
  pending++;
  query.sinceNs = nowNs;
  query.ttlSeconds = u32.MAX_VALUE;
  queryTimer(query).kind = TIMER_DNS;
  queryTimer(query).object = place;
  return query;
}

export function queryFree(query: Query): void {
  end(query);
  query.live = false;
  poolGive(pool, changetype<usize>(query));
}

/** Records in use. */
export function queryCount(): u32 {
  return pool.live;
}

/** Record by position for walks over all; 0 at the end. Not every one is in use (`live`). */
export function queryAt(index: u32): usize {
  return poolAt(pool, index);
}

function end(query: Query): void {
  if (!query.pending) return;
  query.pending = false;
  pending--;
}

/** Whether as many are without a result as may be. */
export function queriesFull(): bool {
  return pending >= PENDING_LIMIT;
}

/** The look-up of its own that has been without a result for longest; null when there is none. */
export function queryOldest(): Query | null {
  let oldest: Query | null = null;
  for (let i: u32 = 0; poolAt(pool, i) != 0; i++) {
    const query = changetype<Query>(poolAt(pool, i));
    if (!query.live || !query.pending || query.follows) continue;
    if (oldest === null || query.sinceNs < oldest.sinceNs) oldest = query;
  }
  return oldest;
}

/** Queues a record as finished. */
export function queryFinish(query: Query): void {
  end(query);
  query.next = 0;
  const place = changetype<usize>(query);
  if (lastFinished == 0) firstFinished = place;
  else changetype<Query>(lastFinished).next = place;
  lastFinished = place;
}

/** Takes the next finished record; 0: none. */
export function queryTakeFinished(): usize {
  const place = firstFinished;
  if (place == 0) return 0;
  firstFinished = changetype<Query>(place).next;
  if (firstFinished == 0) lastFinished = 0;
  return place;
}

/** Copies a result. */
export function queryCopyResult(from: Query, to: Query): void {
  to.error = from.error;
  to.count = from.count;
  to.ttlSeconds = from.ttlSeconds;
  memory.copy(queryAddresses(to), queryAddresses(from), 4 * DNS_ADDRESS_LIMIT);
}
