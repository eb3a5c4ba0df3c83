/**
 * The receive window (RFC 9293 §3.8.6): what to advertise, without silly windows, never shrinking; grown as the
 * application keeps up (dynamic right-sizing: it doubles when half of it was read within two round
 * trips, so that a sender whose window doubles each round trip never meets its edge).
 *
 * In: a connection. Out: window sizes and whether an update is worth a segment. May import: storage, time.
 */
import { nowNs } from '../../time/clock';
import { buffersMayGrow, receiveMaximumBytes } from './configuration';
import { Connection, receiveRing } from './connection';

/** Below this round-trip time the tuning period is taken as this long: a local peer refills at once. */
const TUNING_LEAST_NS: u64 = 1_000_000;

/** Window with its right edge where the buffer now allows, a multiple of the scale's unit. */
function offered(c: Connection): u32 {
  const held = receiveRing(c).length;
  const space = c.receiveLimit > held ? c.receiveLimit - held : 0;
  const window = min(space, (<u32>65_535) << c.receiveShift);
  return window & ~((1 << c.receiveShift) - 1);
}

/** Window that the peer knows of, from the next byte expected. */
export function windowKnown(c: Connection): u32 {
  const known = c.receiveEdge - c.receiveNext;
  return <i32>known < 0 ? 0 : known;
}

/** The window for the next segment; remembers its right edge (RFC 9293 §3.8.6.2.2). */
export function windowAdvertise(c: Connection): u32 {
  const known = windowKnown(c);
  const possible = offered(c);
  if (possible <= known) return known;
  if (known != 0 || possible >= min(c.receiveLimit >> 1, c.mss)) {
    c.receiveEdge = c.receiveNext + possible;
    return possible;
  }
  return 0;
}

/** Whether the application has read so much that the peer should hear of it. */
export function windowUpdateDue(c: Connection): bool {
  const known = windowKnown(c);
  const possible = offered(c);
  if (possible <= known) return false;
  const gain = possible - known;
  if (known < c.mss) return possible >= min(c.receiveLimit >> 1, c.mss);
  return gain >= max(c.receiveLimit >> 2, c.mss << 1);
}

/** The application has read `bytes`: maybe widens the limit. Not when rings hold most of their budget. */
export function windowTune(c: Connection, bytes: u32): void {
  if (c.receiveLimit >= receiveMaximumBytes || c.receiveShift == 0) return;
  c.tuningBytes += bytes;
  const period = max(<u64>c.smoothedRttUs * 2000, TUNING_LEAST_NS);
  if (nowNs - c.tuningStartNs > period) {
    c.tuningStartNs = nowNs;
    c.tuningBytes = bytes;
  }
  if (c.tuningBytes < c.receiveLimit >> 1) return;
  c.tuningBytes = 0;
  c.tuningStartNs = nowNs;
  const wanted = min(c.receiveLimit << 1, receiveMaximumBytes);
  if (buffersMayGrow(wanted)) c.receiveLimit = wanted;
}
