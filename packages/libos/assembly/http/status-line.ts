// The status line (RFC 9112 §4): HTTP-version SP status-code SP [ reason-phrase ] CRLF.
// In: bytes. Out: status and version in the head. May import: characters, head, limits.
import { CR, isDigit, isText, LF, SP } from './characters';
import { HEAD_FIELDS, Head } from './head';
import { limits } from './limits';

/** "HTTP/1." as it lies in memory. */
const HTTP_1: u64 = 0x2e312f50545448;
/** "HTTP/1.1 200". */
const FIXED_BYTES: u32 = 12;

/** Reads the line at `start`; returns the address after it, or 0 when it is not complete or wrong (`head.error`). */
export function readStatusLine(head: Head, start: usize, end: usize): usize {
  let p = start;
  for (let i: u32 = 0; i < FIXED_BYTES; i++, p++) {
    if (p >= end) return 0;
    const c = <u32>load<u8>(p);
    const right = i < 7 ? <u64>c == ((HTTP_1 >> (8 * i)) & 0xff) : i == 8 ? c == SP : isDigit(c);
    if (!right) return fail(head);
  }
  head.minorVersion = load<u8>(start + 7) == 0x30 ? 0 : 1;
  head.status =
    100 * (<u32>load<u8>(start + 9) - 0x30) +
    10 * (<u32>load<u8>(start + 10) - 0x30) +
    (<u32>load<u8>(start + 11) - 0x30);
  if (head.status < 100) return fail(head);
  // The reason means nothing; some servers leave out the space before an empty one.
  const stop = min(end, start + <usize>limits.targetBytes);
  if (p < stop && load<u8>(p) == SP) p++;
  else if (p < stop && load<u8>(p) != CR) return fail(head);
  while (p < stop && (isText(load<u8>(p)) || load<u8>(p) >= 0x80)) p++;
  if (p >= stop) return stop < end ? fail(head) : 0;
  if (load<u8>(p) != CR) return fail(head);
  if (p + 1 >= end) return 0;
  if (load<u8>(p + 1) != LF) return fail(head);
  head.target = head.buffer;
  head.targetLength = 0;
  head.state = HEAD_FIELDS;
  return p + 2;
}

function fail(head: Head): usize {
  head.error = 400;
  return 0;
}
