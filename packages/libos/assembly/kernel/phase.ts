// Whether the unikernel has started, and how it ends. In: nothing. Out: `started`. May import: platform/.
import { exit } from '../platform/index';

/** False while the top level is evaluated at build time: no I/O, timers or randomness then. */
export let started: bool = false;
export let exiting: bool = false;

export function markStarted(): void {
  started = true;
}

/** Ends the unikernel after this turn. */
export function requestExit(code: u32): void {
  exiting = true;
  exit(code & 0xff);
}
