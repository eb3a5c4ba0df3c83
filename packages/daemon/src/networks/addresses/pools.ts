/**
 * Which subnets a new network gets: those asked for, checked, or the first default one nobody uses.
 *
 * In: a create request, subnets of other networks, the host's routes. Out: filled-in pools. May import: addresses.
 */
import { DaemonError } from '../../errors.js';
import type { IpamPoolConfig } from '../types.js';
import {
  bitsOf,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  masked,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  reservedOf,
  sizeOf,
} from './addresses.js';

/** daemon.json's `default-address-pools`: blocks cut into subnets of `size` bits. */
export interface AddressPool {
  base: string;
  size: number;
}

/** moby/libnetwork ipamutils: what Docker cuts networks from. */
export const defaultAddressPools: readonly AddressPool[] = [
  ...[17, 18, 19].map((second) => ({ base: `172.${second}.0.0/16`, size: 16 })),
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
];

/** The first subnet of the pools that overlaps nothing `used`; undefined when there is none. */
export function firstUnused(
  pools: readonly AddressPool[],
  family: Family,
  used: readonly Prefix[],
): Prefix | undefined {
  for (const { base, size } of pools) {
    const block = parsePrefix(base);
    if (block?.family !== family) continue;
    const step = 1n << BigInt(bitsOf(family) - size);
    const end = masked(block).value + sizeOf(block);
    for (let value = masked(block).value; value < end; ) {
      const candidate: Prefix = { family, value, length: size };
      const other = used.find((prefix) => overlaps(prefix, candidate));
      if (!other) return candidate;
      // Steps over the whole of what is in the way: a /8 route must not be walked subnet by subnet.
      const beyond = masked(other).value + sizeOf(other);
      value = beyond > value + step ? value + ((beyond - value + step - 1n) / step) * step : value + step;
    }
  }
  return undefined;
}

/** A prefix for local IPv6 networks: 40 random bits below fd00::/8 (RFC 4193), as Docker derives one per daemon. */
export const uniqueLocalPool = (random40Bits: bigint): AddressPool => ({
  base: formatPrefix({ family: 6, value: (0xfdn << 120n) | (random40Bits << 80n), length: 48 }),
  size: 64,
});

function problemsOfRange(range: string | undefined, subnet: Prefix): string[] {
  if (!range) return [];
  const prefix = parsePrefix(range);
  if (!prefix) return [`invalid ip-range ${range}: invalid CIDR block notation`];
  if (prefix.family !== subnet.family)
    return [`invalid ip-range ${range}: parent subnet is an IPv${subnet.family} block`];
  if (prefix.length < subnet.length)
    return [`invalid ip-range ${range}: CIDR block is bigger than its parent subnet ${formatPrefix(subnet)}`];
  if (prefix.value !== masked(prefix).value)
    return [`invalid ip-range ${range}: it should be ${formatPrefix(masked(prefix))}`];
  if (!contains(subnet, prefix))
    return [`invalid ip-range ${range}: parent subnet ${formatPrefix(subnet)} doesn't contain ip-range`];
  return [];
}

function problemsOfAddress(what: string, text: string | undefined, subnet: Prefix): string[] {
  if (!text) return [];
  const address = parseAddress(text);
  if (!address) return [`${what}: invalid address`];
  if (address.family !== subnet.family) return [`${what}: parent subnet is an IPv${subnet.family} block`];
  if (!contains(subnet, address))
    return [`${what}: parent subnet ${formatPrefix(subnet)} doesn't contain this address`];
  return [];
}

function problemsOf(config: IpamPoolConfig, enableIPv6: boolean): string[] {
  const subnet = parsePrefix(config.Subnet ?? '');
  if (!subnet) return [`invalid subnet ${config.Subnet ?? ''}: invalid CIDR block notation`];
  if (subnet.family === 6 && !enableIPv6) return [];
  const problems: string[] = [];
  if (subnet.value !== masked(subnet).value)
    problems.push(`invalid subnet ${config.Subnet}: it should be ${formatPrefix(masked(subnet))}`);
  problems.push(...problemsOfRange(config.IPRange, subnet));
  problems.push(...problemsOfAddress(`invalid gateway ${config.Gateway}`, config.Gateway, subnet));
  for (const [name, address] of Object.entries(config.AuxiliaryAddresses ?? {}))
    problems.push(...problemsOfAddress(`invalid auxiliary address ${name}`, address, subnet));
  return problems;
}

