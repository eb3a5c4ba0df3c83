/**
 * Errors that nothing caught: logged with their TypeScript stack, and the service continues.
 *
 * In: a thrown value; the `rejection` event. Out: lines on standard error. Imports core, console.
 */
import { dispatchKinds } from '@noos/abi';
import { formatError } from '../console/format-error.js';
import { host, onDispatch } from './host.js';

/**
 * @param error any thrown value
 * @param where what was running: `fetch handler`
 */
export function reportError(error: unknown, where: string): void {
  host.consoleWrite(2, `Uncaught in ${where}: ${formatError(error)}\n`);
}

/** Promises rejected in this turn's jobs that have no handler yet. */
const pending = new Map<unknown, { reason: unknown; where: string }>();

function reportPending(): void {
  for (const { reason, where } of pending.values()) reportError(reason, where);
  pending.clear();
}

/**
 * The engine says when a promise is rejected without a handler and when it gets one after all. As handlers are
 * often added a few jobs later, the report waits until the jobs in between have run.
 */
onDispatch(dispatchKinds.rejection, ((
  promise: unknown,
  reason: unknown,
  handled: boolean,
  topLevel: boolean,
) => {
  if (handled) {
    pending.delete(promise);
    return;
  }
  pending.set(promise, { reason, where: topLevel ? 'the top level' : 'a promise (unhandled rejection)' });
  if (pending.size === 1) afterJobs(reportPending, jobsBeforeReport);
}) as never);

/** Length of promise chains allowed between a rejection and its handler. */
const jobsBeforeReport = 16;

function afterJobs(action: () => void, jobs: number): void {
  queueMicrotask(jobs === 0 ? action : () => afterJobs(action, jobs - 1));
}
