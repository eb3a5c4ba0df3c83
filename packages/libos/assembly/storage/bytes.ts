// Byte order: network fields are big-endian (RFC 791 appendix B). In: addresses, out: values. May import: nothing.

/** Loads a big-endian u16. */
export function load16(address: usize): u32 {
  return <u32>bswap<u16>(load<u16>(address));
}

/** Loads a big-endian u32. */
export function load32(address: usize): u32 {
  return bswap<u32>(load<u32>(address));
}

/** Stores the low 16 bits big-endian. */
export function store16(address: usize, value: u32): void {
  store<u16>(address, bswap<u16>(<u16>value));
}

/** Stores a u32 big-endian. */
export function store32(address: usize, value: u32): void {
  store<u32>(address, bswap<u32>(value));
}

/** Loads six bytes (a MAC address) as a big-endian number. */
export function load48(address: usize): u64 {
  return ((<u64>load16(address)) << 32) | <u64>load32(address + 2);
}

/** Stores the low 48 bits as six bytes, big-endian. */
export function store48(address: usize, value: u64): void {
  store16(address, <u32>(value >> 32));
  store32(address + 2, <u32>value);
}
