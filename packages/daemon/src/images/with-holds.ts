/**
 * Images that are kept while something is done with them: until they have a name, until a build is over.
 *
 * In: work that collects holds. Out: what it makes; the holds released, whatever happens. May import: types.
 */
import type { Hold } from './types.js';

export async function withHolds<T>(use: (holds: Hold[]) => Promise<T>): Promise<T> {
  const holds: Hold[] = [];
  try {
    return await use(holds);
  } finally {
    for (const hold of holds) hold.release();
  }
}
