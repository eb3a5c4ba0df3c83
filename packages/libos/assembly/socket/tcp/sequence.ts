/**
 * Sequence number arithmetic modulo 2^32 (RFC 9293 §3.4). In: two numbers less than 2^31 apart, out: their order.
 * May import: nothing.
 */

export function before(a: u32, b: u32): bool {
  return <i32>(a - b) < 0;
}

export function beforeOrAt(a: u32, b: u32): bool {
  return <i32>(a - b) <= 0;
}

export function after(a: u32, b: u32): bool {
  return <i32>(a - b) > 0;
}

/** The later of two. */
export function latest(a: u32, b: u32): u32 {
  return after(a, b) ? a : b;
}
