/**
 * Names to addresses.
 *
 * In: the `dns` event. Out: promises of addresses. Imports core, net/addresses.
 */
import { dispatchKinds } from '@noos/abi';
import { systemError } from '../core/errors.js';
import { host, onDispatch } from '../core/host.js';
import { parseAddress } from './addresses.js';

export interface Answer {
  /** In host byte order. */
  addresses: number[];
  ttlSeconds: number;
}

interface Query {
  name: string;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

const queries = new Map<number, Query>();

onDispatch(dispatchKinds.dns, ((id: number, error: number, addresses: string, ttlSeconds: number) => {
  const query = queries.get(id);
  if (query === undefined) return;
  queries.delete(id);
  if (error < 0) query.reject(systemError(error, `resolve ${query.name}`));
  else query.resolve({ addresses: addresses.split(',').map(Number), ttlSeconds });
}) as never);

/** Addresses of a name; an address is its own. @throws SystemError ENOTFOUND, ESERVFAIL, ETIMEDOUT */
export function resolveName(name: string): Promise<Answer> {
  const literal = parseAddress(name);
  if (literal !== undefined) return Promise.resolve({ addresses: [literal], ttlSeconds: Infinity });
  return new Promise((resolve, reject) => {
    const id = host.dnsResolve(name);
    if (id < 0) reject(systemError(id, `resolve ${name}`));
    else queries.set(id, { name, resolve, reject });
  });
}
