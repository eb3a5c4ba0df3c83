/**
 * What is in flight: every sequence number between SND.UNA and SND.NXT, as spans with one history each: when they were
 * last sent, whether the peer has them (SACK, RFC 2018), whether they count as lost, whether they were sent again.
 *
 * In: what is sent and acknowledged. Out: the pipe (RFC 6675), the next range to send again, and, of the current
 * acknowledgement, what it delivered. May import: time. Memory is held only while something is in flight.
 */
import { nowNs } from '../../../time/clock';
import { Connection, flightGive, flightTake, REORDERED } from '../connection';
import { after, before, beforeOrAt } from '../sequence';

// Bits of Span.marks.
/** The peer has it, ahead of something missing. */
export const SACKED: u32 = 1 << 0;
/** Taken as lost and not sent again since. */
export const LOST: u32 = 1 << 1;
/** Sent more than once. */
export const AGAIN: u32 = 1 << 2;

/** A stretch of bytes up to the next span's start, or SND.NXT. */
@unmanaged
export class Span {
  start: u32;
  marks: u32;
  /** When it was last sent. */
  sentNs: u64;
}

@unmanaged
export class Flight {
  /** Index of the first span; those before are acknowledged. */
  first: u32;
  /** Index after the last span. */
  end: u32;
  capacity: u32;
  sackedBytes: u32;
  lostBytes: u32;
  // `capacity` entries of Span follow, aligned to 8 bytes.
}

const HEADER_BYTES: usize = (offsetof<Flight>() + 7) & ~7;
const SPAN_BYTES: usize = offsetof<Span>();
const FIRST_SPANS: u32 = 4;
/** Spans per connection at most (64 KiB); beyond, neighbours share a history. */
const MOST_SPANS: u32 = 4096;

/** Bytes that the current acknowledgement delivered: acknowledged or reported for the first time. */
export let deliveredBytes: u32 = 0;
/** Of what it delivered, what was sent last: when, and where it ends. 0: nothing that can be dated. */
export let deliveredSentNs: u64 = 0;
export let deliveredEnd: u32 = 0;
/** It delivered bytes that were sent only once (of those sent before the recovery point), and bytes sent again. */
export let deliveredOriginal: bool = false;
export let deliveredAgain: bool = false;
/** Sending time of the latest bytes among them that were sent once: an unambiguous round trip. 0: none. */
export let deliveredOnceNs: u64 = 0;

/** Forgets the previous acknowledgement. */
export function deliveredReset(): void {
  deliveredBytes = 0;
  deliveredSentNs = 0;
  deliveredOriginal = false;
  deliveredAgain = false;
  deliveredOnceNs = 0;
}

export function flightOf(c: Connection): Flight {
  return changetype<Flight>(c.flight);
}

export function spanAt(flight: Flight, index: u32): Span {
  return changetype<Span>(changetype<usize>(flight) + HEADER_BYTES + <usize>index * SPAN_BYTES);
}

export function spanEnd(c: Connection, flight: Flight, index: u32): u32 {
  return index + 1 < flight.end ? spanAt(flight, index + 1).start : c.sendNext;
}

export function sackedBytes(c: Connection): u32 {
  return c.flight == 0 ? 0 : flightOf(c).sackedBytes;
}

export function lostBytes(c: Connection): u32 {
  return c.flight == 0 ? 0 : flightOf(c).lostBytes;
}

/** Bytes believed to be in the network (RFC 6675 §4, SetPipe). */
export function pipeBytes(c: Connection): u32 {
  const bytes = c.sendNext - c.sendUnacknowledged;
  return c.flight == 0 ? bytes : bytes - flightOf(c).sackedBytes - flightOf(c).lostBytes;
}

/** Forgets all; nothing is in flight, or the connection ends. */
export function flightForget(c: Connection): void {
  flightGive(c);
}

/** Makes room for `more` spans at the end; false: there are as many as may be. */
function reserve(c: Connection, more: u32): bool {
  if (c.flight == 0) {
    const created = changetype<Flight>(flightTake(c, HEADER_BYTES + <usize>FIRST_SPANS * SPAN_BYTES));
    created.first = 0;
    created.end = 0;
    created.capacity = FIRST_SPANS;
    created.sackedBytes = 0;
    created.lostBytes = 0;
  }
  const flight = flightOf(c);
  if (flight.end + more <= flight.capacity) return true;
  const count = flight.end - flight.first;
  if (flight.first >= more && flight.first >= flight.capacity >> 1) {
    memory.copy(
      changetype<usize>(spanAt(flight, 0)),
      changetype<usize>(spanAt(flight, flight.first)),
      <usize>count * SPAN_BYTES,
    );
    flight.first = 0;
    flight.end = count;
    return true;
  }
  if (flight.capacity >= MOST_SPANS) return false;
  const capacity = flight.capacity << 1;
  c.flight = heap.realloc(c.flight, HEADER_BYTES + <usize>capacity * SPAN_BYTES);
  flightOf(c).capacity = capacity;
  return true;
}

