/**
 * Sorted, disjoint ranges of a 32-bit sequence space: what has arrived out of order, or what a peer has acknowledged
 * selectively.
 *
 * In: ranges [start, end) whose distance stays below 2^31 (comparison is modulo 2^32). Out: the merged ranges.
 * May import: nothing. A fixed number of ranges per object bounds memory: one too many is refused.
 */

export const RANGES_MAXIMUM: i32 = 64;

@unmanaged
class Range {
  start: u32;
  end: u32;
}

@unmanaged
export class Ranges {
  count: i32;
  /** Bytes in all ranges. */
  bytes: u32;
  // RANGES_MAXIMUM entries of Range follow.
}

const HEADER_BYTES: usize = offsetof<Ranges>();
const RANGE_BYTES: usize = offsetof<Range>();

/** Size of one object. */
export const RANGES_BYTES: usize = HEADER_BYTES + <usize>RANGES_MAXIMUM * RANGE_BYTES;

function range(ranges: Ranges, index: i32): Range {
  return changetype<Range>(changetype<usize>(ranges) + HEADER_BYTES + <usize>index * RANGE_BYTES);
}

function before(a: u32, b: u32): bool {
  return <i32>(a - b) < 0;
}

export function rangeStart(ranges: Ranges, index: i32): u32 {
  return range(ranges, index).start;
}

export function rangeEnd(ranges: Ranges, index: i32): u32 {
  return range(ranges, index).end;
}

export function rangesClear(ranges: Ranges): void {
  ranges.count = 0;
  ranges.bytes = 0;
}

function shift(ranges: Ranges, from: i32, to: i32): void {
  memory.copy(
    changetype<usize>(range(ranges, to)),
    changetype<usize>(range(ranges, from)),
    <usize>(ranges.count - from) * RANGE_BYTES,
  );
}

/** Adds [start, end), merging what overlaps or touches. False: it would be one range too many, nothing has changed. */
export function rangesInsert(ranges: Ranges, start: u32, end: u32): bool {
  const count = ranges.count;
  // New data mostly extends the last range or follows it: search from the end.
  let first = count;
  while (first > 0 && !before(range(ranges, first - 1).end, start)) first--;
  let last = first;
  let mergedStart = start;
  let mergedEnd = end;
  let replaced: u32 = 0;
  while (last < count && !before(end, range(ranges, last).start)) {
    const current = range(ranges, last);
    if (before(current.start, mergedStart)) mergedStart = current.start;
    if (before(mergedEnd, current.end)) mergedEnd = current.end;
    replaced += current.end - current.start;
    last++;
  }
  if (last == first) {
    if (count == RANGES_MAXIMUM) return false;
    shift(ranges, first, first + 1);
    ranges.count = count + 1;
  } else if (last > first + 1) {
    shift(ranges, last, first + 1);
    ranges.count = count - (last - first - 1);
  }
  const target = range(ranges, first);
  target.start = mergedStart;
  target.end = mergedEnd;
  ranges.bytes += mergedEnd - mergedStart - replaced;
  return true;
}

/** Forgets everything before `sequence`. */
export function rangesTrimBefore(ranges: Ranges, sequence: u32): void {
  let gone = 0;
  while (gone < ranges.count && !before(sequence, range(ranges, gone).end)) {
    const current = range(ranges, gone++);
    ranges.bytes -= current.end - current.start;
  }
  if (gone > 0) {
    shift(ranges, gone, 0);
    ranges.count -= gone;
  }
  if (ranges.count > 0) {
    const first = range(ranges, 0);
    if (before(first.start, sequence)) {
      ranges.bytes -= sequence - first.start;
      first.start = sequence;
    }
  }
}

/** What `rangesOverlap` found. */
export let overlapStart: u32 = 0;
export let overlapEnd: u32 = 0;

/** Whether a part of [start, end) is in a range; the first such part, as `overlapStart` and `overlapEnd`. */
export function rangesOverlap(ranges: Ranges, start: u32, end: u32): bool {
  for (let index = 0; index < ranges.count; index++) {
    const current = range(ranges, index);
    if (!before(start, current.end)) continue;
    if (!before(current.start, end)) return false;
    overlapStart = before(start, current.start) ? current.start : start;
    overlapEnd = before(end, current.end) ? end : current.end;
    return true;
  }
  return false;
}

/** Whether [start, end) lies wholly inside one range. */
export function rangesContain(ranges: Ranges, start: u32, end: u32): bool {
  for (let index = 0; index < ranges.count; index++) {
    const current = range(ranges, index);
    if (!before(start, current.start) && !before(current.end, end)) return true;
  }
  return false;
}

/** Index of the range that holds the byte `sequence`, or -1. */
export function rangesFind(ranges: Ranges, sequence: u32): i32 {
  for (let index = 0; index < ranges.count; index++) {
    const current = range(ranges, index);
    if (!before(sequence, current.start) && before(sequence, current.end)) return index;
  }
  return -1;
}
