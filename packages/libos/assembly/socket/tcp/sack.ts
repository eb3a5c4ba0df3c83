/**
 * What an acknowledgement says about bytes out of order and bytes that came twice (RFC 2018, RFC 2883).
 *
 * In: what arrived. Out: the SACK option. May import: storage, wire.
 */
import { Ranges, rangeEnd, rangeStart, rangesFind } from '../../storage/reassembler';
import { emitSackBlock, emitSackHead, sackBytes } from '../../wire/tcp-options';
import { Connection, DUPLICATE, has, RECENT_RANGES, recentRange, SACK, TIMESTAMPS } from './connection';
import { before } from './sequence';

/** [start, end) has been received again: the next acknowledgement says so. One report each (RFC 2883 §4): the first stays. */
export function noteDuplicate(c: Connection, start: u32, end: u32): void {
  if (!has(c, SACK) || has(c, DUPLICATE)) return;
  c.flags |= DUPLICATE;
  c.duplicateStart = start;
  c.duplicateEnd = end;
}

/** Bytes from `sequence` on have joined the ranges out of order: theirs becomes the most recent one. */
export function noteOutOfOrder(c: Connection, sequence: u32): void {
  const ranges = changetype<Ranges>(c.holes);
  const index = rangesFind(ranges, sequence);
  let carried = sequence;
  for (let place: u32 = 0; place < RECENT_RANGES; place++) {
    const at = recentRange(c, place);
    const older = load<u32>(at);
    store<u32>(at, carried);
    // It has grown into the same range: its place is free.
    if (!before(older, rangeStart(ranges, index)) && before(older, rangeEnd(ranges, index))) return;
    carried = older;
  }
}

/** A duplicate first (RFC 2883 §4), then ranges, those that changed last before the others (RFC 2018 §4). Returns the option's bytes. */
export function sackOption(c: Connection, at: usize): u32 {
  const most: u32 = has(c, TIMESTAMPS) ? 3 : 4;
  let count: u32 = 0;
  if (has(c, DUPLICATE)) emitSackBlock(at, count++, c.duplicateStart, c.duplicateEnd);
  c.flags &= ~DUPLICATE;
  if (c.holes != 0) {
    const ranges = changetype<Ranges>(c.holes);
    let shown: u64 = 0;
    for (let place: u32 = 0; place < RECENT_RANGES && count < most; place++) {
      const index = rangesFind(ranges, load<u32>(recentRange(c, place)));
      if (index < 0 || (shown & ((<u64>1) << (<u64>index))) != 0) continue;
      shown |= (<u64>1) << (<u64>index);
      emitSackBlock(at, count++, rangeStart(ranges, index), rangeEnd(ranges, index));
    }
    for (let index = ranges.count - 1; index >= 0 && count < most; index--)
      if ((shown & ((<u64>1) << (<u64>index))) == 0)
        emitSackBlock(at, count++, rangeStart(ranges, index), rangeEnd(ranges, index));
  }
  if (count == 0) return 0;
  emitSackHead(at, count);
  return sackBytes(count);
}
