// The header lines that the application hands over: checked, so that no value can start a line of its own (response
// splitting), and without the fields that belong to the connection. In: "name: value\r\n" lines, UTF-8 of byte
// strings. Out: the lines as bytes, and what was said about the fields left out. May import: characters.
import { CR, equalsIgnoringCase, HTAB, isDigit, isText, LF, SP, tokenLower } from './characters';

/** Results of `copyHeaderBlock`. */
export let blockLength: u32 = 0;
export let blockHasDate: bool = false;
export let blockHasHost: bool = false;
/** The application asked for `Connection: close`. */
export let blockClose: bool = false;
/** Its Content-Length; -1 when it gave none or not a number. */
export let blockContentLength: i64 = -1;

/** Digits, after leading zeros, of the longest Content-Length taken over; 15 cannot overflow and are exact in JavaScript. */
const CONTENT_LENGTH_DIGITS: u32 = 15;

/** Checks and copies `length` bytes of lines to `out`, which needs no more room than they have. False: not valid. */
export function copyHeaderBlock(source: usize, length: u32, out: usize): bool {
  blockHasDate = false;
  blockHasHost = false;
  blockClose = false;
  blockContentLength = -1;
  const end = source + <usize>length;
  const outStart = out;
  let p = source;
  while (p < end) {
    const nameStart = p;
    const lineStart = out;
    while (p < end && tokenLower(load<u8>(p)) != 0) store<u8>(out++, load<u8>(p++));
    if (p == end || p == nameStart || load<u8>(p) != 0x3a) return false;
    const nameLength = <u32>(p - nameStart);
    store<u8>(out++, load<u8>(p++));
    while (p < end && (load<u8>(p) == SP || load<u8>(p) == HTAB)) p++;
    // The colon and optional space of the input pay for these two bytes.
    if (p > nameStart + <usize>nameLength + 1) store<u8>(out++, SP);
    const valueStart = out;
    while (p < end) {
      const c = <u32>load<u8>(p);
      if (isText(c)) store<u8>(out++, <u8>c);
      else if ((c == 0xc2 || c == 0xc3) && p + 1 < end && (load<u8>(p + 1) & 0xc0) == 0x80)
        store<u8>(out++, <u8>((c << 6) | (load<u8>(++p) & 0x3f)));
      else break;
      p++;
    }
    if (p + 2 > end || load<u8>(p) != CR || load<u8>(p + 1) != LF) return false;
    p += 2;
    if (belongsToConnection(nameStart, nameLength, valueStart, <u32>(out - valueStart))) out = lineStart;
    else {
      store<u16>(out, 0x0a0d);
      out += 2;
    }
  }
  blockLength = <u32>(out - outStart);
  return true;
}

/** Whether libos writes this field itself, or it must not pass (RFC 9110 §7.6.1). */
function belongsToConnection(name: usize, nameLength: u32, value: usize, length: u32): bool {
  switch (nameLength) {
    case 2:
      return equalsIgnoringCase(name, nameLength, 'te');
    case 4:
      if (equalsIgnoringCase(name, nameLength, 'date')) {
        const again = blockHasDate;
        blockHasDate = true;
        return again;
      }
      if (equalsIgnoringCase(name, nameLength, 'host')) {
        const again = blockHasHost;
        blockHasHost = true;
        return again;
      }
      return false;
    case 6:
      return equalsIgnoringCase(name, nameLength, 'expect');
    case 7:
      return (
        equalsIgnoringCase(name, nameLength, 'trailer') || equalsIgnoringCase(name, nameLength, 'upgrade')
      );
    case 10:
      if (equalsIgnoringCase(name, nameLength, 'keep-alive')) return true;
      if (!equalsIgnoringCase(name, nameLength, 'connection')) return false;
      if (equalsIgnoringCase(value, length, 'close')) blockClose = true;
      return true;
    case 14:
      if (!equalsIgnoringCase(name, nameLength, 'content-length')) return false;
      blockContentLength = decimal(value, length);
      return true;
    case 16:
      return equalsIgnoringCase(name, nameLength, 'proxy-connection');
    case 17:
      return equalsIgnoringCase(name, nameLength, 'transfer-encoding');
  }
  return false;
}

function decimal(text: usize, length: u32): i64 {
  let first: u32 = 0;
  while (first + 1 < length && load<u8>(text + <usize>first) == 0x30) first++;
  if (length == 0 || length - first > CONTENT_LENGTH_DIGITS) return -1;
  let result: i64 = 0;
  for (let i = first; i < length; i++) {
    const c = <u32>load<u8>(text + <usize>i);
    if (!isDigit(c)) return -1;
    result = result * 10 + <i64>(c - 0x30);
  }
  return result;
}
