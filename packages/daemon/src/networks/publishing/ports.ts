/**
 * Which host ports a container gets: Docker's port maps parsed, ports picked, collisions found.
 *
 * In: port maps. Out: bindings. Nothing is opened here. May import: types.
 */
import { isIP } from 'node:net';
import { DaemonError } from '../../errors.js';
import { formatAddress, parseAddress } from '../addresses/addresses.js';
import type { Protocol } from '../firewall/ruleset.js';
import type { PortMap } from '../types.js';

/** One container port to publish. */
export interface PortWish {
  protocol: Protocol;
  port: number;
  /** "" stands for every address of both families. */
  hostIp: string;
  /** Inclusive; undefined is ephemeral. */
  range: { first: number; last: number } | undefined;
}

/** A host port that belongs to a container. */
export interface PortClaim {
  protocol: Protocol;
  hostIp: string;
  hostPort: number;
}

/** ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
const mappedPrefix = 0xffffn;

const protocols: readonly string[] = ['tcp', 'udp', 'sctp'];

/** `80`, `80/udp`. Throws DaemonError invalid. */
export function parseContainerPort(text: string): { port: number; protocol: Protocol } {
  const [number, protocol = 'tcp', ...rest] = text.split('/');
  const port = Number(number);
  if (!/^\d{1,5}$/.test(number!) || port < 1 || port > 65535 || rest.length > 0)
    throw new DaemonError('invalid', `invalid port specification: "${text}"`);
  if (!protocols.includes(protocol.toLowerCase()))
    throw new DaemonError('invalid', `Invalid proto: ${protocol}`);
  return { port, protocol: protocol.toLowerCase() as Protocol };
}

function parseHostPort(text: string | undefined): PortWish['range'] {
  if (!text || text === '0') return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (!match || first < 1 || last > 65535 || last < first)
    throw new DaemonError('invalid', `invalid port specification: "${text}"`);
  return { first, last };
}

/** One way of writing for each address, as the kernel's sets and sockets compare them; IPv4 in IPv6 is IPv4. */
function canonical(hostIp: string): string {
  const address = parseAddress(hostIp);
  if (!address) throw new DaemonError('invalid', `Invalid ip address: ${hostIp}`);
  const isMapped = address.family === 6 && address.value >> 32n === mappedPrefix;
  return formatAddress(isMapped ? { family: 4, value: address.value & 0xffff_ffffn } : address);
}

/**
 * Every port to publish; exposed ones too with `publishAll`. `defaultHostIp` is the network's or the daemon's; 0.0.0.0
 * in it means both families, as in Docker.
 */
export function parsePorts(
  request: { ports: PortMap; exposedPorts: readonly string[]; publishAll: boolean },
  defaultHostIp = '',
): PortWish[] {
  const wishes: PortWish[] = [];
  const unnamed = defaultHostIp === '0.0.0.0' ? '' : defaultHostIp;
  const bound = new Set<string>();
  for (const [key, bindings] of Object.entries(request.ports)) {
    const { port, protocol } = parseContainerPort(key);
    if (protocol === 'sctp')
      throw new DaemonError('notImplemented', 'publishing SCTP ports is not supported: use --network host');
    for (const { HostIp, HostPort } of bindings ?? []) {
      const hostIp = HostIp || unnamed;
      wishes.push({ protocol, port, hostIp: hostIp && canonical(hostIp), range: parseHostPort(HostPort) });
      bound.add(`${port}/${protocol}`);
    }
  }
  if (request.publishAll)
    for (const key of request.exposedPorts) {
      const { port, protocol } = parseContainerPort(key);
      if (!bound.has(`${port}/${protocol}`))
        wishes.push({ protocol, port, hostIp: unnamed && canonical(unnamed), range: undefined });
    }
  return wishes;
}

/** The host addresses a wish stands for: both families' wildcards when none is named. */
export const hostAddressesOf = (hostIp: string, ipv6: boolean): string[] =>
  hostIp ? [hostIp] : ipv6 ? ['0.0.0.0', '::'] : ['0.0.0.0'];

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';

/** `0.0.0.0:80`, `[::]:80`. */
export const hostPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

export interface PortAllocator {
  /** Takes the port on all the addresses or on none; the address in the way otherwise. */
  claim(protocol: Protocol, addresses: readonly string[], port: number): string | undefined;
  release(claim: PortClaim): void;
  /** Ports to try for an ephemeral wish, each once, beginning behind the last one tried. */
  ephemeral(): Iterable<number>;
}

/** Host ports of all containers. `range` is the host's ip_local_port_range, inclusive. */
export function createPortAllocator(range: { first: number; last: number }): PortAllocator {
  // Protocol and port → addresses that have it.
  const taken = new Map<string, Set<string>>();
  let next = range.first;

  const collides = (one: string, other: string): boolean =>
    isIP(one) === isIP(other) && (one === other || isWildcard(one) || isWildcard(other));

  return {
    claim(protocol, addresses, port) {
      const key = `${protocol}/${port}`;
      const holders = taken.get(key) ?? new Set();
      const blocked = addresses.find((address) => [...holders].some((holder) => collides(holder, address)));
      if (blocked) return blocked;
      for (const address of addresses) holders.add(address);
      taken.set(key, holders);
      return undefined;
    },
    release({ protocol, hostIp, hostPort: port }) {
      const holders = taken.get(`${protocol}/${port}`);
      holders?.delete(hostIp);
      if (holders?.size === 0) taken.delete(`${protocol}/${port}`);
    },
    *ephemeral() {
      const count = range.last - range.first + 1;
      for (let tried = 0; tried < count; tried++) {
        const port = next;
        next = next === range.last ? range.first : next + 1;
        yield port;
      }
    },
  };
}
