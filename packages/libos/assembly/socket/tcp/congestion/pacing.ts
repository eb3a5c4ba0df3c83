/**
 * Pacing: new data leaves spread over the round trip instead of in bursts that overflow queues on the way. Each burst
 * moves the time of the next one on; being late is made up for within limits.
 *
 * In: the congestion window and the round trip. Out: how much may leave now, when more may. May import: time.
 */
import { nowNs } from '../../../time/clock';
import { Connection } from '../connection';

/** Below this round trip nothing is paced: the path is local, and its timers would cost more than its queues. */
const ROUND_TRIP_LEAST_US: u32 = 2_000;
/** RFC 6928 §2. */
const INITIAL_SEGMENTS: u32 = 10;
/** Bursts are as long as this takes at the rate: as many wake-ups a second at most. */
const BURST_NS: u64 = 1_000_000;
/** So much lateness is made up for. */
const CREDIT_MOST_NS: u64 = 10_000_000;

/** Nanoseconds that `bytes` take. The rate is twice the window a round trip while the window doubles, 1.2 times later (as Linux). */
function durationNs(c: Connection, bytes: u64): u64 {
  const roundTripNs = <u64>c.smoothedRttUs * 1000;
  const window = <u64>max(c.congestionWindow, c.mss);
  return c.congestionWindow < c.slowStartThreshold >> 1
    ? (bytes * roundTripNs) / (window << 1)
    : (bytes * roundTripNs * 5) / (window * 6);
}

/** The first window leaves at once (RFC 6928), as does a window reduced to it. */
function paces(c: Connection): bool {
  return c.smoothedRttUs >= ROUND_TRIP_LEAST_US && c.congestionWindow > INITIAL_SEGMENTS * c.mss;
}

/** Bytes that may leave now, u32.MAX_VALUE without a limit; 0: from `paceNs` on. */
export function pacingRoom(c: Connection): u32 {
  if (!paces(c)) return u32.MAX_VALUE;
  if (c.paceNs + CREDIT_MOST_NS < nowNs) c.paceNs = nowNs - min(CREDIT_MOST_NS, nowNs);
  const untilNs = nowNs + BURST_NS;
  if (c.paceNs > nowNs) return 0;
  // Duration of 64 KiB, to divide by it: the rate in bytes per nanosecond would be a fraction.
  const unitNs = max(durationNs(c, 1 << 16), 1);
  const bytes = ((untilNs - c.paceNs) << 16) / unitNs;
  return max(<u32>min(bytes, <u64>(1 << 30)), c.mss << 1);
}

/** `bytes` have left. */
export function pacingSent(c: Connection, bytes: u32): void {
  if (paces(c)) c.paceNs += durationNs(c, bytes);
}
