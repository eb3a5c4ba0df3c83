/**
 * Random numbers and keyed hashing: SipHash (Aumasson, Bernstein 2012) with keys from the platform's entropy.
 *
 * In: `entropy_read`, once at start (an image never holds a seed). Out: `randomU32`, `randomU64`, keyed hashes for
 * look-up tables (SipHash-1-3), sequence numbers and SYN cookies (SipHash-2-4). May import: abi.
 */
import { entropyRead } from '../../../abi/generated/platform.as';

@unmanaged
class Seed {
  key0: u64;
  key1: u64;
}

const seed = changetype<Seed>(memory.data(16, 8));
let counter: u64 = 0;

/** Draws the seed of this instance; call first in `start`. */
export function randomStart(): void {
  entropyRead(changetype<usize>(seed), 16);
  counter = 0;
}

/** Uniform 64 bits: SipHash-2-4 of a counter under the seed, so that outputs reveal neither each other nor the seed. */
export function randomU64(): u64 {
  return sipHash24(seed.key0, seed.key1, counter++, 0);
}

/** Uniform 32 bits. */
export function randomU32(): u32 {
  return <u32>randomU64();
}

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

function round(): void {
  v0 += v1;
  v1 = rotl(v1, 13) ^ v0;
  v0 = rotl(v0, 32);
  v2 += v3;
  v3 = rotl(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl(v1, 17) ^ v2;
  v2 = rotl(v2, 32);
}

function initialise(key0: u64, key1: u64): void {
  v0 = key0 ^ 0x736f6d6570736575;
  v1 = key1 ^ 0x646f72616e646f6d;
  v2 = key0 ^ 0x6c7967656e657261;
  v3 = key1 ^ 0x7465646279746573;
}

/** Last block of a 16-byte message: its length in the top byte, no further bytes. */
const LENGTH_BLOCK: u64 = 16 << 56;

/** SipHash-2-4 of the 16-byte message `first`, `second` (little-endian). */
export function sipHash24(key0: u64, key1: u64, first: u64, second: u64): u64 {
  initialise(key0, key1);
  v3 ^= first;
  round();
  round();
  v0 ^= first;
  v3 ^= second;
  round();
  round();
  v0 ^= second;
  v3 ^= LENGTH_BLOCK;
  round();
  round();
  v0 ^= LENGTH_BLOCK;
  v2 ^= 0xff;
  round();
  round();
  round();
  round();
  return v0 ^ v1 ^ v2 ^ v3;
}

/** SipHash-1-3 of the same message: for tables, where speed counts and outputs stay inside. */
export function sipHash13(key0: u64, key1: u64, first: u64, second: u64): u64 {
  let a: u64 = key0 ^ 0x736f6d6570736575;
  let b: u64 = key1 ^ 0x646f72616e646f6d;
  let c: u64 = key0 ^ 0x6c7967656e657261;
  let d: u64 = key1 ^ 0x7465646279746573;
  let block = first;
  for (let step = 0; step < 6; step++) {
    if (step < 3) d ^= block;
    a += b;
    b = rotl(b, 13) ^ a;
    a = rotl(a, 32);
    c += d;
    d = rotl(d, 16) ^ c;
    a += d;
    d = rotl(d, 21) ^ a;
    c += b;
    b = rotl(b, 17) ^ c;
    c = rotl(c, 32);
    if (step < 3) {
      a ^= block;
      block = step == 0 ? second : LENGTH_BLOCK;
      if (step == 2) c ^= 0xff;
    }
  }
  return a ^ b ^ c ^ d;
}
