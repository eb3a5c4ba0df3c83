// The Internet checksum (RFC 1071): one's complement sum, computed in memory order over eight bytes at a time, which
// RFC 1071 §2 shows to be independent of byte order. In: bytes, out: sums. May import: nothing.

/** Adds two partial sums with the end-around carry. */
export function sumAdd(a: u64, b: u64): u64 {
  const sum = a + b;
  return sum + u64(sum < b);
}

/**
 * Partial sum over `length` bytes, in memory order. Parts may be joined with `sumAdd` when every part but the last
 * has an even length.
 */
export function sumBytes(address: usize, length: u32): u64 {
  // Two 32-bit lanes per accumulator: no carry can be lost before 2^32 additions.
  let low: u64 = 0;
  let high: u64 = 0;
  let p = address;
  let end = address + (length & ~31);
  for (; p < end; p += 32) {
    const a = load<u64>(p);
    const b = load<u64>(p, 8);
    const c = load<u64>(p, 16);
    const d = load<u64>(p, 24);
    low += (a & 0xffffffff) + (b & 0xffffffff) + (c & 0xffffffff) + (d & 0xffffffff);
    high += (a >> 32) + (b >> 32) + (c >> 32) + (d >> 32);
  }
  end = address + (length & ~3);
  for (; p < end; p += 4) low += <u64>load<u32>(p);
  if ((length & 2) != 0) {
    low += <u64>load<u16>(p);
    p += 2;
  }
  if ((length & 1) != 0) low += <u64>load<u8>(p);
  return sumAdd(low, high);
}

/** Copies `length` bytes and returns their partial sum. */
export function copyAndSum(destination: usize, source: usize, length: u32): u64 {
  memory.copy(destination, source, length);
  return sumBytes(destination, length);
}

/** Folds a partial sum to 16 bits, in memory order, without complement. */
export function sumFold(sum: u64): u32 {
  let s = (sum & 0xffffffff) + (sum >> 32);
  s = (s & 0xffffffff) + (s >> 32);
  let t = (<u32>s & 0xffff) + (<u32>s >> 16);
  t = (t & 0xffff) + (t >> 16);
  return (t & 0xffff) + (t >> 16);
}

/** Partial sum of the pseudo-header (RFC 9293 §3.1, RFC 768); addresses in host order. */
export function sumPseudoHeader(source: u32, destination: u32, protocol: u32, length: u32): u64 {
  const hostOrder =
    <u64>(source >> 16) +
    <u64>(source & 0xffff) +
    <u64>(destination >> 16) +
    <u64>(destination & 0xffff) +
    <u64>protocol +
    <u64>length;
  const folded = (<u32>hostOrder & 0xffff) + <u32>(hostOrder >> 16);
  return <u64>bswap<u16>(<u16>((folded & 0xffff) + (folded >> 16)));
}

/** Checksum field, to be stored as a native u16, for a partial sum. */
export function checksumOf(sum: u64): u16 {
  return <u16>~sumFold(sum);
}

/** Whether bytes that include their checksum field sum up right. */
export function checksumIsValid(sum: u64): bool {
  return sumFold(sum) == 0xffff;
}
