// How much of a bounded resource each holder has, so that nobody can keep the others from it: who holds much gets no
// more while little is free (the dynamic threshold of Choudhury and Hahne, 1998), and when something must go, it is
// taken from who holds most. In: holders (addresses). Out: counts, and who may take. May import: hash-map.
import { HashMap, mapCreate, mapDelete, mapGet, mapSet, mapSetSecret } from './hash-map';

/**
 * A holder may have up to so many times what is free: alone two thirds of all, and each further greedy one two thirds
 * of what those before have left.
 */
const TIMES_FREE: u32 = 2;

/** Counts for as many holders as there can be objects; untouched memory until then. */
export function sharesCreate(objects: u32, secret: u64): HashMap {
  const shares = mapCreate(objects);
  mapSetSecret(shares, secret);
  return shares;
}

/** What `holder` has now. */
export function shareOf(shares: HashMap, holder: u64): u32 {
  return mapGet(shares, holder, 0);
}

/** Whether `holder` may take `amount` of a resource of which `free` are left. */
export function shareAllows(shares: HashMap, holder: u64, amount: u32, free: u32): bool {
  return shareOf(shares, holder) + amount <= TIMES_FREE * free;
}

/** `holder` has taken `amount`. */
export function shareTake(shares: HashMap, holder: u64, amount: u32): void {
  mapSet(shares, holder, 0, mapGet(shares, holder, 0) + amount);
}

/** `holder` has given `amount` back. */
export function shareGive(shares: HashMap, holder: u64, amount: u32): void {
  const rest = mapGet(shares, holder, 0) - amount;
  if (rest == 0) mapDelete(shares, holder, 0);
  else mapSet(shares, holder, 0, rest);
}
