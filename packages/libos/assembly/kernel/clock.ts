// The application's times. In: the turn's clock. Out: time since start. May import: time/.
import { clockSet, NS_PER_S, nowNs } from '../time/clock';

/** What the clock shows while the top level is evaluated: 2026-01-01T00:00:00Z, so that equal inputs give equal images. */
const BUILD_INSTANT_NS: u64 = 1767225600 * NS_PER_S;

/** Monotonic time of `start`. */
export let startNs: u64 = 0;

/** The clock of build time. */
export function buildClock(): void {
  clockSet(0, BUILD_INSTANT_NS);
}

/** The clock of `start`: the application counts from here. */
export function startClock(monotonicNs: u64, wallClockNs: u64): void {
  startNs = monotonicNs;
  clockSet(monotonicNs, wallClockNs);
}

/** Nanoseconds since `start`. */
export function sinceStartNs(): u64 {
  return nowNs - startNs;
}
