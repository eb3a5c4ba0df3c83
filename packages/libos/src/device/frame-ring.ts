/**
 * Frames on their way to a turn, in order; buffers are used again. In: frames. Out: copies. May import: nothing.
 */

export interface FrameRing {
  /** Copies a frame in; false when the ring is full. */
  push(frame: Uint8Array): boolean;
  /** Copies the oldest frame to `target` at `offset` and returns its length; 0 when there is none or it does not fit. */
  shift(target: Uint8Array, offset: number): number;
  readonly length: number;
}

/** Smallest buffer: a frame of an Ethernet's usual MTU. */
const smallestBytes = 2048;

/** A ring of at most `limit` frames. */
export function createFrameRing(limit: number): FrameRing {
  const buffers: Uint8Array[] = [];
  const lengths = new Uint32Array(limit);
  let head = 0;
  let count = 0;
  return {
    push(frame) {
      if (count === limit) return false;
      const slot = (head + count) % limit;
      let buffer = buffers[slot];
      if (buffer === undefined || buffer.length < frame.length) {
        buffer = new Uint8Array(Math.max(frame.length, smallestBytes));
        buffers[slot] = buffer;
      }
      buffer.set(frame);
      lengths[slot] = frame.length;
      count++;
      return true;
    },
    shift(target, offset) {
      while (count > 0) {
        const slot = head;
        const length = lengths[slot]!;
        head = (head + 1) % limit;
        count--;
        if (offset + length > target.length) continue;
        const buffer = buffers[slot]!;
        target.set(buffer.length === length ? buffer : buffer.subarray(0, length), offset);
        return length;
      }
      return 0;
    },
    get length() {
      return count;
    },
  };
}
