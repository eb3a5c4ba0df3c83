/**
 * Packets to one's own addresses: a queue of datagrams, without frames, checksums or segmentation (RFC 1122 §3.2.1.3).
 * In: transport bytes. Out: the same, in order. Bounded; full means "device full". May import: storage.
 */
import { arenaAllocate } from '../storage/arena';
import { PacketQueue, packetQueueDrop, packetQueueFirst, packetQueuePut } from '../storage/packet-queue';

/** What TCP takes as the MTU to itself. */
export const LOOPBACK_MTU_BYTES: u32 = 16384;
const QUEUE_BYTES: u32 = 256 * 1024;

/** A queued datagram; its bytes follow. */
@unmanaged
class Entry {
  length: u32;
  source: u32;
  destination: u32;
  protocol: u8;
}

const ENTRY_BYTES: u32 = 16;
const queue = changetype<PacketQueue>(memory.data(32, 8));
/** The first datagram has been handed out and goes at the next take. */
let taken: bool = false;

/** What `loopbackTake` found. */
export let loopbackSource: u32 = 0;
export let loopbackDestination: u32 = 0;
export let loopbackProtocol: u8 = 0;
export let loopbackPayload: usize = 0;
export let loopbackLength: u32 = 0;

/** Whether a datagram is waiting. */
export function loopbackWaiting(): bool {
  return queue.packets > u32(taken);
}

/** Queues a datagram; false when there is no room. */
export function loopbackPut(
  source: u32,
  destination: u32,
  protocol: u8,
  transport: usize,
  length: u32,
): bool {
  if (queue.base == 0) {
    queue.base = arenaAllocate(QUEUE_BYTES);
    queue.capacity = QUEUE_BYTES;
  }
  const place = packetQueuePut(queue, ENTRY_BYTES + length);
  if (place == 0) return false;
  const entry = changetype<Entry>(place);
  entry.length = length;
  entry.source = source;
  entry.destination = destination;
  entry.protocol = protocol;
  memory.copy(place + <usize>ENTRY_BYTES, transport, length);
  return true;
}

/** Takes the next datagram; valid until the next call. False when none is waiting. */
export function loopbackTake(): bool {
  if (taken) packetQueueDrop(queue);
  const first = packetQueueFirst(queue);
  taken = first != 0;
  if (!taken) return false;
  const entry = changetype<Entry>(first);
  loopbackSource = entry.source;
  loopbackDestination = entry.destination;
  loopbackProtocol = entry.protocol;
  loopbackPayload = first + <usize>ENTRY_BYTES;
  loopbackLength = entry.length;
  return true;
}
