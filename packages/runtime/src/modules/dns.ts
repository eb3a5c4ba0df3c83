/**
 * `noos:dns`: names to IPv4 addresses, through the library OS's cache.
 *
 * In: names. Out: addresses as text. Imports net.
 */
import { requireRunning } from '../core/build-time.js';
import { formatAddress } from '../net/addresses.js';
import { resolveName } from '../net/resolve.js';

export interface Resolved {
  addresses: string[];
  /** How long the answer may be kept; Infinity for an address. */
  ttlSeconds: number;
}

/**
 * IPv4 addresses of a name, with the search domains of the network.
 * @throws SystemError with code ENOTFOUND (no such name or no address), ESERVFAIL or ETIMEDOUT
 */
export async function resolve(name: string): Promise<Resolved> {
  requireRunning('resolve()');
  if (typeof name !== 'string' || name === '') throw new TypeError('resolve: the name must be a text');
  const { addresses, ttlSeconds } = await resolveName(name);
  return { addresses: addresses.map(formatAddress), ttlSeconds };
}
