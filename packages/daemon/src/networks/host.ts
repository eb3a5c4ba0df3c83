/**
 * What the host tells: whether it has IPv6, which ports are ephemeral.
 *
 * In: /proc. Out: values. May import: nothing.
 */
import { readFile } from 'node:fs/promises';

export interface Host {
  /** An interface has IPv6 (RFC 3493's ::1 at least). */
  ipv6: boolean;
  /** Inclusive. */
  localPorts: { first: number; last: number };
}

/** moby/libnetwork portallocator: what it uses when the kernel does not tell. */
const fallbackPorts = { first: 49153, last: 65535 };

export async function readHost(): Promise<Host> {
  const [addresses, range] = await Promise.all([
    readFile('/proc/net/if_inet6', 'utf8').catch(() => ''),
    readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => ''),
  ]);
  const [first, last] = range.trim().split(/\s+/).map(Number);
  return {
    ipv6: addresses !== '',
    localPorts: first && last && first < last ? { first, last } : fallbackPorts,
  };
}
