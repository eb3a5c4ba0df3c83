/**
 * What the host tells: its resolver settings, whether it has IPv6, which ports are ephemeral.
 *
 * In: /proc, /etc/resolv.conf. Out: values. May import: resolv-conf.
 */
import { readFile } from 'node:fs/promises';
import { parseResolvConf, type ResolvConf } from './resolv-conf.js';

export interface Host {
  /** An interface has IPv6 (RFC 3493's ::1 at least). */
  ipv6: boolean;
  /** Inclusive. */
  localPorts: { first: number; last: number };
  resolvConf(): Promise<ResolvConf>;
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
    resolvConf: async () => parseResolvConf(await readFile('/etc/resolv.conf', 'utf8').catch(() => '')),
  };
}
