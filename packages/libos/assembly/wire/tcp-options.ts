/**
 * TCP options (RFC 9293 §3.2): maximum segment size, window scale and timestamps (RFC 7323), SACK (RFC 2018).
 *
 * In: a segment's options, out: module variables until the next parse; or values in, bytes out. Malformed lengths end
 * the parse, unknown kinds are skipped. May import: storage.
 */
import { load16, load32, store16, store32 } from '../storage/bytes';

const KIND_END: u32 = 0;
const KIND_NOP: u32 = 1;
const KIND_MAXIMUM_SEGMENT_SIZE: u32 = 2;
const KIND_WINDOW_SCALE: u32 = 3;
const KIND_SACK_PERMITTED: u32 = 4;
const KIND_SACK: u32 = 5;
const KIND_TIMESTAMPS: u32 = 8;

/** RFC 7323 §2.3: larger shifts count as 14. */
export const WINDOW_SCALE_LIMIT: u32 = 14;
/** 40 bytes of options hold at most four blocks (RFC 2018 §3). */
export const SACK_BLOCKS_LIMIT: u32 = 4;

export const MAXIMUM_SEGMENT_SIZE_BYTES: u32 = 4;
export const WINDOW_SCALE_BYTES: u32 = 4;
export const SACK_PERMITTED_BYTES: u32 = 4;
/** With the two NOPs that align it (RFC 7323 appendix A). */
export const TIMESTAMPS_BYTES: u32 = 12;

/** NOP NOP kind 8 length 10: what nearly every segment of an established connection carries. */
const TIMESTAMPS_ALONE: u32 = 0x0101080a;

/** 0: not there. */
export let optionMaximumSegmentSize: u32 = 0;
/** -1: not there. */
export let optionWindowScale: i32 = -1;
export let optionSackPermitted: bool = false;
export let optionTimestamps: bool = false;
export let optionTimestampValue: u32 = 0;
export let optionTimestampEcho: u32 = 0;
export let optionSackCount: u32 = 0;

const sackBlocks: usize = memory.data(32, 4);

/** Left edge of received SACK block `index`. */
export function optionSackStart(index: u32): u32 {
  return load<u32>(sackBlocks + ((<usize>index) << 3));
}

/** Right edge (one past the last byte) of received SACK block `index`. */
export function optionSackEnd(index: u32): u32 {
  return load<u32>(sackBlocks + ((<usize>index) << 3), 4);
}

/** Parses `length` bytes of options. */
export function optionsParse(options: usize, length: u32): void {
  optionTimestamps = false;
  optionSackCount = 0;
  optionMaximumSegmentSize = 0;
  optionWindowScale = -1;
  optionSackPermitted = false;
  if (length == TIMESTAMPS_BYTES && load32(options) == TIMESTAMPS_ALONE) {
    optionTimestamps = true;
    optionTimestampValue = load32(options + 4);
    optionTimestampEcho = load32(options + 8);
    return;
  }
  let at = options;
  const end = options + length;
  while (at < end) {
    const kind = <u32>load<u8>(at);
    if (kind == KIND_END) return;
    if (kind == KIND_NOP) {
      at++;
      continue;
    }
    if (at + 2 > end) return;
    const size = <u32>load<u8>(at, 1);
    if (size < 2 || at + size > end) return;
    if (kind == KIND_MAXIMUM_SEGMENT_SIZE && size == 4) optionMaximumSegmentSize = load16(at + 2);
    else if (kind == KIND_WINDOW_SCALE && size == 3)
      optionWindowScale = <i32>min(<u32>load<u8>(at, 2), WINDOW_SCALE_LIMIT);
    else if (kind == KIND_SACK_PERMITTED && size == 2) optionSackPermitted = true;
    else if (kind == KIND_TIMESTAMPS && size == 10) {
      optionTimestamps = true;
      optionTimestampValue = load32(at + 2);
      optionTimestampEcho = load32(at + 6);
    } else if (kind == KIND_SACK && size >= 10 && (size - 2) % 8 == 0) {
      optionSackCount = min((size - 2) >> 3, SACK_BLOCKS_LIMIT);
      for (let index: u32 = 0; index < optionSackCount; index++) {
        const block = sackBlocks + ((<usize>index) << 3);
        store<u32>(block, load32(at + 2 + (index << 3)));
        store<u32>(block, load32(at + 6 + (index << 3)), 4);
      }
    }
    at += size;
  }
}

export function emitMaximumSegmentSize(at: usize, bytes: u32): void {
  store32(at, (KIND_MAXIMUM_SEGMENT_SIZE << 24) | (4 << 16) | bytes);
}

/** NOP and the option. */
export function emitWindowScale(at: usize, shift: u32): void {
  store32(at, (KIND_NOP << 24) | (KIND_WINDOW_SCALE << 16) | (3 << 8) | shift);
}

/** Two NOPs and the option. */
export function emitSackPermitted(at: usize): void {
  store32(at, (KIND_NOP << 24) | (KIND_NOP << 16) | (KIND_SACK_PERMITTED << 8) | 2);
}

/** Two NOPs and the option. */
export function emitTimestamps(at: usize, value: u32, echo: u32): void {
  store32(at, TIMESTAMPS_ALONE);
  store32(at + 4, value);
  store32(at + 8, echo);
}

/** Bytes of a SACK option with `count` blocks and the two NOPs before it. */
export function sackBytes(count: u32): u32 {
  return 4 + (count << 3);
}

/** Two NOPs and the option's head; the blocks follow by `emitSackBlock`. */
export function emitSackHead(at: usize, count: u32): void {
  store16(at, (KIND_NOP << 8) | KIND_NOP);
  store16(at + 2, (KIND_SACK << 8) | (2 + (count << 3)));
}

/** Block `index` of the option that begins at `at`. */
export function emitSackBlock(at: usize, index: u32, start: u32, end: u32): void {
  store32(at + 4 + (index << 3), start);
  store32(at + 8 + (index << 3), end);
}
