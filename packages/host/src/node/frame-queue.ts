/**
 * Frames that wait for the next turn, in slots of one block of memory: nothing is allocated per frame.
 *
 * In: frames. Out: copies in order. May import: nothing.
 */

export interface FrameQueue {
  /** Copies a frame in; false when the queue is full or the frame longer than a slot. */
  push(frame: Uint8Array): boolean;
  /** Copies the oldest frame to `target` at `offset`; returns its length. A frame that does not fit is dropped and the next one tried; 0 when none is left. */
  shift(target: Uint8Array, offset: number): number;
  readonly length: number;
}

/** A queue of `slots` frames (a power of two) of at most `slotBytes`. Untouched slots cost no memory. */
export function createFrameQueue(slotBytes: number, slots = 1024): FrameQueue {
  const bytes = new Uint8Array(slotBytes * slots);
  const lengths = new Uint32Array(slots);
  let head = 0;
  let count = 0;
  return {
    push(frame) {
      if (count === slots || frame.length > slotBytes) return false;
      const slot = (head + count) & (slots - 1);
      bytes.set(frame, slot * slotBytes);
      lengths[slot] = frame.length;
      count++;
      return true;
    },
    shift(target, offset) {
      while (count > 0) {
        const length = lengths[head]!;
        const start = head * slotBytes;
        head = (head + 1) & (slots - 1);
        count--;
        if (offset + length > target.length) continue;
        target.set(bytes.subarray(start, start + length), offset);
        return length;
      }
      return 0;
    },
    get length() {
      return count;
    },
  };
}
