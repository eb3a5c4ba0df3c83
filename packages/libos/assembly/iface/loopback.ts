// Packets to one's own addresses: a queue of datagrams, without frames, checksums or segmentation (RFC 1122 §3.2.1.3).
// In: transport bytes. Out: the same, in order. Bounded; full means "device full". May import: storage.
import { arenaAllocate } from '../storage/arena';

/** What TCP takes as the MTU to itself. */
export const LOOPBACK_MTU_BYTES: u32 = 16384;
const QUEUE_BYTES: u32 = 256 * 1024;

@unmanaged
class Entry {
  /** Whole size, a multiple of 8; 0 marks the wrap. */
  size: u32;
  length: u32;
  source: u32;
  destination: u32;
  protocol: u8;
}

const ENTRY_BYTES: u32 = 24;
let queue: usize = 0;
let head: u32 = 0;
let tail: u32 = 0;
/** Bytes of the entry handed out last, free at the next take. */
let taken: u32 = 0;
let used: u32 = 0;

/** What `loopbackTake` found. */
export let loopbackSource: u32 = 0;
export let loopbackDestination: u32 = 0;
export let loopbackProtocol: u8 = 0;
export let loopbackPayload: usize = 0;
export let loopbackLength: u32 = 0;

/** Whether a datagram is waiting. */
export function loopbackWaiting(): bool {
  return used > taken;
}

/** Queues a datagram; false when there is no room. */
export function loopbackPut(
  source: u32,
  destination: u32,
  protocol: u8,
  transport: usize,
  length: u32,
): bool {
  if (queue == 0) queue = arenaAllocate(QUEUE_BYTES);
  const size = (ENTRY_BYTES + length + 7) & ~7;
  if (used == 0) {
    head = 0;
    tail = 0;
  }
  let skip: u32 = 0;
  if (head + size > QUEUE_BYTES) skip = QUEUE_BYTES - head;
  if (used + skip + size > QUEUE_BYTES) return false;
  if (skip != 0) {
    if (skip >= 4) store<u32>(queue + <usize>head, 0);
    used += skip;
    head = 0;
  }
  const entry = changetype<Entry>(queue + <usize>head);
  entry.size = size;
  entry.length = length;
  entry.source = source;
  entry.destination = destination;
  entry.protocol = protocol;
  memory.copy(queue + <usize>(head + ENTRY_BYTES), transport, length);
  head += size;
  if (head == QUEUE_BYTES) head = 0;
  used += size;
  return true;
}

/** Takes the next datagram; valid until the next call. False when none is waiting. */
export function loopbackTake(): bool {
  used -= taken;
  tail += taken;
  taken = 0;
  if (tail >= QUEUE_BYTES) tail -= QUEUE_BYTES;
  if (used == 0) return false;
  let entry = changetype<Entry>(queue + <usize>tail);
  if (entry.size == 0) {
    used -= QUEUE_BYTES - tail;
    tail = 0;
    entry = changetype<Entry>(queue);
  }
  taken = entry.size;
  loopbackSource = entry.source;
  loopbackDestination = entry.destination;
  loopbackProtocol = entry.protocol;
  loopbackPayload = changetype<usize>(entry) + <usize>ENTRY_BYTES;
  loopbackLength = entry.length;
  return true;
}
