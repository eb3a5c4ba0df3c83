// Reads a head line by line as bytes come in, and decides how the body is framed (RFC 9112 §6.3).
// In: bytes, wherever they were cut. Out: a finished head or the status of an error. May import: the parts of a head.

import { readField } from './field';
import {
  carryCapacity,
  carryOf,
  EXPECT_OTHER,
  HEAD_DONE,
  HEAD_START,
  Head,
  TRANSFER_CHUNKED,
  TRANSFER_CODED_CHUNKED,
  TRANSFER_NONE,
} from './head';
import { limits } from './limits';
import { readRequestLine } from './request-line';
import { readStatusLine } from './status-line';

/** Length of a body that ends with the last chunk. */
export const BODY_CHUNKED: i64 = -1;
/** Length of a response body that ends with the connection. */
export const BODY_UNTIL_CLOSE: i64 = -2;

/**
 * Reads whole lines from `source`; returns how many bytes were taken. Stops at HEAD_DONE, at `head.error`, or before
 * a line that is not complete: that one is read again when more has come. What is decided depends on the bytes
 * alone, not on where they were cut.
 */
export function parseHead(head: Head, source: usize, length: u32): u32 {
  const end = source + <usize>length;
  let p = source;
  while (head.state != HEAD_DONE) {
    const next =
      head.state != HEAD_START
        ? readField(head, p, end)
        : head.isResponse
          ? readStatusLine(head, p, end)
          : readRequestLine(head, p, end);
    if (next == 0) break;
    p = next;
  }
  if (head.state == HEAD_DONE && head.error == 0 && !head.isResponse) checkRequest(head);
  return <u32>(p - source);
}

/** Like `parseHead` for a head that carries the beginning of a line: takes bytes until its lines are complete. */
export function parseCarried(head: Head, source: usize, length: u32): u32 {
  let taken: u32 = 0;
  while (taken < length && head.state != HEAD_DONE && head.error == 0) {
    // At most one line at a time goes through the carry, so that nothing beyond the head is taken.
    const room = min(carryCapacity() - head.carryLength, length - taken);
    const piece = lineLength(source + <usize>taken, room);
    memory.copy(carryOf(head) + <usize>head.carryLength, source + <usize>taken, piece);
    head.carryLength += piece;
    taken += piece;
    const used = parseHead(head, carryOf(head), head.carryLength);
    head.carryLength -= used;
  }
  return taken;
}

/** Bytes up to and with the first LF, at most `length`. */
function lineLength(source: usize, length: u32): u32 {
  for (let i: u32 = 0; i < length; i++) if (load<u8>(source + <usize>i) == 10) return i + 1;
  return length;
}

/** Rules over the whole head of a request; sets `head.error`. */
function checkRequest(head: Head): void {
  if (head.minorVersion != 0 && head.hostCount != 1)
    head.error = 400; // RFC 9112 §3.2
  else if (head.transfer != TRANSFER_NONE) {
    // RFC 9112 §6.1: with Content-Length or in HTTP/1.0 an attempt at smuggling; §6.3: chunked must be last.
    if (head.contentLength >= 0 || head.minorVersion == 0) head.error = 400;
    else if (head.transfer == TRANSFER_CODED_CHUNKED) head.error = 501;
    else if (head.transfer != TRANSFER_CHUNKED) head.error = 400;
  } else if (head.contentLength > <i64>limits.bodyBytes) head.error = 413;
  // RFC 9110 §10.1.1: an expectation in HTTP/1.0 is ignored.
  if (head.error == 0 && head.expect == EXPECT_OTHER && head.minorVersion != 0) head.error = 417;
}

/** Length of a request's body: 0 none, BODY_CHUNKED. */
export function requestBodyLength(head: Head): i64 {
  if (head.transfer == TRANSFER_CHUNKED) return BODY_CHUNKED;
  return max<i64>(head.contentLength, 0);
}

/** Length of a response's body: 0 none, BODY_CHUNKED or BODY_UNTIL_CLOSE. Sets `head.error` when it cannot be told. */
export function responseBodyLength(head: Head, toHead: bool): i64 {
  if (toHead || head.status < 200 || head.status == 204 || head.status == 304) return 0;
  if (head.transfer != TRANSFER_NONE) {
    if (head.contentLength >= 0 || head.minorVersion == 0 || head.transfer != TRANSFER_CHUNKED)
      head.error = 400;
    return BODY_CHUNKED;
  }
  // A number that does not fit in 63 bits (RFC 9110 §8.6).
  if (head.contentLength == i64.MAX_VALUE) head.error = 400;
  return head.contentLength >= 0 ? head.contentLength : BODY_UNTIL_CLOSE;
}