/** moby's ValidateIPAM: every mistake at once. */
export function checkIpamConfig(configs: readonly IpamPoolConfig[], enableIPv6: boolean): void {
  const problems = configs.flatMap((config) => problemsOf(config, enableIPv6));
  if (problems.length === 0) return;
  throw new DaemonError('invalid', `invalid network config:\n${joinProblems(problems)}`);
}

/** Several problems in one message, as moby lists them. */
export const joinProblems = (problems: readonly string[]): string =>
  problems.length === 1
    ? problems[0]!
    : problems.map((problem) => `* ${problem.replaceAll('\n', '\n\t')}`).join('\n');

export interface PoolRequest {
  configs: readonly IpamPoolConfig[];
  enableIPv4: boolean;
  enableIPv6: boolean;
  /** Subnets of the other networks: never shared. */
  networks: readonly Prefix[];
  /** Destinations the host routes: not chosen, but may be asked for. */
  routes: readonly Prefix[];
  pools: readonly AddressPool[];
  /** False: no gateway unless asked for. */
  gateway: Readonly<Record<Family, boolean>>;
}

function gatewayOf(config: IpamPoolConfig, subnet: Prefix, taken: ReadonlySet<bigint>): string {
  if (config.Gateway) {
    if (taken.has(parseAddress(config.Gateway)!.value))
      throw new DaemonError(
        'system',
        `failed to allocate gateway (${config.Gateway}): Address already in use`,
      );
    return config.Gateway;
  }
  const range = parsePrefix(config.IPRange ?? '') ?? subnet;
  for (let { value } = masked(range); contains(range, { ...range, value }); value++)
    if (!taken.has(value)) return formatAddress({ ...range, value });
  throw new DaemonError('system', 'failed to allocate gateway (): no available addresses on this pool');
}

/** Gateway first, then auxiliary addresses: libnetwork's order tells who is in whose way. */
function fillIn(config: IpamPoolConfig, subnet: Prefix, withGateway: boolean): IpamPoolConfig {
  const taken = new Set(reservedOf(subnet));
  const filled: IpamPoolConfig = { ...config, Subnet: formatPrefix(subnet) };
  if (config.Gateway || withGateway) {
    filled.Gateway = gatewayOf(config, subnet, taken);
    taken.add(parseAddress(filled.Gateway)!.value);
  }
  for (const [name, address] of Object.entries(config.AuxiliaryAddresses ?? {})) {
    const { value } = parseAddress(address)!;
    if (taken.has(value))
      throw new DaemonError(
        'system',
        `failed to allocate secondary ip address (${name}:${address}): Address already in use`,
      );
    taken.add(value);
  }
  return filled;
}

/** The network's pools with subnets and gateways chosen; one of each wanted family. Throws DaemonError. */
export function choosePools(request: PoolRequest): IpamPoolConfig[] {
  const chosen: { config: IpamPoolConfig; subnet: Prefix }[] = [];
  for (const config of request.configs) {
    const subnet = parsePrefix(config.Subnet ?? '');
    if (!subnet) continue;
    if (subnet.family === 6 ? !request.enableIPv6 : !request.enableIPv4) continue;
    if ([...request.networks, ...chosen.map((each) => each.subnet)].some((used) => overlaps(used, subnet)))
      throw new DaemonError(
        'forbidden',
        'invalid pool request: Pool overlaps with other one on this address space',
      );
    chosen.push({ config, subnet });
  }
  for (const family of [4, 6] as const) {
    const wanted = family === 4 ? request.enableIPv4 : request.enableIPv6;
    if (!wanted || chosen.some(({ subnet }) => subnet.family === family)) continue;
    const subnet = firstUnused(request.pools, family, [...request.networks, ...request.routes]);
    if (!subnet)
      throw new DaemonError(
        'system',
        `could not find an available, non-overlapping IPv${family} address pool among the defaults to assign to the network`,
      );
    // A pool without a subnet carries the wishes for the family it is of: `--gateway` alone has none in Docker.
    chosen.push({ config: {}, subnet });
  }
  return chosen.map(({ config, subnet }) => fillIn(config, subnet, request.gateway[subnet.family]));
}
