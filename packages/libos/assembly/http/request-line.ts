// The request line (RFC 9112 §3): method SP request-target SP HTTP-version CRLF.
// In: bytes. Out: method, target and version in the head. May import: characters, authority, head, limits.
import { isAuthority } from './authority';
import { CR, equalsIgnoringCase, isDigit, LF, SP, targetEnd, tokenLower } from './characters';
import { fieldsOf, HEAD_FIELDS, Head } from './head';
import { limits } from './limits';

/** "HTTP/" as it lies in memory, and the mask of its five bytes. */
const HTTP_SLASH: u64 = 0x2f50545448;
const FIVE_BYTES: u64 = 0xffffffffff;

/** Reads the line at `start`; returns the address after it, or 0 when it is not complete or wrong (`head.error`). */
export function readRequestLine(head: Head, start: usize, end: usize): usize {
  let p = start;
  // RFC 9112 §2.2: one empty line before the request line is ignored.
  if (!head.skippedLine && p < end && load<u8>(p) == CR) {
    if (p + 1 >= end) return 0;
    if (load<u8>(p + 1) != LF) return fail(head, 400);
    head.skippedLine = true;
    return p + 2;
  }
  const methodStop = min(end, p + <usize>limits.methodBytes + 1);
  while (p < methodStop && tokenLower(load<u8>(p)) != 0) p++;
  if (p - start > <usize>limits.methodBytes) return fail(head, 501);
  if (p >= end) return 0;
  if (load<u8>(p) != SP || p == start) return fail(head, 400);
  const methodLength = <u32>(p - start);
  const target = ++p;
  p = targetEnd(target, min(end, target + <usize>limits.targetBytes + 1));
  if (p - target > <usize>limits.targetBytes) return fail(head, 414);
  if (p >= end) return 0;
  if (load<u8>(p) != SP || p == target) return fail(head, 400);
  const targetLength = <u32>(p++ - target);
  // The version: "HTTP/" DIGIT "." DIGIT CR LF.
  for (let i: u32 = 0; i < 5; i++, p++) {
    if (p >= end) return 0;
    if (<u64>load<u8>(p) != ((HTTP_SLASH >> (8 * i)) & 0xff)) return fail(head, 400);
  }
  if (p >= end) return 0;
  if (!isDigit(load<u8>(p))) return fail(head, 400);
  if (p + 1 >= end) return 0;
  if (load<u8>(p + 1) != 0x2e) return fail(head, 400);
  if (p + 2 >= end) return 0;
  if (!isDigit(load<u8>(p + 2))) return fail(head, 400);
  if (p + 3 >= end) return 0;
  if (load<u8>(p + 3) != CR) return fail(head, 400);
  if (p + 4 >= end) return 0;
  if (load<u8>(p + 4) != LF) return fail(head, 400);
  if (load<u8>(p) != 0x31) return fail(head, 505);
  // RFC 9110 §2.5: a higher minor version is processed as the highest one known.
  head.minorVersion = load<u8>(p + 2) == 0x30 ? 0 : 1;
  memory.copy(head.buffer, start, target + <usize>targetLength - start);
  head.methodLength = methodLength;
  head.target = head.buffer + <usize>methodLength + 1;
  head.targetLength = targetLength;
  judge(head);
  head.state = HEAD_FIELDS;
  return head.error == 0 ? p + 5 : 0;
}

function fail(head: Head, status: u16): usize {
  head.error = status;
  return 0;
}

/** Methods nobody serves here, and the four forms of a target (RFC 9112 §3.2). */
function judge(head: Head): void {
  const method = head.buffer;
  const length = head.methodLength;
  if (
    (length == 7 && equalsBytes(method, 'CONNECT')) ||
    (length == 5 && (equalsBytes(method, 'TRACE') || equalsBytes(method, 'TRACK')))
  ) {
    head.error = 501;
    return;
  }
  head.isHead = length == 4 && equalsBytes(method, 'HEAD');
  if (load<u8>(head.target) == 0x2f) return;
  if (head.targetLength == 1 && load<u8>(head.target) == 0x2a) {
    head.isAsterisk = true;
    if (length != 7 || !equalsBytes(method, 'OPTIONS')) head.error = 400;
    return;
  }
  takeAuthority(head);
}

function equalsBytes(text: usize, literal: string): bool {
  for (let i = 0; i < literal.length; i++)
    if (load<u8>(text + <usize>i) != <u8>literal.charCodeAt(i)) return false;
  return true;
}

/** absolute-form: the authority becomes the Host line, path and query the target. Others: 400. */
function takeAuthority(head: Head): void {
  const start = head.target;
  const end = start + <usize>head.targetLength;
  let authority = start;
  if (head.targetLength > 7 && equalsIgnoringCase(start, 7, 'http://')) authority += 7;
  else if (head.targetLength > 8 && equalsIgnoringCase(start, 8, 'https://')) authority += 8;
  else {
    head.error = 400;
    return;
  }
  let p = authority;
  while (p < end && load<u8>(p) != 0x2f && load<u8>(p) != 0x3f) p++;
  const length = <u32>(p - authority);
  if (length == 0 || load<u8>(authority) == 0x3a || !isAuthority(authority, length)) {
    head.error = 400;
    return;
  }
  const line = fieldsOf(head);
  store<u32>(line, 0x74736f68); // "host"
  store<u16>(line, 0x203a, 4); // ": "
  memory.copy(line + 6, authority, length);
  store<u8>(line + 6 + <usize>length, LF);
  head.fieldsLength = length + 7;
  head.hostFromTarget = true;
  if (p == end || load<u8>(p) == 0x3f) store<u8>(--p, 0x2f);
  head.target = p;
  head.targetLength = <u32>(end - p);
}
