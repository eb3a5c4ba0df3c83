/**
 * Entry of core-testing.wasm: memory, timers and keyed hashing alone, for their unit tests. May import: storage, time,
 * platform.
 */
import './platform/abort';
import { sipHash13, sipHash24 } from './platform/random';
import {
  RANGES_BYTES,
  Ranges,
  rangeEnd,
  rangeStart,
  rangesContain,
  rangesFind,
  rangesInsert,
  rangesTrimBefore,
} from './storage/reassembler';
import {
  Ring,
  ringConsume,
  ringContiguous,
  ringFree,
  ringRead,
  ringReserve,
  ringWrite,
} from './storage/ring';
import { Timer, takeExpired, timerStart, timerStop } from './time/timers';

export { ringBudgetSet, ringBytesUsed } from './storage/ring';
export { nextDeadlineNs, timersRunning } from './time/timers';
export { sipHash13, sipHash24 };

const timers: usize = heap.alloc(1024 * offsetof<Timer>());
memory.fill(timers, 0, 1024 * offsetof<Timer>());

function timerAt(index: u32): Timer {
  const timer = changetype<Timer>(timers + <usize>index * offsetof<Timer>());
  timer.object = index;
  return timer;
}

export function start(index: u32, deadlineNs: u64): void {
  timerStart(timerAt(index), deadlineNs);
}

export function stop(index: u32): void {
  timerStop(timerAt(index));
}

/** Index of an expired timer, or -1. */
export function expired(nowNs: u64): i32 {
  const timer = takeExpired(nowNs);
  return timer === null ? -1 : <i32>timer.object;
}

const ranges = changetype<Ranges>(memory.data(<i32>RANGES_BYTES, 8));

export function insert(start: u32, end: u32): bool {
  return rangesInsert(ranges, start, end);
}

export function trim(sequence: u32): void {
  rangesTrimBefore(ranges, sequence);
}

export function rangeCount(): i32 {
  return ranges.count;
}

export function rangeBytes(): u32 {
  return ranges.bytes;
}

export function startOf(index: i32): u32 {
  return rangeStart(ranges, index);
}

export function endOf(index: i32): u32 {
  return rangeEnd(ranges, index);
}

export function find(sequence: u32): i32 {
  return rangesFind(ranges, sequence);
}

export function contains(start: u32, end: u32): bool {
  return rangesContain(ranges, start, end);
}

const ring = changetype<Ring>(memory.data(32, 8));
const scratch: usize = memory.data(65536, 8);

export function scratchAddress(): usize {
  return scratch;
}

/** Appends `length` bytes of the scratch area; false: no room within the budget. */
export function append(length: u32): bool {
  if (!ringReserve(ring, ring.length + length)) return false;
  ringWrite(ring, ring.length, scratch, length);
  ring.length += length;
  return true;
}

/** Copies bytes from `offset` to the scratch area. */
export function read(offset: u32, length: u32): void {
  ringRead(ring, offset, scratch, length);
}

export function consume(length: u32, restart: bool): void {
  ringConsume(ring, length, restart);
}

export function contiguous(): usize {
  return ringContiguous(ring);
}

export function ringLength(): u32 {
  return ring.length;
}

export function ringCapacity(): u32 {
  return ring.capacity;
}

export function free(): void {
  ringFree(ring);
}
