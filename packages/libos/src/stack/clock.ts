/**
 * Where a stack's time comes from and who wakes it. In: nothing. Out: the clock of this machine.
 * May import: nothing. `simulation.ts` has the other implementation, on virtual time.
 */

export interface Clock {
  /** Monotonic nanoseconds. */
  monotonicNs(): bigint;
  /** Nanoseconds since the epoch. */
  wallNs(): bigint;
  /** Calls `wake` once the monotonic clock has reached `deadlineNs`; returns how to take that back. */
  at(deadlineNs: bigint, wake: () => void): () => void;
  /** Calls `wake` after what runs now, at the same time. */
  soon(wake: () => void): void;
}

const nsPerMs = 1_000_000n;
/** Node's longest timer, 2^31 - 1 ms; a later deadline wakes early and is set again. */
const longestTimerMs = 2 ** 31 - 1;

/** The clock of this machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  monotonicNs: () => process.hrtime.bigint(),
  wallNs: () => BigInt(Date.now()) * nsPerMs,
  at(deadlineNs, wake) {
    const delayMs = Number((deadlineNs - process.hrtime.bigint() + nsPerMs - 1n) / nsPerMs);
    const timer = setTimeout(wake, Math.min(Math.max(delayMs, 0), longestTimerMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (wake) => void setImmediate(wake),
};