/** New bytes from `start` (SND.NXT) on leave now. */
export function flightSent(c: Connection, start: u32): void {
  if (c.flight != 0) {
    const flight = flightOf(c);
    if (flight.end > flight.first) {
      const last = spanAt(flight, flight.end - 1);
      if (last.marks == 0 && last.sentNs == nowNs) return;
    }
  }
  if (!reserve(c, 1)) {
    // Sent later is the cautious reading: it takes longer to count as lost.
    const last = spanAt(flightOf(c), flightOf(c).end - 1);
    if (last.marks == 0) {
      last.sentNs = nowNs;
      return;
    }
    mergeFirst(c);
    reserve(c, 1);
  }
  const span = spanAt(flightOf(c), flightOf(c).end++);
  span.start = start;
  span.marks = 0;
  span.sentNs = nowNs;
}

/** Makes room among MOST_SPANS: the two oldest neighbours of one kind become one, or the two oldest of all do, as not delivered. */
function mergeFirst(c: Connection): void {
  const flight = flightOf(c);
  let index = flight.first;
  while (index + 2 < flight.end && spanAt(flight, index).marks != spanAt(flight, index + 1).marks) index++;
  const span = spanAt(flight, index);
  const next = spanAt(flight, index + 1);
  if (span.marks != next.marks) {
    setMarks(c, flight, index, AGAIN);
    setMarks(c, flight, index + 1, AGAIN);
  }
  if (span.sentNs < next.sentNs) span.sentNs = next.sentNs;
  remove(flight, index + 1);
}

function remove(flight: Flight, index: u32): void {
  memory.copy(
    changetype<usize>(spanAt(flight, index)),
    changetype<usize>(spanAt(flight, index + 1)),
    <usize>(flight.end - index - 1) * SPAN_BYTES,
  );
  flight.end--;
}

/** Index of the span that holds `sequence`, which is in flight. */
function find(flight: Flight, sequence: u32): u32 {
  let low = flight.first;
  let high = flight.end;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (after(spanAt(flight, middle).start, sequence)) high = middle;
    else low = middle;
  }
  return low;
}

/** Makes a span begin at `sequence`; returns its index. `c.sendNext`: the index after the last. */
function split(c: Connection, sequence: u32): u32 {
  if (sequence == c.sendNext) return flightOf(c).end;
  if (!reserve(c, 1)) {
    mergeFirst(c);
    if (!reserve(c, 1)) compact(flightOf(c));
  }
  const flight = flightOf(c);
  const index = find(flight, sequence);
  const span = spanAt(flight, index);
  if (span.start == sequence) return index;
  memory.copy(
    changetype<usize>(spanAt(flight, index + 1)),
    changetype<usize>(span),
    <usize>(flight.end - index) * SPAN_BYTES,
  );
  flight.end++;
  spanAt(flight, index + 1).start = sequence;
  return index + 1;
}

/** Moves the spans to the front of their memory. */
function compact(flight: Flight): void {
  memory.copy(
    changetype<usize>(spanAt(flight, 0)),
    changetype<usize>(spanAt(flight, flight.first)),
    <usize>(flight.end - flight.first) * SPAN_BYTES,
  );
  flight.end -= flight.first;
  flight.first = 0;
}

/** Changes a span's marks and the sums with them. */
export function setMarks(c: Connection, flight: Flight, index: u32, marks: u32): void {
  const span = spanAt(flight, index);
  const length = spanEnd(c, flight, index) - span.start;
  if ((span.marks & SACKED) != 0) flight.sackedBytes -= length;
  if ((span.marks & LOST) != 0) flight.lostBytes -= length;
  if ((marks & SACKED) != 0) flight.sackedBytes += length;
  if ((marks & LOST) != 0) flight.lostBytes += length;
  span.marks = marks;
}

/** [start, end) leaves again now. */
export function flightSentAgain(c: Connection, start: u32, end: u32): void {
  if (c.flight == 0 || start == end) return;
  split(c, start);
  split(c, end);
  const flight = flightOf(c);
  for (let index = find(flight, start); index < flight.end; index++) {
    const span = spanAt(flight, index);
    if (!before(span.start, end)) return;
    if ((span.marks & SACKED) != 0) continue;
    setMarks(c, flight, index, AGAIN);
    span.sentNs = nowNs;
  }
}

