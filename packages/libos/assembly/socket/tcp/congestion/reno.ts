/**
 * Reno (RFC 5681 §3): additive increase of one segment per round trip, halving. In: acknowledgements and losses,
 * out: the congestion window. May import: connection.
 */
import { Connection } from '../connection';

/** Congestion avoidance by bytes acknowledged (RFC 3465 §2.1). */
export function renoAcknowledged(c: Connection, bytes: u32): void {
  c.renoBytes += bytes;
  if (c.renoBytes < c.congestionWindow) return;
  c.renoBytes -= c.congestionWindow;
  c.congestionWindow += c.mss;
}

/** RFC 5681 equation 4. */
export function renoThreshold(c: Connection, flightBytes: u32): u32 {
  return max(flightBytes >> 1, c.mss << 1);
}
