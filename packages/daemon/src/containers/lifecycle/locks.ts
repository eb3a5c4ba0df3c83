/**
 * One thing at a time for each container. May import: nothing.
 */

export interface Locks {
  /** Runs `action` when all earlier ones with the same key have ended. */
  run<T>(key: string, action: () => Promise<T>): Promise<T>;
}

export function createLocks(): Locks {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run(key, action) {
      const before = tails.get(key);
      const result = before === undefined ? action() : before.then(action, action);
      const tail = result.catch(() => {});
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      return result;
    },
  };
}
