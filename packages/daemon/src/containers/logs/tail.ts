/**
 * Where the last lines of a log begin: reads backwards, a block at a time.
 *
 * In: an open file. Out: an offset. May import: nothing.
 */
import type { FileHandle } from 'node:fs/promises';
import { isEntry, isPartial } from './entry.js';

const blockBytes = 64 * 1024;
const newline = 0x0a;

export interface Tail {
  offset: number;
  /** Lines from there to the end: fewer than asked for when the file has no more. */
  lines: number;
}

/** Start of the last `wanted` lines among the first `size` bytes. Entries that continue belong to the next whole one. */
export async function findTail(file: FileHandle, size: number, wanted: number): Promise<Tail> {
  if (wanted <= 0) return { offset: size, lines: 0 };
  let lines = 0;
  // Bytes of the entry whose beginning lies further left.
  let rest: Buffer = Buffer.alloc(0);
  let newest = true;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - blockBytes);
    const block = Buffer.allocUnsafe(end - start);
    const { bytesRead } = await file.read(block, 0, block.length, start);
    const bytes = Buffer.concat([block.subarray(0, bytesRead), rest]);
    let stop = bytes.length;
    for (;;) {
      // The newline that ends the entry before; the one at `stop - 1` ends this entry.
      const before = stop > 1 ? bytes.lastIndexOf(newline, stop - 2) : -1;
      if (before < 0 && start > 0) break;
      const at = before + 1;
      if (isEntry(bytes, at, stop - at)) {
        // An unfinished line at the very end counts; later ones belong to the whole entry after them.
        if (newest || !isPartial(bytes, at)) {
          if (lines === wanted) return { offset: start + stop, lines };
          lines++;
        }
        newest = false;
      }
      stop = at;
      if (at === 0) break;
    }
    rest = Buffer.from(bytes.subarray(0, stop));
    end = start;
  }
  return { offset: 0, lines };
}
