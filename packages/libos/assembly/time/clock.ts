/**
 * The turn's clock: it stands still from one turn to the next, so every decision of a turn sees one time.
 *
 * In: the two clocks of `start` and `turn`. Out: `nowNs`, `wallNs`. May import: nothing.
 */

/** Monotonic nanoseconds of this turn. */
export let nowNs: u64 = 0;
/** Nanoseconds since the epoch at this turn. */
export let wallNs: u64 = 0;

export const NS_PER_US: u64 = 1_000;
export const NS_PER_MS: u64 = 1_000_000;
export const NS_PER_S: u64 = 1_000_000_000;

/** Sets both clocks; called once at the beginning of every turn, before any layer runs. */
export function clockSet(monotonicNs: u64, wallClockNs: u64): void {
  nowNs = monotonicNs;
  wallNs = wallClockNs;
}
