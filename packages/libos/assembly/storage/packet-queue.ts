/**
 * A queue of packets of any size in one ring of bytes, each contiguous: first in, first out, nothing allocated per
 * packet. In: sizes. Out: addresses to write to and read from. May import: nothing.
 * A queue in zeroed memory is an empty queue without memory; its owner gives it `base` and `capacity` (multiple of 8).
 */

/** In front of every packet: its size with this header, rounded up to 8; 0 where the ring wraps. */
const HEADER_BYTES: u32 = 8;

@unmanaged
export class PacketQueue {
  base: usize;
  capacity: u32;
  head: u32;
  tail: u32;
  /** Bytes from tail to head, what is skipped at the wrap included. */
  used: u32;
  /** Packets in the queue. */
  packets: u32;
}

/** Makes room for a packet of `bytes` at the end and returns where to write it; 0: no room. */
export function packetQueuePut(queue: PacketQueue, bytes: u32): usize {
  const size = (HEADER_BYTES + bytes + 7) & ~7;
  if (queue.used == 0) {
    queue.head = 0;
    queue.tail = 0;
  }
  const skip = queue.head + size > queue.capacity ? queue.capacity - queue.head : 0;
  if (queue.used + skip + size > queue.capacity) return 0;
  if (skip != 0) {
    store<u32>(queue.base + <usize>queue.head, 0);
    queue.used += skip;
    queue.head = 0;
  }
  const place = queue.base + <usize>queue.head;
  store<u32>(place, size);
  queue.head += size;
  if (queue.head == queue.capacity) queue.head = 0;
  queue.used += size;
  queue.packets++;
  return place + <usize>HEADER_BYTES;
}

/** The oldest packet; 0 when the queue is empty. */
export function packetQueueFirst(queue: PacketQueue): usize {
  if (queue.packets == 0) return 0;
  if (load<u32>(queue.base + <usize>queue.tail) == 0) {
    queue.used -= queue.capacity - queue.tail;
    queue.tail = 0;
  }
  return queue.base + <usize>(queue.tail + HEADER_BYTES);
}

/** Drops the oldest packet, which `packetQueueFirst` has returned. */
export function packetQueueDrop(queue: PacketQueue): void {
  const size = load<u32>(queue.base + <usize>queue.tail);
  queue.tail += size;
  if (queue.tail == queue.capacity) queue.tail = 0;
  queue.used -= size;
  queue.packets--;
}
