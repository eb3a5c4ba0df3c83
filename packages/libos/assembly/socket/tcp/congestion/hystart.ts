/**
 * HyStart++ (RFC 9406): slow start ends when the round trip grows, before queues overflow; a conservative slow start
 * of a quarter of the speed finds out whether that was only jitter.
 *
 * In: round-trip samples and rounds. Out: growth of the window in slow start, its end. May import: connection.
 */
import { Connection } from '../connection';
import { before } from '../sequence';

/** RFC 9406 §4.3. */
const LEAST_THRESHOLD_US: u32 = 4_000;
const MOST_THRESHOLD_US: u32 = 16_000;
const SAMPLES: u8 = 8;
const GROWTH_SHIFT: u32 = 2;
const CONSERVATIVE_ROUNDS: u8 = 5;

const NOT_SEEN_US: u32 = u32.MAX_VALUE;

/** Slow start begins anew. */
export function hystartReset(c: Connection): void {
  c.roundLeastUs = NOT_SEEN_US;
  c.previousLeastUs = NOT_SEEN_US;
  c.roundSamples = 0;
  c.conservativeRounds = 0;
  c.roundEnd = c.sendNext;
}

/** An unambiguous round trip, in slow start. */
export function hystartSample(c: Connection, sampleUs: u32): void {
  if (sampleUs < c.roundLeastUs) c.roundLeastUs = sampleUs;
  if (c.roundSamples < 255) c.roundSamples++;
  if (c.roundSamples < SAMPLES || c.previousLeastUs == NOT_SEEN_US) return;
  if (c.conservativeRounds == 0) {
    const threshold = min(max(c.previousLeastUs >> 3, LEAST_THRESHOLD_US), MOST_THRESHOLD_US);
    if (c.roundLeastUs < c.previousLeastUs + threshold) return;
    c.conservativeBaseUs = c.roundLeastUs;
    c.conservativeRounds = 1;
  } else if (c.roundLeastUs < c.conservativeBaseUs) c.conservativeRounds = 0;
}

/** What `bytes` acknowledged add to the window in slow start; ends slow start after the conservative rounds. */
export function hystartGrowth(c: Connection, bytes: u32): u32 {
  const growth = c.conservativeRounds == 0 ? bytes : bytes >> GROWTH_SHIFT;
  if (before(c.sendUnacknowledged, c.roundEnd)) return growth;
  // The round has ended.
  c.roundEnd = c.sendNext;
  if (c.roundSamples > 0) c.previousLeastUs = c.roundLeastUs;
  c.roundLeastUs = NOT_SEEN_US;
  c.roundSamples = 0;
  if (c.conservativeRounds > 0 && c.conservativeRounds++ >= CONSERVATIVE_ROUNDS)
    c.slowStartThreshold = c.congestionWindow;
  return growth;
}
