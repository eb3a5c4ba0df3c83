/**
 * `docker wait`: who waits for which end of which container.
 *
 * In: ends. Out: resolved promises. May import: container types.
 */
import type { WaitCondition } from '../types.js';

export interface WaitResult {
  StatusCode: number;
  Error?: { Message: string };
}

export interface Waiters {
  /** Settles when `condition` comes true; rejects with the signal's reason when it is aborted. */
  wait(id: string, condition: WaitCondition, signal?: AbortSignal): Promise<WaitResult>;
  /** `id` ended, also when it is started again by itself: dockerd's waiters see that as an end (moby, SetRestarting). */
  ended(id: string, result: WaitResult): void;
  removed(id: string, result: WaitResult): void;
}

interface Waiter {
  condition: WaitCondition;
  resolve(result: WaitResult): void;
}

export function createWaiters(): Waiters {
  const waiting = new Map<string, Set<Waiter>>();
  const settle = (id: string, result: WaitResult, conditions: readonly WaitCondition[]) => {
    const waiters = waiting.get(id);
    for (const waiter of waiters ?? [])
      if (conditions.includes(waiter.condition)) {
        waiters!.delete(waiter);
        waiter.resolve(result);
      }
    if (waiters?.size === 0) waiting.delete(id);
  };
  return {
    wait: (id, condition, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const waiters = waiting.get(id) ?? new Set();
        waiting.set(id, waiters);
        const abort = () => {
          waiters.delete(waiter);
          reject(signal!.reason as Error);
        };
        const waiter: Waiter = {
          condition,
          resolve(result) {
            signal?.removeEventListener('abort', abort);
            resolve(result);
          },
        };
        waiters.add(waiter);
        signal?.addEventListener('abort', abort, { once: true });
      }),
    ended: (id, result) => settle(id, result, ['next-exit', 'not-running']),
    removed: (id, result) => settle(id, result, ['next-exit', 'not-running', 'removed']),
  };
}
