/**
 * Timers in one intrusive 4-ary heap: starting, moving and stopping cost O(log n) and allocate nothing.
 *
 * In: timers that live inside their owners' objects. Out: the earliest deadline and what has expired; whoever runs
 * the turn switches on `kind`. May import: nothing. A timer in zeroed memory is a stopped timer.
 */

export const TIMER_TCP: u8 = 1;
export const TIMER_DHCP: u8 = 2;
export const TIMER_DNS: u8 = 3;
export const TIMER_HTTP: u8 = 4;
export const TIMER_NEIGHBOR: u8 = 5;
export const TIMER_FRAGMENT: u8 = 6;
export const TIMER_RUNTIME: u8 = 7;

/** No deadline: what `turn` returns when nothing is due ever. */
export const NEVER_NS: u64 = u64.MAX_VALUE;

@unmanaged
export class Timer {
  deadlineNs: u64;
  /** Position in the heap plus one; 0 means stopped. */
  heapIndex: i32;
  /** One of TIMER_*. */
  kind: u8;
  /** What the timer belongs to, for whoever handles the kind. */
  object: usize;
}

const SLOT_BYTES: usize = sizeof<usize>();
const FIRST_CAPACITY: i32 = 64;

let slots: usize = 0;
let capacity: i32 = 0;
let count: i32 = 0;

function slot(index: i32): Timer {
  return changetype<Timer>(load<usize>(slots + <usize>index * SLOT_BYTES));
}

function place(timer: Timer, index: i32): void {
  store<usize>(slots + <usize>index * SLOT_BYTES, changetype<usize>(timer));
  timer.heapIndex = index + 1;
}

function moveUp(timer: Timer, from: i32): void {
  let index = from;
  while (index > 0) {
    const parent = (index - 1) >> 2;
    const above = slot(parent);
    if (above.deadlineNs <= timer.deadlineNs) break;
    place(above, index);
    index = parent;
  }
  place(timer, index);
}

function moveDown(timer: Timer, from: i32): void {
  let index = from;
  while (true) {
    const first = (index << 2) + 1;
    if (first >= count) break;
    const last = min(first + 4, count);
    let least = first;
    for (let child = first + 1; child < last; child++)
      if (slot(child).deadlineNs < slot(least).deadlineNs) least = child;
    const below = slot(least);
    if (below.deadlineNs >= timer.deadlineNs) break;
    place(below, index);
    index = least;
  }
  place(timer, index);
}

/** Starts `timer`, or moves it when it runs already. `timer.kind` and `timer.object` are the caller's to set. */
export function timerStart(timer: Timer, deadlineNs: u64): void {
  const position = timer.heapIndex;
  if (position != 0) {
    const before = timer.deadlineNs;
    timer.deadlineNs = deadlineNs;
    if (deadlineNs < before) moveUp(timer, position - 1);
    else moveDown(timer, position - 1);
    return;
  }
  if (count == capacity) {
    const larger = capacity == 0 ? FIRST_CAPACITY : capacity << 1;
    slots =
      capacity == 0
        ? heap.alloc(<usize>larger * SLOT_BYTES)
        : heap.realloc(slots, <usize>larger * SLOT_BYTES);
    capacity = larger;
  }
  timer.deadlineNs = deadlineNs;
  moveUp(timer, count++);
}

/** Stops `timer`; harmless when it does not run. */
export function timerStop(timer: Timer): void {
  const position = timer.heapIndex;
  if (position == 0) return;
  timer.heapIndex = 0;
  const last = slot(--count);
  if (changetype<usize>(last) == changetype<usize>(timer)) return;
  if (last.deadlineNs < timer.deadlineNs) moveUp(last, position - 1);
  else moveDown(last, position - 1);
}

export function timerRuns(timer: Timer): bool {
  return timer.heapIndex != 0;
}

/** Earliest deadline, or NEVER_NS. */
export function nextDeadlineNs(): u64 {
  return count == 0 ? NEVER_NS : slot(0).deadlineNs;
}

/** Takes one timer whose deadline has come, earliest first; it is stopped then. Null: none. */
export function takeExpired(nowNs: u64): Timer | null {
  if (count == 0) return null;
  const first = slot(0);
  if (first.deadlineNs > nowNs) return null;
  timerStop(first);
  return first;
}

/** How many timers run. */
export function timersRunning(): i32 {
  return count;
}
