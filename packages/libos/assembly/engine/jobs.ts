// Promise jobs and rejections without a handler. In: the engine's queue and its rejection tracker. Out: every pending
// job run, then the rejections that are still unhandled. May import: platform/, engine/.
import { context, runtime, wordAddress } from './context';
import { reportException } from './errors';
import { JS_DupValue, JS_ExecutePendingJob } from './quickjs';
import { freeValue } from './value';

/** Rejections waiting to be reported: promise, reason and whether a handler came late, 24 bytes each. */
let waiting: usize = 0;
let waitingCapacity: u32 = 0;
let waitingCount: u32 = 0;
const ENTRY_BYTES: u32 = 24;

/** Runs jobs until none is pending. */
export function drainJobs(): void {
  while (true) {
    const result = JS_ExecutePendingJob(runtime, wordAddress);
    if (result == 0) return;
    if (result < 0) reportException();
  }
}

/**
 * HostPromiseRejectionTracker (ECMA-262 §27.2.1.9). A rejection that is handled before it was reported is forgotten;
 * one that is handled later is reported again.
 */
export function trackRejection(promise: u64, reason: u64, handled: bool): void {
  if (handled)
    for (let i: u32 = 0; i < waitingCount; i++) {
      const entry = waiting + i * ENTRY_BYTES;
      if (load<u64>(entry) != promise) continue;
      freeValue(promise);
      freeValue(load<u64>(entry, 8));
      remove(i);
      return;
    }
  if (waitingCount == waitingCapacity) {
    waitingCapacity = max<u32>(16, waitingCapacity * 2);
    const grown = heap.alloc(waitingCapacity * ENTRY_BYTES);
    memory.copy(grown, waiting, waitingCount * ENTRY_BYTES);
    if (waiting != 0) heap.free(waiting);
    waiting = grown;
  }
  const entry = waiting + waitingCount++ * ENTRY_BYTES;
  store<u64>(entry, JS_DupValue(context, promise));
  store<u64>(entry, JS_DupValue(context, reason), 8);
  store<u64>(entry, handled ? 1 : 0, 16);
}

function remove(index: u32): void {
  waitingCount--;
  const entry = waiting + index * ENTRY_BYTES;
  memory.copy(entry, entry + ENTRY_BYTES, (waitingCount - index) * ENTRY_BYTES);
}

export let rejectedPromise: u64 = 0;
export let rejectionReason: u64 = 0;
export let rejectionHandled: bool = false;

/** Takes the oldest rejection to tell of; the caller frees both values. */
export function takeRejection(): bool {
  if (waitingCount == 0) return false;
  rejectedPromise = load<u64>(waiting);
  rejectionReason = load<u64>(waiting, 8);
  rejectionHandled = load<u64>(waiting, 16) != 0;
  remove(0);
  return true;
}
