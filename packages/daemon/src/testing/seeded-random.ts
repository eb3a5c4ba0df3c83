/**
 * Numbers for property tests that come out the same each time, so that a failure can be repeated.
 *
 * In: a seed. Out: numbers, bytes, choices. May import: nothing.
 */

export interface Random {
  /** 0 ≤ result < limit. */
  below(limit: number): number;
  bytes(length: number): Buffer;
  pick<T>(values: readonly T[]): T;
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
    pick: (values) => values[below(values.length)]!,
  };
}
