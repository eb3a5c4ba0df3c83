/**
 * CUBIC (RFC 9438): the window grows as a cubic function of the time since the last loss. In: acknowledgements and
 * losses, out: the congestion window. May import: connection, time. Windows are in segments here, as in the RFC.
 */
import { nowNs } from '../../../time/clock';
import { Connection } from '../connection';

/** RFC 9438 §5: C, in segments per second cubed. */
const C: f64 = 0.4;
/** RFC 9438 §4.6. */
const BETA: f64 = 0.7;
/** RFC 9438 §4.3: what gives Reno's average rate. */
const ALPHA: f64 = (3 * (1 - BETA)) / (1 + BETA);
const NS_PER_SECOND: f64 = 1e9;

/** Forgets the epoch: the next acknowledgement in congestion avoidance begins one. */
export function cubicReset(c: Connection): void {
  c.cubicEpochNs = 0;
  c.cubicWindowMaximum = 0;
}

/** Time without anything to send does not count (RFC 9438 §5.8). */
export function cubicIdle(c: Connection, idleNs: u64): void {
  if (c.cubicEpochNs != 0) c.cubicEpochNs = min(c.cubicEpochNs + idleNs, nowNs);
}

/** Remembers what a reduction is about to change, and puts it back (RFC 9438 §4.9). */
export function cubicSave(c: Connection): void {
  c.cubicSavedMaximum = c.cubicWindowMaximum;
}

export function cubicRestore(c: Connection): void {
  c.cubicWindowMaximum = c.cubicSavedMaximum;
  c.cubicEpochNs = 0;
}

function beginEpoch(c: Connection, window: f64): void {
  c.cubicEpochNs = nowNs;
  c.cubicEstimate = window;
  if (window < c.cubicWindowMaximum) {
    c.cubicOrigin = c.cubicWindowMaximum;
    c.cubicPeriod = Math.cbrt((c.cubicWindowMaximum - window) / C);
  } else {
    c.cubicOrigin = window;
    c.cubicPeriod = 0;
  }
}

/** RFC 9438 §4.2 to §4.5, for `bytes` newly acknowledged in congestion avoidance. */
export function cubicAcknowledged(c: Connection, bytes: u32): void {
  const mss = <f64>c.mss;
  const window = <f64>c.congestionWindow / mss;
  const acknowledged = <f64>bytes / mss;
  if (c.cubicEpochNs == 0) beginEpoch(c, window);
  const elapsed = <f64>(nowNs - c.cubicEpochNs) / NS_PER_SECOND;
  const alpha = c.cubicEstimate >= c.cubicPriorWindow ? 1 : ALPHA;
  c.cubicEstimate += (alpha * acknowledged) / window;
  const now = elapsed - c.cubicPeriod;
  let next = window;
  if (c.cubicOrigin + C * now * now * now < c.cubicEstimate) next = Math.max(window, c.cubicEstimate);
  else {
    const later = now + <f64>c.smoothedRttUs / 1e6;
    const curve = c.cubicOrigin + C * later * later * later;
    const target = Math.min(Math.max(curve, window), 1.5 * window);
    next = window + ((target - window) / window) * acknowledged;
  }
  // The fraction below one byte is lost only when nothing else grows.
  c.congestionWindow = <u32>Math.min(next * mss + 0.5, 1073741824);
}

/** RFC 9438 §4.6 and §4.7 (fast convergence). Returns the new slow start threshold in bytes. */
export function cubicThreshold(c: Connection, flightBytes: u32): u32 {
  const window = <f64>c.congestionWindow / <f64>c.mss;
  c.cubicPriorWindow = window;
  c.cubicWindowMaximum = window < c.cubicWindowMaximum ? (window * (1 + BETA)) / 2 : window;
  c.cubicEpochNs = 0;
  return max(<u32>(<f64>flightBytes * BETA), c.mss << 1);
}
