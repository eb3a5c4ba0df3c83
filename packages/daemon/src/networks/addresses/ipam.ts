/**
 * Addresses of one network: what is taken, what is free, who gets which.
 *
 * In: the network's pools, wishes. Out: addresses. What is taken is not stored: it follows from the endpoints on
 * record, so the two cannot disagree. May import: addresses.
 */
import { DaemonError } from '../../errors.js';
import type { IpamPoolConfig } from '../types.js';
import {
  type Address,
  contains,
  type Family,
  formatAddress,
  lastOf,
  masked,
  type Prefix,
  parseAddress,
  parsePrefix,
  reservedOf,
} from './addresses.js';

interface Pool {
  subnet: Prefix;
  /** Where addresses nobody asked for are taken from. */
  range: Prefix;
  /** Where containers send what is for outside. */
  gateway: Address | undefined;
  /** Network, broadcast, gateway and auxiliary addresses. */
  reserved: ReadonlySet<bigint>;
  taken: Set<bigint>;
}

/** Auxiliary addresses of these names are what containers route through, in place of the bridge (libnetwork). */
export const gatewayNames = { 4: 'DefaultGatewayIPv4', 6: 'DefaultGatewayIPv6' } as const;

/** An address given out, with what the interface needs beside it. */
export interface Lease {
  address: string;
  prefixLength: number;
  /** "" when the pool has none. */
  gateway: string;
}

export interface AddressSpace {
  /** The wished address, or the first free one; undefined when the network has no pool of the family. */
  take(family: Family, wish?: string): Lease | undefined;
  /** Gives back; what was never taken is ignored. */
  release(address: string): void;
}

function poolOf(config: IpamPoolConfig): Pool | undefined {
  const subnet = parsePrefix(config.Subnet ?? '');
  if (!subnet) return undefined;
  const auxiliary = config.AuxiliaryAddresses ?? {};
  const reserved = new Set(reservedOf(subnet));
  for (const text of [config.Gateway ?? '', ...Object.values(auxiliary)]) {
    const address = parseAddress(text);
    if (address) reserved.add(address.value);
  }
  const gateway = parseAddress(auxiliary[gatewayNames[subnet.family]] ?? config.Gateway ?? '');
  const range = masked(parsePrefix(config.IPRange ?? '') ?? subnet);
  return { subnet: masked(subnet), range, gateway, reserved, taken: new Set() };
}

function firstFree(pool: Pool): bigint | undefined {
  const last = lastOf(pool.range).value;
  for (let value = pool.range.value; value <= last; value++)
    if (!pool.reserved.has(value) && !pool.taken.has(value)) return value;
  return undefined;
}

/** `network` is for messages. */
export function createAddressSpace(
  network: { name: string; id: string },
  configs: readonly IpamPoolConfig[],
): AddressSpace {
  const pools = configs.map(poolOf).filter((pool) => pool !== undefined);

  function claim(pool: Pool, value: bigint): Lease {
    pool.taken.add(value);
    return {
      address: formatAddress({ family: pool.subnet.family, value }),
      prefixLength: pool.subnet.length,
      gateway: pool.gateway ? formatAddress(pool.gateway) : '',
    };
  }

  function takeWished(family: Family, wish: string): Lease {
    const address = parseAddress(wish);
    const pool = address && pools.find(({ subnet }) => contains(subnet, address));
    if (address?.family !== family || !pool)
      throw new DaemonError(
        'invalid',
        `invalid address ${wish}: It does not belong to any of this network's subnets`,
      );
    if (pool.reserved.has(address.value) || pool.taken.has(address.value))
      throw new DaemonError('forbidden', 'Address already in use');
    return claim(pool, address.value);
  }

  return {
    take(family, wish) {
      if (wish) return takeWished(family, wish);
      const candidates = pools.filter(({ subnet }) => subnet.family === family);
      if (candidates.length === 0) return undefined;
      for (const pool of candidates) {
        const value = firstFree(pool);
        if (value !== undefined) return claim(pool, value);
      }
      throw new DaemonError(
        'system',
        `no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`,
      );
    },
    release(text) {
      const address = parseAddress(text);
      if (!address) return;
      for (const pool of pools) if (contains(pool.subnet, address)) pool.taken.delete(address.value);
    },
  };
}
