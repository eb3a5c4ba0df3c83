/**
 * What a connection waits for: its deadlines in one timer, and its place in the list that `tcpFlush` walks.
 *
 * In: connections whose state changed. Out: timers, the dirty list. May import: time.
 */
import { NEVER_NS, Timer, timerRuns, timerStart } from '../../time/timers';
import { Connection, connectionForget, DIRTY, GONE, PACED, timerOf } from './connection';

let first: usize = 0;
let last: usize = 0;

/**
 * Makes the timer run for the earliest deadline. A timer that runs for an earlier time is left alone and finds out
 * when it expires: deadlines mostly move away, and moving a timer costs more than a rare idle wake-up.
 */
export function schedule(c: Connection): void {
  let earliest = min(min(c.retransmitNs, c.acknowledgeNs), min(c.keepAliveNs, c.stateNs));
  earliest = min(earliest, min(c.probeNs, c.reorderNs));
  if ((c.flags & PACED) != 0) earliest = min(earliest, c.paceNs);
  if (earliest == NEVER_NS) return;
  const timer: Timer = timerOf(c);
  if (!timerRuns(timer) || earliest < timer.deadlineNs) timerStart(timer, earliest);
}

/** Puts `c` in the list of connections with something to send. */
export function markDirty(c: Connection): void {
  if ((c.flags & (DIRTY | GONE)) != 0) return;
  c.flags |= DIRTY;
  c.dirtyNext = 0;
  if (last == 0) first = changetype<usize>(c);
  else changetype<Connection>(last).dirtyNext = changetype<usize>(c);
  last = changetype<usize>(c);
}

/** Takes the next connection off the list, or null. */
export function takeDirty(): Connection | null {
  while (first != 0) {
    const c = changetype<Connection>(first);
    first = c.dirtyNext;
    if (first == 0) last = 0;
    c.flags &= ~DIRTY;
    if ((c.flags & GONE) == 0) return c;
    connectionForget(c);
  }
  return null;
}

/** Puts `c` back at the front: the device was full. */
export function untakeDirty(c: Connection): void {
  c.flags |= DIRTY;
  c.dirtyNext = first;
  first = changetype<usize>(c);
  if (last == 0) last = first;
}
