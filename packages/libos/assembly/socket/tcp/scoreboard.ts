/**
 * What is known of the bytes in flight (RFC 6675): which the peer has (SACK), which are lost, which are sent again.
 *
 * In: SACK blocks, the send variables. Out: the pipe, the next range to send again. May import: storage, wire.
 */
import {
  RANGES_BYTES,
  Ranges,
  rangeEnd,
  rangeStart,
  rangesClear,
  rangesFind,
  rangesInsert,
  rangesTrimBefore,
} from '../../storage/reassembler';
import { optionSackCount, optionSackEnd, optionSackStart } from '../../wire/tcp-options';
import { Connection, RECOVERY_TIMEOUT, rangesTake } from './connection';
import { after, before, beforeOrAt, latest } from './sequence';

/** RFC 6675 §2. */
const DUPLICATE_THRESHOLD: i32 = 3;

/** The range found by `nextLost`. */
export let lostStart: u32 = 0;
export let lostEnd: u32 = 0;

const none = changetype<Ranges>(memory.data(<i32>RANGES_BYTES, 8));

function board(c: Connection): Ranges {
  return c.scoreboard == 0 ? none : changetype<Ranges>(c.scoreboard);
}

/** Bytes acknowledged selectively. */
export function sackedBytes(c: Connection): u32 {
  return board(c).bytes;
}

/** Takes the current segment's SACK blocks; true when they tell something new. Blocks at or below the acknowledgment are duplicate reports (RFC 2883) and are passed over, so are impossible ones. */
export function scoreboardUpdate(c: Connection): bool {
  let news = false;
  for (let index: u32 = 0; index < optionSackCount; index++) {
    const start = optionSackStart(index);
    const end = optionSackEnd(index);
    if (!before(start, end) || !after(start, c.sendUnacknowledged) || after(end, c.sendNext)) continue;
    if (c.scoreboard == 0) c.scoreboard = rangesTake();
    const ranges = board(c);
    const bytes = ranges.bytes;
    rangesInsert(ranges, start, end);
    if (ranges.bytes != bytes) news = true;
  }
  return news;
}

/** Whether the peer has the byte `sequence` out of order. */
export function isSacked(c: Connection, sequence: u32): bool {
  return rangesFind(board(c), sequence) >= 0;
}

/** The cumulative acknowledgment has moved. */
export function scoreboardTrim(c: Connection): void {
  if (c.scoreboard != 0) rangesTrimBefore(board(c), c.sendUnacknowledged);
}

/** Forgets all: the peer has thrown away what it had acknowledged selectively (RFC 2018 §8). */
export function scoreboardClear(c: Connection): void {
  if (c.scoreboard != 0) rangesClear(board(c));
}

/** Whether the first unacknowledged byte counts as lost: three ranges, or more than two segments, above it. */
export function firstIsLost(c: Connection): bool {
  const ranges = board(c);
  return ranges.count >= DUPLICATE_THRESHOLD || ranges.bytes > (<u32>DUPLICATE_THRESHOLD - 1) * c.mss;
}

/** RFC 6675 §4, SetPipe: bytes believed to be in the network. */
export function pipeBytes(c: Connection): u32 {
  const ranges = board(c);
  const timeout = c.recovery == RECOVERY_TIMEOUT;
  const again = latest(c.retransmitted, c.sendUnacknowledged);
  let cursor = c.sendUnacknowledged;
  let bytesAbove = ranges.bytes;
  let pipe: u32 = 0;
  for (let index = 0; index < ranges.count; index++) {
    const start = rangeStart(ranges, index);
    const end = rangeEnd(ranges, index);
    const lost = timeout
      ? beforeOrAt(start, c.recoveryPoint)
      : ranges.count - index >= DUPLICATE_THRESHOLD || bytesAbove > (<u32>DUPLICATE_THRESHOLD - 1) * c.mss;
    if (!lost) pipe += start - cursor;
    if (after(again, cursor)) pipe += (before(again, start) ? again : start) - cursor;
    bytesAbove -= end - start;
    cursor = end;
  }
  if (timeout && before(cursor, c.recoveryPoint)) {
    if (after(again, cursor)) pipe += again - cursor;
    cursor = c.recoveryPoint;
  }
  return pipe + (after(c.sendNext, cursor) ? c.sendNext - cursor : 0);
}

/**
 * RFC 6675 §4, NextSeg: the first range above what has been sent again that the peer lacks. `lostOnly`: rule 1 (counts
 * as lost), else rule 3 (has something acknowledged above it). After a timeout all below the recovery point is lost.
 */
export function nextLost(c: Connection, lostOnly: bool): bool {
  const ranges = board(c);
  const timeout = c.recovery == RECOVERY_TIMEOUT;
  let cursor = latest(c.retransmitted, c.sendUnacknowledged);
  let bytesAbove = ranges.bytes;
  for (let index = 0; index < ranges.count; index++) {
    const start = rangeStart(ranges, index);
    const end = rangeEnd(ranges, index);
    if (before(cursor, start)) {
      const lost =
        timeout ||
        !lostOnly ||
        ranges.count - index >= DUPLICATE_THRESHOLD ||
        bytesAbove > (<u32>DUPLICATE_THRESHOLD - 1) * c.mss;
      if (!lost) return false;
      lostStart = cursor;
      lostEnd = start;
      return true;
    }
    bytesAbove -= end - start;
    cursor = latest(cursor, end);
  }
  if (!timeout || !before(cursor, c.recoveryPoint)) return false;
  lostStart = cursor;
  lostEnd = c.recoveryPoint;
  return true;
}
