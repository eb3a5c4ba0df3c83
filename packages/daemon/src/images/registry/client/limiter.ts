/** At most so many at once, in the order of asking. May import: nothing. */

export interface Limiter {
  /** Resolves with a function that frees the place. `onWait` is called when there is none at once. */
  acquire(signal: AbortSignal, onWait?: () => void): Promise<() => void>;
}

/** `places` may change while running; 0 is no limit. */
export function createLimiter(places: () => number): Limiter {
  let held = 0;
  const queue: (() => void)[] = [];
  const hasPlace = (): boolean => places() === 0 || held < places();

  const take = (): (() => void) => {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      held--;
      while (queue.length > 0 && hasPlace()) {
        held++;
        queue.shift()!();
      }
    };
  };

  return {
    async acquire(signal, onWait) {
      signal.throwIfAborted();
      if (hasPlace()) {
        held++;
        return take();
      }
      onWait?.();
      await new Promise<void>((resolve, reject) => {
        const abandon = (): void => {
          queue.splice(queue.indexOf(enter), 1);
          reject(signal.reason);
        };
        const enter = (): void => {
          signal.removeEventListener('abort', abandon);
          resolve();
        };
        queue.push(enter);
        signal.addEventListener('abort', abandon, { once: true });
      });
      return take();
    },
  };
}
