// What the connection must know of a head's fields: Host, Content-Length, Transfer-Encoding, Connection, Expect.
// In: one field in normal form. Out: facts in the head. May import: authority, characters, head.
import { isAuthority } from './authority';
import { equalsIgnoringCase, HTAB, isDigit, SP } from './characters';
import {
  EXPECT_CONTINUE,
  EXPECT_NONE,
  EXPECT_OTHER,
  Head,
  TRANSFER_BAD,
  TRANSFER_CHUNKED,
  TRANSFER_CODED,
  TRANSFER_CODED_CHUNKED,
  TRANSFER_EMPTY,
  TRANSFER_NONE,
} from './head';

/** Reads the fields that matter; false: do not pass the line on. Sets `head.error` when one is wrong. */
export function noteField(head: Head, name: usize, nameLength: u32, value: usize, length: u32): bool {
  switch (nameLength) {
    case 4:
      if (equalsIgnoringCase(name, nameLength, 'host')) return noteHost(head, value, length);
      break;
    case 6:
      if (equalsIgnoringCase(name, nameLength, 'expect')) noteExpect(head, value, length);
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

/**
 * RFC 9110 §8.6: digits only, leading zeros among them. Two numbers are an error even when equal, in two lines or in
 * one: nobody honest sends that.
 */
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
    // Larger numbers are valid and larger than any limit.
    const digit = <i64>(c - 0x30);
    result = result <= (i64.MAX_VALUE - digit) / 10 ? result * 10 + digit : i64.MAX_VALUE;
  }
  head.contentLength = result;
}

/** The list element that `nextElement` found, without white space around it. */
let element: usize = 0;
let elementLength: u32 = 0;
let elementsLeft: usize = 0;
let elementsEnd: usize = 0;

/** Begins with a list (RFC 9110 §5.6.1). */
function elementsOf(value: usize, length: u32): void {
  elementsLeft = value;
  elementsEnd = value + <usize>length;
}

/** The next element that is not empty (§5.6.1.2: a recipient ignores empty ones); false: there is no further one. */
function nextElement(): bool {
  while (elementsLeft < elementsEnd) {
    let start = elementsLeft;
    let end = start;
    while (end < elementsEnd && load<u8>(end) != 0x2c) end++;
    elementsLeft = end + 1;
    while (start < end && isSpace(load<u8>(start))) start++;
    while (end > start && isSpace(load<u8>(end - 1))) end--;
    element = start;
    elementLength = <u32>(end - start);
    if (end > start) return true;
  }
  return false;
}

function isSpace(c: u32): bool {
  return c == SP || c == HTAB;
}

/**
 * RFC 9112 §6.1, §7: several lines are one list, and an element after chunked is an error. A list without elements
 * says nothing about the framing, though some would take it for chunked: the head is refused.
 */
function noteTransfer(head: Head, value: usize, length: u32): void {
  if (head.transfer == TRANSFER_NONE) head.transfer = TRANSFER_EMPTY;
  for (elementsOf(value, length); nextElement(); ) {
    const before = head.transfer;
    if (before == TRANSFER_CHUNKED || before == TRANSFER_CODED_CHUNKED || before == TRANSFER_BAD)
      head.transfer = TRANSFER_BAD;
    else if (!equalsIgnoringCase(element, elementLength, 'chunked')) head.transfer = TRANSFER_CODED;
    else head.transfer = before == TRANSFER_EMPTY ? TRANSFER_CHUNKED : TRANSFER_CODED_CHUNKED;
  }
}

/** RFC 9110 §7.6.1: `close` wins; other options concern nobody here. */
function noteConnection(head: Head, value: usize, length: u32): void {
  for (elementsOf(value, length); nextElement(); )
    if (equalsIgnoringCase(element, elementLength, 'close')) head.connectionClose = true;
    else if (equalsIgnoringCase(element, elementLength, 'keep-alive')) head.connectionKeepAlive = true;
}

/** RFC 9110 §10.1.1: a list of expectations, of which one is known. */
function noteExpect(head: Head, value: usize, length: u32): void {
  for (elementsOf(value, length); nextElement(); )
    if (!equalsIgnoringCase(element, elementLength, '100-continue')) head.expect = EXPECT_OTHER;
    else if (head.expect == EXPECT_NONE) head.expect = EXPECT_CONTINUE;
}
