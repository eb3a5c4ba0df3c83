// Small texts written into buffers. In: values. Out: bytes and how many. May import: nothing.

/** Writes the ASCII characters of `literal`; returns the address after them. */
export function putText(out: usize, literal: string): usize {
  const length = literal.length;
  for (let i = 0; i < length; i++) store<u8>(out + <usize>i, <u8>literal.charCodeAt(i));
  return out + <usize>length;
}

/** Writes `value` in decimal, at most 20 digits; returns the address after it. */
export function putDecimal(out: usize, value: u64): usize {
  let digits = 1;
  for (let rest = value / 10; rest != 0; rest /= 10) digits++;
  let rest = value;
  for (let i = digits - 1; i >= 0; i--) {
    store<u8>(out + <usize>i, <u8>(0x30 + <u32>(rest % 10)));
    rest /= 10;
  }
  return out + <usize>digits;
}

/** Writes `value` in hexadecimal without leading zeros, at most 8 digits; returns the address after it. */
export function putHex(out: usize, value: u32): usize {
  const digits = value == 0 ? 1 : (35 - <i32>clz(value)) >> 2;
  for (let i = 0; i < digits; i++) {
    const digit = (value >> (4 * <u32>(digits - 1 - i))) & 15;
    store<u8>(out + <usize>i, <u8>(digit < 10 ? 0x30 + digit : 0x57 + digit));
  }
  return out + <usize>digits;
}
