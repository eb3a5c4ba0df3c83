/** At most so many at once, in the order of asking. May import: nothing. */

export interface Limiter {
  /** Resolves with a function that frees the place. `onWait` is called when there is none at once. */
  acquire(signal: AbortSignal, onWait?: () => void): Promise<() => void>;
}

export function createLimiter(places: number): Limiter {
  let free = places;
  const queue: (() => void)[] = [];

  const take = (): (() => void) => {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
    };
  };

  return {
    async acquire(signal, onWait) {
      signal.throwIfAborted();
      if (free > 0) {
        free--;
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
