/**
 * Queues of connections, linked through the connections: accept queue, half-open ones, TIME-WAIT in order of age.
 * A connection is in at most one. In: connections. Out: the same, oldest first. May import: connection.
 */
import { Connection } from './connection';

@unmanaged
export class Queue {
  first: usize;
  last: usize;
  count: u32;
}

export function queuePut(queue: Queue, c: Connection): void {
  c.queueNext = 0;
  c.queuePrevious = queue.last;
  c.queue = changetype<usize>(queue);
  if (queue.last == 0) queue.first = changetype<usize>(c);
  else changetype<Connection>(queue.last).queueNext = changetype<usize>(c);
  queue.last = changetype<usize>(c);
  queue.count++;
}

/** Takes `c` out of whatever queue holds it. */
export function queueRemove(c: Connection): void {
  if (c.queue == 0) return;
  const queue = changetype<Queue>(c.queue);
  if (c.queuePrevious == 0) queue.first = c.queueNext;
  else changetype<Connection>(c.queuePrevious).queueNext = c.queueNext;
  if (c.queueNext == 0) queue.last = c.queuePrevious;
  else changetype<Connection>(c.queueNext).queuePrevious = c.queuePrevious;
  c.queueNext = 0;
  c.queuePrevious = 0;
  c.queue = 0;
  queue.count--;
}

/** The oldest, or null. */
export function queueFirst(queue: Queue): Connection | null {
  return queue.first == 0 ? null : changetype<Connection>(queue.first);
}
