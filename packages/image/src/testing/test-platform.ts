/** A platform for tests: no devices, entropy from a counter, everything the unikernel says kept. */
import type { Platform } from '@noos/abi';

export interface TestPlatform {
  platform: Platform;
  /** Console text so far, both streams. */
  text(): string;
  exitCode: number | undefined;
  panicked: string | undefined;
}

/** `seed` decides the entropy; equal seeds give equal bytes. */
export function createTestPlatform(seed: number, parameters = ''): TestPlatform {
  const chunks: Uint8Array[] = [];
  const start = new TextEncoder().encode(parameters);
  let state = seed;
  const test: TestPlatform = {
    text: () => Buffer.concat(chunks).toString(),
    exitCode: undefined,
    panicked: undefined,
    platform: {
      parametersRead(target) {
        if (target.length >= start.length) target.set(start);
        return start.length;
      },
      netReceive: () => 0,
      netTransmit: () => 1,
      blockSubmit: () => 2,
      blockComplete: () => 2n ** 64n - 1n,
      consoleWrite: (_stream, text) => void chunks.push(text.slice()),
      memoryRelease: (pages) => void pages.fill(0),
      entropyRead(bytes) {
        // A linear congruential generator (Numerical Recipes): only has to differ between seeds.
        for (let index = 0; index < bytes.length; index++) {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          bytes[index] = state >>> 24;
        }
      },
      exit(code) {
        test.exitCode = code;
      },
      panic(message) {
        test.panicked = new TextDecoder().decode(message);
        throw new Error(test.panicked);
      },
    },
  };
  return test;
}

/** Start of a bundle that talks to libos itself: `host` and `log`. */
export const prelude = `
const host = globalThis.__noos;
delete globalThis.__noos;
const log = (...values) => host.consoleWrite(1, values.map(String).join(' ') + '\\n');
`;
