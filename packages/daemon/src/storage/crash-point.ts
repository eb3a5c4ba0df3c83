/**
 * Places where tests end the daemon as a power cut would. May import: nothing.
 */
const wanted = process.env.NOOS_CRASH_AT;

/** Ends the process with SIGKILL when NOOS_CRASH_AT is `name`; costs a comparison otherwise. */
export function crashPoint(name: string): void {
  if (wanted === name) process.kill(process.pid, 'SIGKILL');
}
