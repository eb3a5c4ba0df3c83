/**
 * `Math.random` with a seed drawn at start, so that instances of one image never share it.
 *
 * In: 16 bytes of entropy. Out: the replaced `Math.random`. Imports core. The engine's own generator is seeded when
 * its context is made, which is at build time. The generator is sfc32 (PractRand, public domain): 128 bits of state.
 */
import { requireRunning } from './build-time.js';
import { host } from './host.js';

let state: Uint32Array | undefined;

function next(words: Uint32Array): number {
  const [a, b, c, d] = words as unknown as [number, number, number, number];
  const sum = (a + b + d) | 0;
  words[3] = d + 1;
  words[0] = b ^ (b >>> 9);
  words[1] = c + (c << 3);
  words[2] = ((c << 21) | (c >>> 11)) + sum;
  return sum >>> 0;
}

/** Draws the seed; with `--no-snapshot` the top level may have drawn it before. */
export function seedRandom(): void {
  if (state !== undefined) return;
  state = new Uint32Array(host.entropy(16));
  for (let round = 0; round < 12; round++) next(state);
}

Math.random = () => {
  if (state === undefined) {
    requireRunning('Math.random()');
    seedRandom();
  }
  // 53 bits, as a double holds them.
  return (next(state!) * 2 ** 21 + (next(state!) >>> 11)) / 2 ** 53;
};
