// The head of one message while and after it is parsed: start line and field lines in normal form, and the facts
// that framing needs. One shared head serves messages that arrive whole; a pool serves those that come in parts.
// In: nothing. Out: `Head` objects. May import: platform, storage, limits.
import { randomU64 } from '../platform/random';
import { arenaAllocate } from '../storage/arena';
import { HashMap } from '../storage/hash-map';
import { Pool, poolAt, poolCreate, poolGive, poolIndex, poolTake } from '../storage/pool';
import { shareGive, shareOf, sharesCreate, shareTake } from '../storage/shares';
import { limits } from './limits';

/** Where parsing stands. */
export const HEAD_START: u8 = 0;
export const HEAD_FIELDS: u8 = 1;
export const HEAD_DONE: u8 = 2;

/** Transfer-Encoding so far (RFC 9112 §6.1): none; exactly `chunked`; codings, the last not chunked; codings, then
 * chunked; something after chunked; a list without elements. */
export const TRANSFER_NONE: u8 = 0;
export const TRANSFER_CHUNKED: u8 = 1;
export const TRANSFER_CODED: u8 = 2;
export const TRANSFER_CODED_CHUNKED: u8 = 3;
export const TRANSFER_BAD: u8 = 4;
export const TRANSFER_EMPTY: u8 = 5;

/** Expect: none, `100-continue`, another (RFC 9110 §10.1.1). */
export const EXPECT_NONE: u8 = 0;
export const EXPECT_CONTINUE: u8 = 1;
export const EXPECT_OTHER: u8 = 2;

/** Bytes after the limit that stores of eight bytes at a time may touch. */
const SLACK_BYTES: u32 = 16;
/** " HTTP/1.1" and line ends around the target. */
const START_LINE_EXTRA_BYTES: u32 = 16;

/** One head. Texts are in `buffer`: start line, field lines, then the carried part of an unfinished line. */
@unmanaged
export class Head {
  buffer: usize;
  state: u8;
  /** Status to answer with when the head is wrong, 0 while it is right. Of a response: 400 for any error. */
  error: u16;
  /** A response's head, not a request's. */
  isResponse: bool;
  /** An empty line before the start line was skipped (RFC 9112 §2.2). */
  skippedLine: bool;
  /** Digit after "HTTP/1.". */
  minorVersion: u8;
  methodLength: u32;
  target: usize;
  targetLength: u32;
  /** `OPTIONS *`. */
  isAsterisk: bool;
  isHead: bool;
  /** The target was in absolute form: its authority stands for Host (RFC 9112 §3.2.2). */
  hostFromTarget: bool;
  status: u32;
  /** Lines "name: value\n", names in lower case, values as UTF-8 of their bytes as code points. */
  fieldsLength: u32;
  fieldCount: u32;
  /** Received bytes of field lines. */
  fieldBytes: u32;
  hostCount: u32;
  /** -1 without Content-Length. */
  contentLength: i64;
  transfer: u8;
  expect: u8;
  connectionClose: bool;
  connectionKeepAlive: bool;
  /** Bytes of an unfinished line, taken out of TCP's buffer. */
  carryLength: u32;
  /** Of a detached head: the connection it is for, 0 once it is complete; the peer; its place in
   * the order in which they began to come in parts. */
  owner: usize;
  peer: u32;
  order: u64;
}

function startBytes(): u32 {
  return limits.methodBytes + limits.targetBytes + START_LINE_EXTRA_BYTES + SLACK_BYTES;
}

/** Field lines and a Host line taken from the target; a byte above 0x7f becomes two. */
function fieldsCapacity(): u32 {
  return 2 * limits.fieldBytes + limits.targetBytes + SLACK_BYTES;
}

/** The longest line that is not an error. */
export function carryCapacity(): u32 {
  return max(startBytes(), limits.fieldBytes) + SLACK_BYTES;
}

let shared: Head | null = null;
let pool: Pool | null = null;
let buffers: usize = 0;
let detached: u64 = 0;
/** Detached heads of each peer. */
let shares: HashMap | null = null;

function bufferBytes(): usize {
  return <usize>((startBytes() + fieldsCapacity() + carryCapacity() + 15) & ~15);
}

/** Makes the shared head and the pool, untouched memory but for a few words. */
export function initialiseHeads(): void {
  const one = changetype<Head>(arenaAllocate(offsetof<Head>()));
  one.buffer = arenaAllocate(bufferBytes());
  shared = one;
  pool = poolCreate(offsetof<Head>(), limits.partialHeads);
  shares = sharesCreate(limits.partialHeads, randomU64());
  buffers = arenaAllocate(<usize>limits.partialHeads * bufferBytes());
}

/** The shared head, emptied; its texts last until the next call. */
export function sharedHead(isResponse: bool): Head {
  const head = shared!;
  reset(head, isResponse);
  return head;
}

function reset(head: Head, isResponse: bool): void {
  const buffer = head.buffer;
  memory.fill(changetype<usize>(head), 0, offsetof<Head>());
  head.buffer = buffer;
  head.isResponse = isResponse;
  head.contentLength = -1;
}

/** A head of its own that continues where `head` stands, for `owner` to `peer`; null when all are in use. */
export function detachHead(head: Head, owner: usize, peer: u32): Head | null {
  const memoryOfHead = poolTake(pool!);
  if (memoryOfHead == 0) return null;
  const copy = changetype<Head>(memoryOfHead);
  memory.copy(memoryOfHead, changetype<usize>(head), offsetof<Head>());
  copy.buffer = buffers + <usize>poolIndex(pool!, memoryOfHead) * bufferBytes();
  copy.target = head.target - head.buffer + copy.buffer;
  memory.copy(copy.buffer, head.buffer, startLineLength(head));
  memory.copy(fieldsOf(copy), fieldsOf(head), head.fieldsLength);
  copy.owner = owner;
  copy.peer = peer;
  shareTake(shares!, peer, 1);
  copy.order = ++detached;
  return copy;
}

/** Gives a detached head back. */
export function releaseHead(head: Head): void {
  head.owner = 0;
  shareGive(shares!, head.peer, 1);
  poolGive(pool!, changetype<usize>(head));
}

/** The incomplete head at a position of the pool, from 0 on, or one without an owner; null behind the last. */
export function detachedHeadAt(index: u32): Head | null {
  const address = poolAt(pool!, index);
  return address == 0 ? null : changetype<Head>(address);
}

/** Detached heads of a peer. */
export function headsOf(peer: u32): u32 {
  return shareOf(shares!, peer);
}

/** Bytes that all heads and their buffers take. */
export function headPoolBytes(): u64 {
  return <u64>limits.partialHeads * <u64>bufferBytes();
}

/** Detached heads in use, for tests and statistics. */
export function detachedHeads(): u32 {
  return pool == null ? 0 : pool!.live;
}

/** Whether `head` came from `detachHead`. */
export function isDetached(head: Head): bool {
  return changetype<usize>(head) != changetype<usize>(shared);
}

function startLineLength(head: Head): usize {
  return head.target == 0 ? 0 : head.target + head.targetLength - head.buffer;
}

/** Where the field lines are. */
export function fieldsOf(head: Head): usize {
  return head.buffer + startBytes();
}

/** Where the carried bytes are; `carryCapacity` of them fit. */
export function carryOf(head: Head): usize {
  return head.buffer + startBytes() + fieldsCapacity();
}
