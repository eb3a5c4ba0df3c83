/** Waiting for what comes by itself. In: a look at it. Out: nothing, or an AssertionError. May import: nothing. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const patienceMs = 30_000;

/** Repeats `look` until it gives `wanted`. */
export async function eventually(wanted: string, look: () => Promise<string>): Promise<void> {
  const deadline = Date.now() + patienceMs;
  let seen = '';
  while (Date.now() < deadline) {
    seen = await look();
    if (seen === wanted) return;
    await sleep(50);
  }
  assert.equal(seen, wanted);
}
