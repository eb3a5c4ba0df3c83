/**
 * Lets others run now and then while many small synchronous calls are made: these are several times as fast as
 * asynchronous ones, each of which visits a thread and comes back.
 *
 * May import: nothing.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long the daemon may be deaf. */
const sliceMs = 5;

/** A function to await before each call; it waits when the slice is used up. */
export function createPace(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < sliceMs) return undefined;
    return nextTurn().then(() => {
      since = performance.now();
    });
  };
}
