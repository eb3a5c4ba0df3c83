// Zeroed memory that lives for ever, taken in whole wasm pages so that nothing is written to make it zero: pools
// stay untouched in a snapshot. In: sizes, out: addresses. May import: nothing.

const WASM_PAGE_BYTES: usize = 65536;
/** Growth per request for more; small requests share a page. */
let chunk: usize = 0;
let chunkEnd: usize = 0;

/** Returns `bytes` of zeroed memory, 16-byte aligned; traps when the platform refuses memory. */
export function arenaAllocate(bytes: usize): usize {
  const size = (bytes + 15) & ~15;
  if (chunk + size > chunkEnd) {
    // The runtime's heap claims all memory there is when it is first used: that must be before the arena grows it.
    if (chunkEnd == 0) heap.free(heap.alloc(1));
    const pages = (size + WASM_PAGE_BYTES - 1) / WASM_PAGE_BYTES;
    const before = memory.grow(<i32>pages);
    assert(before >= 0, 'out of memory');
    const start = <usize>before * WASM_PAGE_BYTES;
    if (start != chunkEnd) chunk = start;
    chunkEnd = start + pages * WASM_PAGE_BYTES;
  }
  const result = chunk;
  chunk += size;
  return result;
}
