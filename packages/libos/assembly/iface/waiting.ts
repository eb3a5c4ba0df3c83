// Packets that wait for a neighbour's hardware address: transport bytes with what `ipv4Emit…` needs to send them later.
// Bounded per neighbour and in all; the oldest goes first (RFC 1122 §2.3.2.2 wants at least the latest kept).
// In: packets in the transport buffer. Out: the same, put back there. May import: storage.

const PER_NEIGHBOUR_LIMIT: u32 = 8;
const TOTAL_BYTES_LIMIT: u32 = 256 * 1024;

/** A waiting packet; its transport bytes follow the record. */
@unmanaged
export class Waiting {
  next: usize;
  source: u32;
  destination: u32;
  protocol: u8;
  length: u32;
  segmentBytes: u32;
  checksumOffset: i32;
}

let waitingBytes: u32 = 0;

/** Bytes held by all queues. */
export function waitingBytesNow(): u32 {
  return waitingBytes;
}

/** Frees a whole queue; returns the empty queue. */
export function waitingFree(head: usize): usize {
  while (head != 0) head = waitingDrop(head);
  return 0;
}

/** Frees the first packet and returns the rest. */
export function waitingDrop(head: usize): usize {
  const packet = changetype<Waiting>(head);
  const next = packet.next;
  waitingBytes -= <u32>offsetof<Waiting>() + packet.length;
  heap.free(head);
  return next;
}

/** Copies a packet to the queue's end; returns the queue. Over the limits a packet is dropped. */
export function waitingAdd(
  head: usize,
  transport: usize,
  source: u32,
  destination: u32,
  protocol: u8,
  length: u32,
  segmentBytes: u32,
  checksumOffset: i32,
): usize {
  const bytes = <u32>offsetof<Waiting>() + length;
  let packets: u32 = 0;
  for (let at = head; at != 0; at = changetype<Waiting>(at).next) packets++;
  if (packets >= PER_NEIGHBOUR_LIMIT) head = waitingDrop(head);
  if (waitingBytes + bytes > TOTAL_BYTES_LIMIT) return head;
  const place = heap.alloc(bytes);
  waitingBytes += bytes;
  const packet = changetype<Waiting>(place);
  packet.next = 0;
  packet.source = source;
  packet.destination = destination;
  packet.protocol = protocol;
  packet.length = length;
  packet.segmentBytes = segmentBytes;
  packet.checksumOffset = checksumOffset;
  memory.copy(place + offsetof<Waiting>(), transport, length);
  if (head == 0) return place;
  let last = head;
  while (changetype<Waiting>(last).next != 0) last = changetype<Waiting>(last).next;
  changetype<Waiting>(last).next = place;
  return head;
}
