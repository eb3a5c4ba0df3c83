// Request heads that the client sends (RFC 9112 §3): request line, Host, the application's fields, framing.
// In: what the application asks for. Out: bytes in the scratch memory. May import: characters, connection,
// header-block, limits, parse, text.
import { ERROR_EINVAL, ERROR_EMSGSIZE } from '../platform/index';
import { SP, targetEnd, tokenLower } from './characters';
import { scratch } from './connection';
import { blockHasHost, blockLength, copyHeaderBlock } from './header-block';
import { limits } from './limits';
import { BODY_CHUNKED } from './parse';
import { putDecimal, putText } from './text';

/** Longest target that is sent; the peer's limit is not known. */
const TARGET_BYTES: u32 = 65536;
const HTTP_PORT: u16 = 80;

/**
 * Writes the head into the scratch memory; `bodyBytes` as in `httpRequest`. Returns its length, EINVAL for a method,
 * target or line that is not valid, EMSGSIZE for one that is too long.
 */
export function writeRequestHead(
  address: u32,
  port: u16,
  method: usize,
  methodLength: u32,
  target: usize,
  targetLength: u32,
  headers: usize,
  headersLength: u32,
  bodyBytes: i64,
): i32 {
  if (methodLength == 0 || methodLength > limits.methodBytes || targetLength == 0) return ERROR_EINVAL;
  if (targetLength > TARGET_BYTES || headersLength > limits.headerBlockBytes) return ERROR_EMSGSIZE;
  let out = scratch;
  for (let i: u32 = 0; i < methodLength; i++) {
    const c = load<u8>(method + <usize>i);
    if (tokenLower(c) == 0) return ERROR_EINVAL;
    store<u8>(out++, c);
  }
  store<u8>(out++, <u8>SP);
  if (targetEnd(target, target + <usize>targetLength) != target + <usize>targetLength) return ERROR_EINVAL;
  memory.copy(out, target, targetLength);
  out += <usize>targetLength;
  out = putText(out, ' HTTP/1.1\r\n');
  if (!copyHeaderBlock(headers, headersLength, out)) return ERROR_EINVAL;
  out += <usize>blockLength;
  if (!blockHasHost) {
    out = putText(out, 'Host: ');
    for (let shift = 24; shift >= 0; shift -= 8) {
      out = putDecimal(out, <u64>((address >> shift) & 0xff));
      if (shift > 0) store<u8>(out++, 0x2e);
    }
    if (port != HTTP_PORT) {
      store<u8>(out++, 0x3a);
      out = putDecimal(out, <u64>port);
    }
    out = putText(out, '\r\n');
  }
  if (bodyBytes == BODY_CHUNKED) out = putText(out, 'Transfer-Encoding: chunked\r\n');
  else if (bodyBytes > 0 || expectsContent(method, methodLength)) {
    out = putText(out, 'Content-Length: ');
    out = putDecimal(out, <u64>bodyBytes);
    out = putText(out, '\r\n');
  }
  return <i32>(putText(out, '\r\n') - scratch);
}

/** RFC 9110 §8.6: such a method states a length of 0 too. */
function expectsContent(method: usize, length: u32): bool {
  return is(method, length, 'POST') || is(method, length, 'PUT') || is(method, length, 'PATCH');
}

/** RFC 9110 §9.2.2. */
export function isIdempotent(method: usize, length: u32): bool {
  return (
    is(method, length, 'GET') ||
    is(method, length, 'HEAD') ||
    is(method, length, 'OPTIONS') ||
    is(method, length, 'PUT') ||
    is(method, length, 'DELETE')
  );
}

/** Whether `text` is `literal`; methods are case-sensitive. */
export function is(text: usize, length: u32, literal: string): bool {
  if (length != <u32>literal.length) return false;
  for (let i: u32 = 0; i < length; i++)
    if (<u32>load<u8>(text + <usize>i) != <u32>literal.charCodeAt(i)) return false;
  return true;
}
