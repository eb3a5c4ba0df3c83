/**
 * Build time and run time: what the top level of an application may do.
 *
 * In: nothing. Out: whether the unikernel runs, and the error for what needs that. Imports core/host.
 * At build time the functions marked [start] in abi's intrinsics throw, which tells the two apart; with
 * `--no-snapshot` they work from the first statement on.
 */
import { host } from './host.js';

/** Thrown when the top level uses I/O, timers or randomness while the image is built. */
export class BuildTimeError extends Error {
  static {
    // Not a property of each error: those are printed with it.
    BuildTimeError.prototype.name = 'BuildTimeError';
  }
}

function probe(): boolean {
  try {
    host.parameters();
    return true;
  } catch {
    return false;
  }
}

/** True from the first turn on. */
export let running: boolean = probe();

/** Called by the `start` event before anything of the application. */
export function setRunning(): void {
  running = true;
}

/**
 * Refuses an interface at build time.
 * @param api as the application calls it, such as `setTimeout()`
 * @throws BuildTimeError
 */
export function requireRunning(api: string): void {
  if (!running)
    throw new BuildTimeError(
      `${api} was called by the top level while the image is built, where there is no I/O, timer or randomness: ` +
        'call it in fetch(), start() or a function they call, or build with --no-snapshot',
    );
}
