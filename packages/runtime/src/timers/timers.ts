/**
 * setTimeout, setInterval, setImmediate (HTML §8.6; the last from Node) over the host's one deadline.
 *
 * In: the `timer` event. Out: the globals. Imports core.
 * A binary heap ordered by due time, then by creation; a timer knows its place in it, so clearing costs O(log n).
 */
import { dispatchKinds } from '@noos/abi';
import { requireRunning } from '../core/build-time.js';
import { host, onDispatch } from '../core/host.js';
import { reportError } from '../core/report.js';

interface Timer {
  id: number;
  dueMs: number;
  /** NaN: fires once. */
  intervalMs: number;
  callback: (...values: unknown[]) => void;
  values: unknown[];
  /** Place in the heap; -1 when not in it. */
  index: number;
}

const { setDeadline, monotonicMs } = host;
const heap: Timer[] = [];
const byId = new Map<number, Timer>();
let lastId = 0;
let deadlineMs = Infinity;
let firing = false;

/** HTML: a delay is a signed 32-bit number of milliseconds; Node runs what does not fit after 1 ms. */
const maximumDelayMs = 2 ** 31 - 1;

function before(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.id < b.id);
}

function place(timer: Timer, index: number): void {
  heap[index] = timer;
  timer.index = index;
}

function siftUp(timer: Timer, from: number): void {
  let index = from;
  while (index > 0) {
    const parent = heap[(index - 1) >> 1]!;
    if (!before(timer, parent)) break;
    place(parent, index);
    index = (index - 1) >> 1;
  }
  place(timer, index);
}

function siftDown(timer: Timer, from: number): void {
  let index = from;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, timer)) break;
    place(heap[child]!, index);
    index = child;
  }
  place(timer, index);
}

function remove(timer: Timer): void {
  const { index } = timer;
  timer.index = -1;
  const last = heap.pop()!;
  if (last === timer) return;
  if (index > 0 && before(last, heap[(index - 1) >> 1]!)) siftUp(last, index);
  else siftDown(last, index);
}

function schedule(): void {
  const next = heap.length === 0 ? Infinity : heap[0]!.dueMs;
  if (firing || next === deadlineMs) return;
  deadlineMs = next;
  setDeadline(next);
}

function add(api: string, callback: unknown, delay: unknown, repeats: boolean, values: unknown[]): number {
  requireRunning(`${api}()`);
  if (typeof callback !== 'function') throw new TypeError(`${api}: the callback must be a function`);
  let delayMs = Number(delay);
  if (!(delayMs >= 1 && delayMs <= maximumDelayMs)) delayMs = api === 'setImmediate' ? 0 : 1;
  const timer: Timer = {
    id: ++lastId,
    dueMs: monotonicMs() + delayMs,
    intervalMs: repeats ? delayMs : NaN,
    callback: callback as Timer['callback'],
    values,
    index: -1,
  };
  byId.set(timer.id, timer);
  heap.push(timer);
  siftUp(timer, heap.length - 1);
  schedule();
  return timer.id;
}

/** Calls `callback` once after `delay` milliseconds (at least 1). Returns an id for `clearTimeout`. */
export function setTimeout(callback: unknown, delay?: number, ...values: unknown[]): number {
  return add('setTimeout', callback, delay, false, values);
}

/** Calls `callback` every `delay` milliseconds (at least 1). */
export function setInterval(callback: unknown, delay?: number, ...values: unknown[]): number {
  return add('setInterval', callback, delay, true, values);
}

/** Calls `callback` in the next turn, after the events that already wait. */
export function setImmediate(callback: unknown, ...values: unknown[]): number {
  return add('setImmediate', callback, 0, false, values);
}

/** Forgets a timer; unknown ids are ignored. The three names are one function, as in HTML. */
export function clearTimeout(id?: unknown): void {
  const timer = byId.get(Number(id));
  if (timer === undefined) return;
  byId.delete(timer.id);
  if (timer.index >= 0) remove(timer);
  schedule();
}

export { clearTimeout as clearImmediate, clearTimeout as clearInterval };

onDispatch(dispatchKinds.timer, () => {
  const now = monotonicMs();
  // Timers that callbacks add are for a later turn: they have larger ids.
  const newest = lastId;
  firing = true;
  while (heap.length > 0 && heap[0]!.dueMs <= now && heap[0]!.id <= newest) {
    const timer = heap[0]!;
    remove(timer);
    if (Number.isNaN(timer.intervalMs)) byId.delete(timer.id);
    try {
      timer.callback(...timer.values);
    } catch (error) {
      reportError(error, 'a timer');
    }
    if (!Number.isNaN(timer.intervalMs) && byId.get(timer.id) === timer) {
      timer.dueMs = now + timer.intervalMs;
      heap.push(timer);
      siftUp(timer, heap.length - 1);
    }
  }
  firing = false;
  deadlineMs = Infinity;
  schedule();
});
