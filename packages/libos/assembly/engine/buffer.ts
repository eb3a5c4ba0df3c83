// A growing buffer of libos memory for bytes that come out of the engine. In: a needed length. Out: `address`.
// May import: nothing.

/** Above this a buffer is given back after use. */
const KEPT_BYTES: u32 = 256 * 1024;

@unmanaged
export class Buffer {
  address: usize;
  capacity: u32;
  length: u32;
}

/** Room for `length` bytes; what was there is lost. */
export function reserve(buffer: Buffer, length: u32): void {
  buffer.length = length;
  if (length <= buffer.capacity && (buffer.capacity <= KEPT_BYTES || length > KEPT_BYTES)) return;
  if (buffer.address != 0) heap.free(buffer.address);
  buffer.capacity = max<u32>(4096, length + (length >> 1));
  buffer.address = heap.alloc(buffer.capacity);
}
