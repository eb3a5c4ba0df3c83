/**
 * Proportional rate reduction (RFC 9937): during fast recovery the window comes down to the threshold in step with
 * what is delivered, neither at once nor in a burst.
 *
 * In: bytes delivered and sent in a recovery. Out: the congestion window. May import: connection.
 */
import { Connection } from '../connection';

/** Recovery begins with a window of `windowBytes` before the reduction (RecoverFS). */
export function proportionalStart(c: Connection, windowBytes: u32): void {
  c.proportionalFlight = max(windowBytes, 1);
  c.proportionalDelivered = 0;
  c.proportionalSent = 0;
}

/** `bytes` were delivered since the last time, `pipe` are in flight; `advances`: the acknowledgment moved and nothing more was lost. */
export function proportionalWindow(c: Connection, bytes: u32, pipe: u32, advances: bool): void {
  c.proportionalDelivered += bytes;
  let more: i64;
  if (pipe > c.slowStartThreshold) {
    const due =
      (<u64>c.proportionalDelivered * <u64>c.slowStartThreshold + <u64>c.proportionalFlight - 1) /
      <u64>c.proportionalFlight;
    more = <i64>due - <i64>c.proportionalSent;
  } else {
    more = max(<i64>c.proportionalDelivered - <i64>c.proportionalSent, <i64>bytes);
    if (advances) more += c.mss;
    more = min(<i64>c.slowStartThreshold - <i64>pipe, more);
  }
  // The first segment that is sent again goes out whatever the sums say.
  if (more < <i64>c.mss && c.proportionalSent == 0) more = c.mss;
  c.congestionWindow = max(pipe + <u32>max(more, 0), c.mss);
}

/** `bytes` were sent in this recovery. */
export function proportionalSent(c: Connection, bytes: u32): void {
  c.proportionalSent += bytes;
}
