/**
 * Publishes a container's ports: host ports claimed and held, and what the firewall has to translate.
 *
 * In: wishes, the container's addresses. Out: Docker's port map with ports chosen, rules, held sockets; all or
 * nothing. May import: ports, holder.
 */
import { isIPv6 } from 'node:net';
import { DaemonError, errnoOf } from '../../errors.js';
import type { PortRules } from '../firewall/firewall.js';
import type { AllowedPort, PublishedPort } from '../firewall/ruleset.js';
import type { PortBinding, PortMap } from '../types.js';
import { type HeldPort, holdPort } from './holder.js';
import { hostAddressesOf, hostPort, type PortAllocator, type PortClaim, type PortWish } from './ports.js';

export interface PublishTarget {
  /** "" when the container has none of the family. */
  address: string;
  address6: string;
  /** Reached by routing (`gateway_mode` routed): no translation, no host port. */
  routed4: boolean;
  routed6: boolean;
}

export interface Publication {
  readonly map: PortMap;
  readonly rules: PortRules;
  close(): Promise<void>;
}

/** bind(2)'s errors as Go words them. */
const bindErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
  EINVAL: 'invalid argument',
};

const networkName = (claim: PortClaim): string => `${claim.protocol}${isIPv6(claim.hostIp) ? 6 : 4}`;

/** The host address stands for a family of the container that is reached by routing. */
const isRouted = (hostIp: string, { address, address6, routed4, routed6 }: PublishTarget): boolean =>
  isIPv6(hostIp) ? routed6 && address6 !== '' : routed4 && address !== '';

interface HeldWish {
  wish: PortWish;
  claims: PortClaim[];
  held: HeldPort[];
}

export interface PublisherOptions {
  /** The host listens on IPv6 too. */
  ipv6: boolean;
  /** What the kernel does not translate is forwarded by hand (`userland-proxy`). */
  forward: boolean;
}

export function createPublisher(allocator: PortAllocator, { ipv6, forward }: PublisherOptions) {
  /** One wish on one host port, or why not when somebody else has the port. */
  async function tryPort(
    wish: PortWish,
    addresses: readonly string[],
    port: number,
    target: PublishTarget,
  ): Promise<HeldWish | string> {
    const blocked = allocator.claim(wish.protocol, addresses, port);
    if (blocked) return `Bind for ${hostPort(blocked, port)} failed: port is already allocated`;
    const claims = addresses.map((hostIp) => ({ protocol: wish.protocol, hostIp, hostPort: port }));
    const held: HeldPort[] = [];
    try {
      for (const claim of claims) {
        const own = isIPv6(claim.hostIp) ? target.address6 : target.address;
        const address = own || target.address || target.address6;
        held.push(await holdPort({ ...claim, address, port: wish.port, forward }));
      }
    } catch (error) {
      await Promise.all(held.map((each) => each.close()));
      for (const claim of claims) allocator.release(claim);
      const reason = bindErrors[errnoOf(error) ?? ''];
      const claim = claims[held.length]!;
      if (!reason) throw error;
      return `Error starting userland proxy: listen ${networkName(claim)} ${hostPort(claim.hostIp, port)}: bind: ${reason}`;
    }
    return { wish, claims, held };
  }

  async function openWish(
    wish: PortWish,
    addresses: readonly string[],
    target: PublishTarget,
  ): Promise<HeldWish> {
    const { first, last } = wish.range ?? { first: 0, last: 0 };
    const candidates: Iterable<number> = wish.range
      ? Array.from({ length: last - first + 1 }, (_, index) => first + index)
      : allocator.ephemeral();
    let reason = 'all ports are allocated';
    for (const port of candidates) {
      const result = await tryPort(wish, addresses, port, target);
      if (typeof result !== 'string') return result;
      reason = result;
    }
    throw new DaemonError('system', reason);
  }

  const closeAll = async (wishes: readonly HeldWish[]): Promise<void> => {
    await Promise.all(wishes.flatMap(({ held }) => held.map((each) => each.close())));
    for (const { claims } of wishes) for (const claim of claims) allocator.release(claim);
  };

  /** `exposed` ports appear in the map, unpublished. */
  return async function publish(
    wishes: readonly PortWish[],
    exposed: readonly string[],
    target: PublishTarget,
  ): Promise<Publication> {
    const map: PortMap = Object.fromEntries(exposed.map((key) => [key, null]));
    const ports: PublishedPort[] = [];
    const allowed: AllowedPort[] = [];
    const opened: HeldWish[] = [];
    const translated = {
      ...target,
      address: target.routed4 ? '' : target.address,
      address6: target.routed6 ? '' : target.address6,
    };

    /** One wish; resolves with what is bound, IPv4 first. */
    async function publishWish(wish: PortWish): Promise<PortBinding[]> {
      const { protocol, port } = wish;
      // Without forwarding by hand there is no way from one family to the other.
      const addresses = hostAddressesOf(wish.hostIp, ipv6).filter(
        (hostIp) => forward || (isIPv6(hostIp) ? target.address6 : target.address) !== '',
      );
      const routed = addresses.filter((hostIp) => isRouted(hostIp, target));
      const bindings = routed.map((hostIp) => ({ HostIp: isIPv6(hostIp) ? '::' : '0.0.0.0', HostPort: '' }));
      for (const hostIp of routed) {
        const address = isIPv6(hostIp) ? target.address6 : target.address;
        allowed.push({ protocol, from: '', address, port });
      }
      const rest = addresses.filter((hostIp) => !routed.includes(hostIp));
      if (rest.length === 0 || (!translated.address && !translated.address6)) return bindings;
      const result = await openWish(wish, rest, translated);
      opened.push(result);
      for (const claim of result.claims) {
        bindings.push({ HostIp: claim.hostIp, HostPort: String(claim.hostPort) });
        const family = isIPv6(claim.hostIp) ? 6 : 4;
        const address = family === 6 ? translated.address6 : translated.address;
        const hostIp = claim.hostIp === '0.0.0.0' || claim.hostIp === '::' ? '' : claim.hostIp;
        if (address) ports.push({ protocol, family, hostIp, hostPort: claim.hostPort, address, port });
      }
      return bindings.sort((one, other) => Number(isIPv6(one.HostIp)) - Number(isIPv6(other.HostIp)));
    }

    try {
      for (const wish of wishes) {
        const bindings = await publishWish(wish);
        const key = `${wish.port}/${wish.protocol}`;
        map[key] = bindings.length > 0 ? [...(map[key] ?? []), ...bindings] : (map[key] ?? null);
      }
    } catch (error) {
      await closeAll(opened);
      throw error;
    }
    return { map, rules: { ports, allowed }, close: () => closeAll(opened) };
  };
}

export type Publisher = ReturnType<typeof createPublisher>;