/** The peer has [span.start, end) and had not said so before. */
function deliver(c: Connection, span: Span, end: u32): void {
  deliveredBytes += end - span.start;
  const again = (span.marks & AGAIN) != 0;
  if (again) deliveredAgain = true;
  else {
    if (span.sentNs > deliveredOnceNs) deliveredOnceNs = span.sentNs;
    if (beforeOrAt(end, c.recoveryPoint)) deliveredOriginal = true;
    // RFC 8985 §6.2 step 3: later bytes arrived before these.
    if (before(end, c.highestDelivered)) c.flags |= REORDERED;
  }
  if (after(end, c.highestDelivered)) c.highestDelivered = end;
  // Too early for the repetition: the first sending's (RFC 8985 §6.2 step 2).
  if (again && nowNs - span.sentNs < <u64>c.leastRttUs * 1000) return;
  if (span.sentNs > deliveredSentNs || (span.sentNs == deliveredSentNs && after(end, deliveredEnd))) {
    deliveredSentNs = span.sentNs;
    deliveredEnd = end;
  }
}

/** The acknowledgment number has moved to `c.sendUnacknowledged`. */
export function flightAcknowledged(c: Connection): void {
  if (c.flight == 0) return;
  const acknowledged = c.sendUnacknowledged;
  const flight = flightOf(c);
  while (flight.first < flight.end) {
    const span = spanAt(flight, flight.first);
    if (!before(span.start, acknowledged)) break;
    const end = spanEnd(c, flight, flight.first);
    const whole = !after(end, acknowledged);
    const upTo = whole ? end : acknowledged;
    const length = upTo - span.start;
    if ((span.marks & SACKED) != 0) flight.sackedBytes -= length;
    else deliver(c, span, upTo);
    if ((span.marks & LOST) != 0) flight.lostBytes -= length;
    if (!whole) {
      span.start = acknowledged;
      break;
    }
    flight.first++;
  }
  if (flight.first == flight.end) flightForget(c);
}

/** The peer reports [start, end), within the flight, as received; true: that is news. */
export function flightSacked(c: Connection, start: u32, end: u32): bool {
  if (c.flight == 0) return false;
  const flightBefore = flightOf(c);
  const at = find(flightBefore, start);
  if ((spanAt(flightBefore, at).marks & SACKED) != 0 && !after(end, spanEnd(c, flightBefore, at)))
    return false;
  split(c, start);
  split(c, end);
  const flight = flightOf(c);
  let news = false;
  let index = find(flight, start);
  while (index < flight.end) {
    const span = spanAt(flight, index);
    if (!before(span.start, end)) break;
    if ((span.marks & SACKED) == 0) {
      deliver(c, span, spanEnd(c, flight, index));
      setMarks(c, flight, index, SACKED);
      news = true;
    }
    index++;
  }
  mergeSacked(flight, find(flight, start));
  return news;
}

/** Joins the run of reported spans around `index`: their histories are over. */
function mergeSacked(flight: Flight, index: u32): void {
  let first = index;
  while (first > flight.first && (spanAt(flight, first - 1).marks & SACKED) != 0) first--;
  let next = first + 1;
  while (next < flight.end && (spanAt(flight, next).marks & SACKED) != 0) next++;
  const gone = next - first - 1;
  if (gone == 0) return;
  memory.copy(
    changetype<usize>(spanAt(flight, first + 1)),
    changetype<usize>(spanAt(flight, next)),
    <usize>(flight.end - next) * SPAN_BYTES,
  );
  flight.end -= gone;
}

/** Everything that the peer has not reported counts as lost. `forget`: what it had reported too (RFC 2018 §8). */
export function flightAllLost(c: Connection, forget: bool): void {
  if (c.flight == 0) return;
  const flight = flightOf(c);
  for (let index = flight.first; index < flight.end; index++) {
    const marks = spanAt(flight, index).marks;
    if ((marks & SACKED) == 0 || forget) setMarks(c, flight, index, (marks & AGAIN) | LOST);
  }
}

/** Nothing counts as lost any more: it was only late. */
export function flightNothingLost(c: Connection): void {
  if (c.flight == 0) return;
  const flight = flightOf(c);
  for (let index = flight.first; index < flight.end; index++) {
    const marks = spanAt(flight, index).marks;
    if ((marks & LOST) != 0) setMarks(c, flight, index, marks & ~LOST);
  }
}

/** Whether the peer has reported the very first byte that it has not acknowledged: it has dropped what it had. */
export function firstIsSacked(c: Connection): bool {
  return c.flight != 0 && (spanAt(flightOf(c), flightOf(c).first).marks & SACKED) != 0;
}

/** The range found by `nextLost`. */
export let lostStart: u32 = 0;
export let lostEnd: u32 = 0;

/** The first range that counts as lost; false: none does. */
export function nextLost(c: Connection): bool {
  if (c.flight == 0) return false;
  const flight = flightOf(c);
  if (flight.lostBytes == 0) return false;
  let index = flight.first;
  while ((spanAt(flight, index).marks & LOST) == 0) index++;
  lostStart = spanAt(flight, index).start;
  while (index < flight.end && (spanAt(flight, index).marks & LOST) != 0) index++;
  lostEnd = index < flight.end ? spanAt(flight, index).start : c.sendNext;
  return true;
}
