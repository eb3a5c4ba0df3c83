/**
 * Interfaces, addresses and routes by `ip -batch -`: many changes by one process, in the host or in a namespace.
 *
 * In: lists of changes. Out: the kernel's state. May import: linux/run.
 */
import { DaemonError } from '../../errors.js';
import { CommandError, run } from '../../linux/run.js';
import { bitsOf, type Prefix, parseAddress, parsePrefix } from '../addresses/addresses.js';

/** One command of iproute2, as words. */
export type Change = readonly string[];

/** Batch lines split at white space and know quotes and comments: words with any of these are refused. */
export function batchText(changes: readonly Change[]): string {
  for (const word of changes.flat())
    if (!/^[\w.:/@%+,-]+$/.test(word))
      throw new DaemonError('invalid', `invalid value for a network setting: ${JSON.stringify(word)}`);
  return `${changes.map((words) => words.join(' ')).join('\n')}\n`;
}

/**
 * Applies the changes in order and stops at the first that fails (`force`: continues, failures are ignored).
 * Without `namespace` in the host's.
 */
export async function applyLinks(
  changes: readonly Change[],
  options: { namespace?: string; force?: boolean } = {},
): Promise<void> {
  if (changes.length === 0) return;
  const ip = ['ip', ...(options.force ? ['-force'] : []), '-batch', '-'];
  const command = options.namespace ? ['nsenter', `--net=${options.namespace}`, ...ip] : ip;
  try {
    await run(command as [string, ...string[]], batchText(changes));
  } catch (error) {
    if (!(options.force && error instanceof CommandError && error.status === 1)) throw error;
  }
}

/** What `ip -json link` tells of one interface, as far as it is read here. */
export interface Link {
  ifindex: number;
  ifname: string;
  mtu: number;
  address?: string;
  /** The bridge it is a port of. */
  master?: string;
  flags: string[];
  ifalias?: string;
  linkinfo?: { info_kind?: string };
  addr_info?: { family: 'inet' | 'inet6'; local: string; prefixlen: number; scope: string }[];
}

/** All interfaces with their addresses. */
export async function listLinks(namespace?: string): Promise<Link[]> {
  const ip: [string, ...string[]] = ['ip', '-json', '-details', 'address', 'show'];
  return JSON.parse(await run(namespace ? ['nsenter', `--net=${namespace}`, ...ip] : ip)) as Link[];
}

/** A route of the host's main table. */
export interface HostRoute {
  destination: Prefix;
  /** "" when it has none (unreachable, blackhole). */
  device: string;
}

/** All but the default ones. */
export async function hostRoutes(): Promise<HostRoute[]> {
  const lists = await Promise.all(
    ['-4', '-6'].map(async (family) => {
      const text = await run(['ip', family, '-json', 'route', 'show', 'table', 'main']);
      return JSON.parse(text || '[]') as { dst: string; dev?: string }[];
    }),
  );
  return lists.flat().flatMap(({ dst, dev = '' }) => {
    const address = parseAddress(dst);
    const destination = address ? { ...address, length: bitsOf(address.family) } : parsePrefix(dst);
    return destination ? [{ destination, device: dev }] : [];
  });
}
