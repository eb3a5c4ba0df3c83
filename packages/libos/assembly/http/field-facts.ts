// What the connection must know of a head's fields: Host, Content-Length, Transfer-Encoding, Connection, Expect.
// In: one field in normal form. Out: facts in the head. May import: characters, head.
import { equalsIgnoringCase, HTAB, isDigit, isHost, SP } from './characters';
import {
  EXPECT_CONTINUE,
  EXPECT_OTHER,
  Head,
  TRANSFER_BAD,
  TRANSFER_CHUNKED,
  TRANSFER_CODED,
  TRANSFER_CODED_CHUNKED,
  TRANSFER_NONE,
} from './head';

/** Longest number of digits of a Content-Length; 18 cannot overflow an i64. */
const CONTENT_LENGTH_DIGITS: u32 = 18;

/** Reads the fields that matter; false: do not pass the line on. Sets `head.error` when one is wrong. */
export function noteField(head: Head, name: usize, nameLength: u32, value: usize, length: u32): bool {
  switch (nameLength) {
    case 4:
      if (equalsIgnoringCase(name, nameLength, 'host')) return noteHost(head, value, length);
      break;
    case 6:
      if (equalsIgnoringCase(name, nameLength, 'expect'))
        head.expect =
          head.expect != EXPECT_OTHER && equalsIgnoringCase(value, length, '100-continue')
            ? EXPECT_CONTINUE
            : EXPECT_OTHER;
      break;
    case 10:
      if (equalsIgnoringCase(name, nameLength, 'connection')) noteConnection(head, value, length);
      break;
    case 14:
      if (equalsIgnoringCase(name, nameLength, 'content-length')) noteContentLength(head, value, length);
      break;
    case 17:
      if (equalsIgnoringCase(name, nameLength, 'transfer-encoding')) noteTransfer(head, value, length);
      break;
  }
  return true;
}

/** RFC 9112 §3.2: exactly one, of valid form; one from an absolute target takes its place. */
function noteHost(head: Head, value: usize, length: u32): bool {
  if (head.isResponse) return true;
  head.hostCount++;
  if (head.hostCount > 1 || !isAuthority(value, length)) head.error = 400;
  return !head.hostFromTarget;
}

/** uri-host [ ":" port ] (RFC 3986 §3.2.2, §3.2.3); the empty host is one. */
export function isAuthority(text: usize, length: u32): bool {
  const end = text + <usize>length;
  let p = text;
  if (p < end && load<u8>(p) == 0x5b) {
    // IP-literal: no further bracket, at least one character.
    p++;
    while (p < end && load<u8>(p) != 0x5d) {
      if (!isHost(load<u8>(p)) || load<u8>(p) == 0x5b) return false;
      p++;
    }
    if (p >= end || p == text + 1) return false;
    p++;
    if (p < end && load<u8>(p) != 0x3a) return false;
  } else {
    while (p < end && load<u8>(p) != 0x3a) {
      const c = load<u8>(p);
      if (!isHost(c) || c == 0x5b || c == 0x5d) return false;
      p++;
    }
  }
  if (p < end) p++;
  while (p < end) if (!isDigit(load<u8>(p++))) return false;
  return true;
}

/** RFC 9110 §8.6: digits only. Two of them are an error even when equal: nobody honest sends that. */
function noteContentLength(head: Head, value: usize, length: u32): void {
  if (head.contentLength >= 0 || length == 0) {
    head.error = 400;
    return;
  }
  let result: i64 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const c = <u32>load<u8>(value + i);
    if (!isDigit(c)) {
      head.error = 400;
      return;
    }
    if (i < CONTENT_LENGTH_DIGITS) result = result * 10 + <i64>(c - 0x30);
  }
  // Longer numbers are valid and larger than any limit.
  head.contentLength = length > CONTENT_LENGTH_DIGITS ? i64.MAX_VALUE : result;
}

/** RFC 9112 §6.1, §7: several lines are one list; an element after chunked or an empty one is an error. */
function noteTransfer(head: Head, value: usize, length: u32): void {
  const end = value + <usize>length;
  let p = value;
  do {
    const itemEnd = elementEnd(p, end);
    const start = skipSpace(p, itemEnd);
    const size = trimmedLength(start, itemEnd);
    const before = head.transfer;
    if (size == 0 || before == TRANSFER_CHUNKED || before == TRANSFER_CODED_CHUNKED || before == TRANSFER_BAD)
      head.transfer = TRANSFER_BAD;
    else if (!equalsIgnoringCase(start, size, 'chunked')) head.transfer = TRANSFER_CODED;
    else head.transfer = before == TRANSFER_NONE ? TRANSFER_CHUNKED : TRANSFER_CODED_CHUNKED;
    p = itemEnd + 1;
  } while (p <= end);
}

/** RFC 9110 §7.6.1: `close` wins; other options concern nobody here. */
function noteConnection(head: Head, value: usize, length: u32): void {
  const end = value + <usize>length;
  let p = value;
  while (p < end) {
    const itemEnd = elementEnd(p, end);
    const start = skipSpace(p, itemEnd);
    const size = trimmedLength(start, itemEnd);
    if (equalsIgnoringCase(start, size, 'close')) head.connectionClose = true;
    else if (equalsIgnoringCase(start, size, 'keep-alive')) head.connectionKeepAlive = true;
    p = itemEnd + 1;
  }
}

/** End of the list element at `p` (RFC 9110 §5.6.1): the next comma or `end`. */
function elementEnd(p: usize, end: usize): usize {
  while (p < end && load<u8>(p) != 0x2c) p++;
  return p;
}

function skipSpace(p: usize, end: usize): usize {
  while (p < end && (load<u8>(p) == SP || load<u8>(p) == HTAB)) p++;
  return p;
}

function trimmedLength(start: usize, end: usize): u32 {
  let last = end;
  while (last > start && (load<u8>(last - 1) == SP || load<u8>(last - 1) == HTAB)) last--;
  return <u32>(last - start);
}
