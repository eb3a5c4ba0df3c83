/**
 * RACK (RFC 8985 §6): what was sent before something that has arrived, and is late, is lost; how late may be depends
 * on the reordering seen. It also finds retransmissions that were lost again.
 *
 * In: what acknowledgements delivered. Out: marks on the flight, the time of the next look. May import: time.
 */
import { nowNs } from '../../../time/clock';
import { NEVER_NS } from '../../../time/timers';
import { Connection, has, RECOVERY_NONE, REORDERED } from '../connection';
import { after } from '../sequence';
import {
  AGAIN,
  deliveredEnd,
  deliveredSentNs,
  flightOf,
  LOST,
  SACKED,
  sackedBytes,
  setMarks,
  spanAt,
  spanEnd,
} from './flight';

/** RFC 8985 §6.2 step 4: after this many recoveries without a duplicate the allowance is the least again. */
const PERSISTENCE: u8 = 16;
/** RFC 5681 §3.2, RFC 8985 §6.2: so many segments arrived ahead are proof enough while no reordering was seen. */
const DUPLICATE_THRESHOLD: u32 = 3;
/** Steps of a quarter of the least round trip. */
const STEPS_MOST: u8 = 255;

/** Takes the latest sending that the current acknowledgement delivered (§6.2 step 2). */
export function rackDelivered(c: Connection): void {
  if (deliveredSentNs == 0) return;
  if (deliveredSentNs < c.rackSentNs || (deliveredSentNs == c.rackSentNs && !after(deliveredEnd, c.rackEnd)))
    return;
  c.rackSentNs = deliveredSentNs;
  c.rackEnd = deliveredEnd;
  c.rackRttUs = <u32>min((nowNs - deliveredSentNs) / 1000, 1 << 30);
}

/** The peer reports a duplicate: a wider allowance, once a round trip (§6.2 step 4). */
export function rackDuplicate(c: Connection): void {
  c.flags |= REORDERED;
  if (after(c.rackRoundEnd, c.sendUnacknowledged)) return;
  c.rackRoundEnd = c.sendNext;
  if (c.rackSteps < STEPS_MOST) c.rackSteps++;
  c.rackPersistence = PERSISTENCE;
}

/** A recovery has ended. */
export function rackRecovered(c: Connection): void {
  if (c.rackPersistence == 0) return;
  if (--c.rackPersistence == 0) c.rackSteps = 1;
}

/** How much later than its round trip something may arrive, microseconds. */
function reorderingWindowUs(c: Connection): u32 {
  if (!has(c, REORDERED)) {
    if (c.recovery != RECOVERY_NONE || sackedBytes(c) > (DUPLICATE_THRESHOLD - 1) * c.mss) return 0;
  }
  return min(<u32>max(c.rackSteps, 1) * (c.leastRttUs >> 2), c.smoothedRttUs);
}

/** Marks what is lost (§6.2 step 5) and sets when to look again; returns the bytes newly marked. */
export function rackDetect(c: Connection): u32 {
  c.reorderNs = NEVER_NS;
  if (c.flight == 0 || c.rackSentNs == 0) return 0;
  const flight = flightOf(c);
  const allowedNs = (<u64>c.rackRttUs + <u64>reorderingWindowUs(c)) * 1000;
  const lostBefore = flight.lostBytes;
  for (let index = flight.first; index < flight.end; index++) {
    const span = spanAt(flight, index);
    if ((span.marks & (SACKED | LOST)) != 0) continue;
    if (span.sentNs > c.rackSentNs) {
      // In order of sending from here on, unless something was sent again.
      continue;
    }
    if (span.sentNs == c.rackSentNs && after(spanEnd(c, flight, index), c.rackEnd)) continue;
    const dueNs = span.sentNs + allowedNs;
    if (dueNs <= nowNs) setMarks(c, flight, index, (span.marks & AGAIN) | LOST);
    else if (dueNs < c.reorderNs) c.reorderNs = dueNs;
  }
  return flight.lostBytes - lostBefore;
}
