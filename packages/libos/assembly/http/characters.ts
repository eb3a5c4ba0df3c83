// Character classes of RFC 9110 §5.6 and RFC 3986 as one table look-up per byte.
// In: a byte. Out: its class or its lower case. May import: nothing.

export const CR: u32 = 13;
export const LF: u32 = 10;
export const SP: u32 = 32;
export const HTAB: u32 = 9;

/** Bit: may stand in the path of a request target: RFC 3986 §3.3, and `[`, `]`, `^`, `|`, which browsers do not encode. */
const PATH: u8 = 1;
/** Bit: may stand in reg-name, `%` aside (RFC 3986 §3.2.2). */
const HOST: u8 = 2;
/** Bit: VCHAR, SP or HTAB: field content. */
const TEXT: u8 = 4;
/** Bit: may stand in the query of a request target: what the URL Standard leaves there unencoded. */
const QUERY: u8 = 8;

const classes = memory.data(256);
/** Lower case of a token character (tchar), 0 for all others. */
const lower = memory.data(256);

function add(characters: string, bit: u8): void {
  for (let i = 0; i < characters.length; i++) {
    const at = classes + <usize>characters.charCodeAt(i);
    store<u8>(at, load<u8>(at) | bit);
  }
}

/** Fills the tables; before anything is parsed. */
export function initialiseCharacters(): void {
  for (let c: u32 = 0x20; c < 0x7f; c++) store<u8>(classes + c, TEXT);
  store<u8>(classes + HTAB, TEXT);
  const alphanumeric = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  const name = alphanumeric + "-._~!$&'()*+,;=";
  add(name, HOST);
  const path = name + '%:@/[]^|';
  add(path, PATH);
  add(path + '?\\`{}', QUERY);
  const token = alphanumeric + "!#$%&'*+-.^_`|~";
  for (let i = 0; i < token.length; i++) {
    const c = <u32>token.charCodeAt(i);
    store<u8>(lower + c, <u8>(c - 0x41 < 26 ? c | 0x20 : c));
  }
}

/** Lower case of a token character; 0 when `c` is not one. */
export function tokenLower(c: u32): u32 {
  return load<u8>(lower + c);
}

/** Address of the first byte from `start` on that may not stand in a request target; `end` when all may. */
export function targetEnd(start: usize, end: usize): usize {
  let p = start;
  while (p < end && (load<u8>(classes + <usize>load<u8>(p)) & PATH) != 0) p++;
  if (p < end && load<u8>(p) == 0x3f)
    while (p < end && (load<u8>(classes + <usize>load<u8>(p)) & QUERY) != 0) p++;
  return p;
}

/** Whether `%` and two hexadecimal digits stand at `p`. */
export function isPercentEncoded(p: usize, end: usize): bool {
  return (
    p + 2 < end && load<u8>(p) == 0x25 && hexValue(load<u8>(p + 1)) >= 0 && hexValue(load<u8>(p + 2)) >= 0
  );
}

/** Whether `c` may stand in a host name. */
export function isHost(c: u32): bool {
  return (load<u8>(classes + c) & HOST) != 0;
}

/** Whether `c` is VCHAR, SP or HTAB. */
export function isText(c: u32): bool {
  return (load<u8>(classes + c) & TEXT) != 0;
}

/** Whether `c` is 0 to 9. */
export function isDigit(c: u32): bool {
  return c - 0x30 < 10;
}

/** Value of a hexadecimal digit, or -1. */
export function hexValue(c: u32): i32 {
  if (c - 0x30 < 10) return <i32>(c - 0x30);
  const letter = c | 0x20;
  return letter - 0x61 < 6 ? <i32>(letter - 0x61 + 10) : -1;
}

/** Whether `length` bytes at `text` equal `literal` (lower case, ASCII) without regard to case. */
export function equalsIgnoringCase(text: usize, length: u32, literal: string): bool {
  if (length != <u32>literal.length) return false;
  for (let i: u32 = 0; i < length; i++) {
    const c = <u32>load<u8>(text + i);
    if ((c - 0x41 < 26 ? c | 0x20 : c) != <u32>literal.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether all eight bytes lie in 0x20 to 0x7e. */
export function allPrintable(word: u64): bool {
  const low = word - 0x2020202020202020;
  const high = word + 0x0101010101010101;
  return ((low | high | word) & 0x8080808080808080) == 0;
}
