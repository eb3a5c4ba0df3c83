/**
 * `noos:process`: ending, and what to do before.
 *
 * In: calls of the application. Out: exit; hooks run on stop. Imports core.
 */
import { requireRunning } from '../core/build-time.js';
import { host } from '../core/host.js';
import { reportError } from '../core/report.js';

const hooks: (() => unknown)[] = [];

/** Ends the unikernel after this turn; no hook runs. @param code 0 to 255 */
export function exit(code = 0): void {
  requireRunning('exit()');
  if (!Number.isInteger(code) || code < 0 || code > 255)
    throw new RangeError('exit: the code must be 0 to 255');
  host.exit(code);
}

/**
 * Calls `hook` when the platform asks to stop, after the requests in progress have been answered; the unikernel ends
 * when every hook has returned and its promise is settled. May be called by the top level.
 */
export function onStop(hook: () => unknown): void {
  if (typeof hook !== 'function') throw new TypeError('onStop: the hook must be a function');
  hooks.push(hook);
}

/** Runs the hooks, latest first, each after the one before. Returns whether one failed. */
export async function runStopHooks(): Promise<boolean> {
  let failed = false;
  for (const hook of hooks.toReversed())
    try {
      await hook();
    } catch (error) {
      failed = true;
      reportError(error, 'an onStop hook');
    }
  return failed;
}
