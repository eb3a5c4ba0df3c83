/**
 * The state of one module as an image holds it: its memory without zero pages, and its mutable globals.
 *
 * In: a module's live state. Out: plain bytes and numbers, and back. May import: abi, engine (types).
 */
import { pageBytes } from '@noos/abi';
import type { ModuleState } from '@noos/engine';

/** `pageCount` stored pages that belong at page `firstPage`. */
export interface PageRun {
  firstPage: number;
  pageCount: number;
}

export interface MemoryImage {
  /** Size of the memory in 64 KiB wasm pages. */
  wasmPages: number;
  /** 64-bit patterns of `g0`, `g1`, …; libos and engine have no mutable floats (their builds see to it). */
  globals: bigint[];
  /** Ascending, without overlap. */
  runs: PageRun[];
  /** The pages of all runs, one after another. */
  pages: Uint8Array;
}

const wasmPageBytes = 65_536;

function isZero(words: BigUint64Array, first: number, end: number): boolean {
  for (let index = first; index < end; index++) if (words[index] !== 0n) return false;
  return true;
}

/** Copies what a module's memory and globals hold now. */
export function captureMemory({ memory, globals }: ModuleState): MemoryImage {
  const words = new BigUint64Array(memory.buffer);
  const wordsPerPage = pageBytes / 8;
  const pageTotal = memory.buffer.byteLength / pageBytes;
  const runs: PageRun[] = [];
  let stored = 0;
  for (let page = 0; page < pageTotal; page++) {
    if (isZero(words, page * wordsPerPage, (page + 1) * wordsPerPage)) continue;
    stored++;
    const last = runs.at(-1);
    if (last !== undefined && last.firstPage + last.pageCount === page) last.pageCount++;
    else runs.push({ firstPage: page, pageCount: 1 });
  }
  const pages = new Uint8Array(stored * pageBytes);
  let offset = 0;
  for (const { firstPage, pageCount } of runs) {
    pages.set(new Uint8Array(memory.buffer, firstPage * pageBytes, pageCount * pageBytes), offset);
    offset += pageCount * pageBytes;
  }
  return {
    wasmPages: memory.buffer.byteLength / wasmPageBytes,
    globals: globals.map(({ value }) => BigInt.asUintN(64, BigInt(value))),
    runs,
    pages,
  };
}

/** Puts a freshly instantiated module into the state of `image`, whose globals it must have. */
export function restoreMemory({ memory, globals }: ModuleState, image: MemoryImage): void {
  const missing = image.wasmPages - memory.buffer.byteLength / wasmPageBytes;
  // What instantiation wrote (data segments) must not show through pages that were zero.
  new Uint8Array(memory.buffer).fill(0);
  if (missing > 0) memory.grow(missing);
  const bytes = new Uint8Array(memory.buffer);
  let offset = 0;
  for (const { firstPage, pageCount } of image.runs) {
    const length = pageCount * pageBytes;
    bytes.set(image.pages.subarray(offset, offset + length), firstPage * pageBytes);
    offset += length;
  }
  for (const [index, global] of globals.entries()) {
    const value = image.globals[index] as bigint;
    global.value =
      typeof global.value === 'bigint' ? BigInt.asIntN(64, value) : Number(BigInt.asIntN(32, value));
  }
}
