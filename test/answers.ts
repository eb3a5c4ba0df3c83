/** Waits for a service to answer. In: a URL. Out: a pass or a failure. May import: targets (patience). */
import assert from 'node:assert/strict';
import { patienceMs } from './targets.js';

/** Asks until the answer is the wanted one: before a TAP device is there, its address may lead elsewhere. */
export async function assertAnswers(url: string, wanted: string): Promise<void> {
  const deadlineMs = Date.now() + 2 * patienceMs;
  for (;;) {
    const found = await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
      (response) => response.text(),
      (error: Error) => error.message,
    );
    if (found === wanted) return;
    assert.ok(Date.now() < deadlineMs, `${url} says ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
