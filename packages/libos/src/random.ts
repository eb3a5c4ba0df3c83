/** Random numbers that a seed decides, for simulations and injected faults. In: a seed. Out: numbers. May import: nothing. */

/** A deterministic generator: SplitMix64 (Steele, Lea, Flood 2014). */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, below). */
  below(below: number): number;
  fill(bytes: Uint8Array): void;
}

export function createRandom(seed: number | bigint): Random {
  let state = BigInt.asUintN(64, BigInt(seed));
  const next64 = (): bigint => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  };
  const next = (): number => Number(next64() >> 11n) / 2 ** 53;
  return {
    next,
    below: (below) => Math.floor(next() * below),
    fill(bytes) {
      for (let i = 0; i < bytes.length; i++) bytes[i] = Number(next64() & 255n);
    },
  };
}
