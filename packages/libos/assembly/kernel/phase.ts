// Whether the unikernel has started, and how it ends. In: nothing. Out: `started`. May import: http/, platform/, time/.
import { serverConnections } from '../http/index';
import { exit } from '../platform/index';
import { NS_PER_S, nowNs } from '../time/clock';
import { NEVER_NS } from '../time/timers';

/** Longest wait of an exit after a stop for the peers of the last responses: more than HTTP lingers itself. */
const EXIT_WAIT_NS: u64 = 6 * NS_PER_S;

/** False while the top level is evaluated at build time: no I/O, timers or randomness then. */
export let started: bool = false;
export let exiting: bool = false;
let stopping: bool = false;
let exitCode: u32 = 0;
let exitLatestNs: u64 = NEVER_NS;

export function markStarted(): void {
  started = true;
}

/** The platform has asked to stop. */
export function markStopping(): void {
  stopping = true;
}

/** Ends the unikernel after this turn; after a stop once the last responses have arrived (`exitWhenDrained`). */
export function requestExit(code: u32): void {
  exiting = true;
  if (!stopping) {
    exit(code & 0xff);
    return;
  }
  exitCode = code & 0xff;
  if (exitLatestNs == NEVER_NS) exitLatestNs = nowNs + EXIT_WAIT_NS;
}

/**
 * At the end of a turn: carries out an exit that waits, once every HTTP connection has ended, as nobody would repeat a
 * lost segment of a response afterwards. Returns until when it waits, or NEVER_NS.
 */
export function exitWhenDrained(): u64 {
  if (exitLatestNs != NEVER_NS && (serverConnections == 0 || nowNs >= exitLatestNs)) exit(exitCode);
  return exitLatestNs;
}
