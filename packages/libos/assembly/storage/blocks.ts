// Memory for rings: blocks of 4, 8, 16 and 32 KiB are cut from slabs of 64 KiB, each slab for one size, so that an empty
// slab's pages go back to the platform; larger blocks come from the heap and give theirs back when they are freed.
// In: sizes, powers of two. Out: addresses; the content is anything. May import: arena, platform.
import { memoryRelease } from '../platform/index';
import { arenaAllocate } from './arena';

const SLAB_BITS: u32 = 16;
const SLAB_BYTES: u32 = 1 << SLAB_BITS;
const LEAST_BITS: u32 = 12;
const PAGE_BYTES: usize = 4096;
/** Empty slabs that keep their pages. */
const KEPT_SLABS: u32 = 4;
/** Slabs that memory grows by at once. */
const SLABS_PER_GROWTH: u32 = 4;
/** A wasm memory has so many slabs. */
const MAXIMUM_SLABS: usize = 65536;

/** What is known of one slab. */
@unmanaged
class Slab {
  /** A bit for each block in use. */
  used: u16;
  /** Blocks are 2 to the power of this. */
  bits: u8;
  /** Slabs of the same list, 0: none. Slab 0 is low memory and never one of ours. */
  next: u16;
  previous: u16;
}

/** A slab's knowledge by its address; untouched until it is one. */
let slabs: usize = 0;
/** First slab with room, by block size from 4 KiB. */
const open: usize = memory.data(8, 2);
/** Empty slabs whose pages are kept, and those whose pages are given back or were never touched. */
let firstKept: u16 = 0;
let keptCount: u32 = 0;
let firstReleased: u16 = 0;

function slabAt(number: u16): Slab {
  return changetype<Slab>(slabs + <usize>number * offsetof<Slab>());
}

function openOf(bits: u32): usize {
  return open + <usize>((bits - LEAST_BITS) << 1);
}

function isFull(slab: Slab): bool {
  const count = 1 << (SLAB_BITS - <u32>slab.bits);
  return <u32>slab.used == ((<u32>1) << count) - 1;
}

function enlist(number: u16, slab: Slab): void {
  const head = openOf(slab.bits);
  const next = load<u16>(head);
  slab.next = next;
  slab.previous = 0;
  if (next != 0) slabAt(next).previous = number;
  store<u16>(head, number);
}

function delist(slab: Slab): void {
  if (slab.previous != 0) slabAt(slab.previous).next = slab.next;
  else store<u16>(openOf(slab.bits), slab.next);
  if (slab.next != 0) slabAt(slab.next).previous = slab.previous;
}

/** An empty slab, from before or of new memory; 0: the platform refuses memory. */
function takeEmpty(): u16 {
  if (slabs == 0) slabs = arenaAllocate(MAXIMUM_SLABS * offsetof<Slab>());
  if (firstKept != 0) {
    const kept = firstKept;
    firstKept = slabAt(kept).next;
    keptCount--;
    return kept;
  }
  if (firstReleased == 0) {
    const before = memory.grow(SLABS_PER_GROWTH);
    if (before < 0) return 0;
    for (let number = <u32>before + SLABS_PER_GROWTH; number-- > <u32>before; ) {
      slabAt(<u16>number).next = firstReleased;
      firstReleased = <u16>number;
    }
  }
  const number = firstReleased;
  firstReleased = slabAt(number).next;
  return number;
}

/** A block of `bytes`, a power of two from 4 KiB; 0: the platform refuses memory. */
export function blockTake(bytes: u32): usize {
  if (bytes >= SLAB_BYTES) return heap.alloc(bytes);
  const bits = <u32>ctz(bytes);
  let number = load<u16>(openOf(bits));
  if (number == 0) {
    number = takeEmpty();
    if (number == 0) return 0;
    const fresh = slabAt(number);
    fresh.bits = <u8>bits;
    fresh.used = 0;
    enlist(number, fresh);
  }
  const slab = slabAt(number);
  const place = <u32>ctz(~(<u32>slab.used));
  slab.used |= <u16>((<u32>1) << place);
  if (isFull(slab)) delist(slab);
  return ((<usize>number) << SLAB_BITS) + ((<usize>place) << bits);
}

/** Gives a block of `bytes` back. */
export function blockGive(block: usize, bytes: u32): void {
  if (bytes >= SLAB_BYTES) {
    // The heap writes into the first and the last page of what is free.
    const start = (block + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    const end = (block + bytes) & ~(PAGE_BYTES - 1);
    memoryRelease(start, <u32>(end - start));
    heap.free(block);
    return;
  }
  const number = <u16>(block >> SLAB_BITS);
  const slab = slabAt(number);
  if (isFull(slab)) enlist(number, slab);
  const place = <u32>(block & (SLAB_BYTES - 1)) >> <u32>slab.bits;
  slab.used &= ~(<u16>((<u32>1) << place));
  if (slab.used != 0) return;
  delist(slab);
  if (keptCount < KEPT_SLABS) {
    slab.next = firstKept;
    firstKept = number;
    keptCount++;
  } else {
    memoryRelease((<usize>number) << SLAB_BITS, SLAB_BYTES);
    slab.next = firstReleased;
    firstReleased = number;
  }
}
