/**
 * Congestion control: slow start here, avoidance and reduction by CUBIC (default) or Reno.
 *
 * In: acknowledgements and losses. Out: `congestionWindow`, `slowStartThreshold`. May import: connection.
 */
import { Connection, has, WINDOW_LIMITED } from '../connection';
import { cubicAcknowledged, cubicIdle, cubicReset, cubicThreshold } from './cubic';
import { hystartGrowth, hystartReset, hystartSample } from './hystart';
import { renoAcknowledged, renoThreshold } from './reno';

export const CONGESTION_CUBIC: u8 = 0;
export const CONGESTION_RENO: u8 = 1;

/** RFC 6928 §2: ten segments, at most max(2 MSS, 14,600 bytes). */
export function initialWindow(c: Connection): u32 {
  return min(10 * c.mss, max(c.mss << 1, 14_600));
}

/** A connection is established. `retried`: its SYN was sent again, so it begins with one segment (RFC 5681 §3.1). */
export function congestionStart(c: Connection, retried: bool): void {
  c.congestionWindow = retried ? c.mss : initialWindow(c);
  c.slowStartThreshold = u32.MAX_VALUE;
  cubicReset(c);
  hystartReset(c);
}

/** `bytes` were newly acknowledged, `flightBytes` in flight before. A window that was not used does not grow (RFC 7661 §4.3). */
export function congestionAcknowledged(c: Connection, bytes: u32, flightBytes: u32): void {
  if (c.congestionWindow < c.slowStartThreshold) {
    if (!has(c, WINDOW_LIMITED) && flightBytes < c.congestionWindow >> 1) return;
    // Beyond the first slow start there is a threshold to stop at (RFC 9406 §4.3).
    const growth = c.slowStartThreshold == u32.MAX_VALUE ? hystartGrowth(c, bytes) : bytes;
    c.congestionWindow = min(c.congestionWindow + growth, max(c.slowStartThreshold, c.mss << 1));
    return;
  }
  if (!has(c, WINDOW_LIMITED)) return;
  if (c.congestion == CONGESTION_RENO) renoAcknowledged(c, bytes);
  else cubicAcknowledged(c, bytes);
}

/** An unambiguous round trip of the current acknowledgement. */
export function congestionSample(c: Connection, sampleUs: u32): void {
  if (c.slowStartThreshold == u32.MAX_VALUE) hystartSample(c, sampleUs);
}

/** A loss with `flightBytes` under way: sets the threshold; the window is the caller's to set. */
export function congestionLoss(c: Connection, flightBytes: u32): void {
  c.renoBytes = 0;
  c.slowStartThreshold =
    c.congestion == CONGESTION_RENO ? renoThreshold(c, flightBytes) : cubicThreshold(c, flightBytes);
}

/** Sending begins again, `idleNs` after the last segment, with nothing in flight (RFC 5681 §4.1: only beyond an RTO is that a pause). */
export function congestionIdle(c: Connection, idleNs: u64): void {
  if (idleNs <= <u64>c.rtoUs * 1000) return;
  cubicIdle(c, idleNs);
  c.congestionWindow = min(c.congestionWindow, initialWindow(c));
}
