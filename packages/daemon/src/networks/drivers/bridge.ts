/**
 * Driver `bridge`: a Linux bridge per network, a veth pair or a TAP per endpoint, rules for what may pass.
 *
 * In: networks, endpoints. Out: links, sysctls, the bridge's part of the firewall. May import: links, firewall.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { DaemonError, errnoOf } from '../../errors.js';
import { parsePrefix } from '../addresses.js';
import type { Firewall } from '../firewall.js';
import { applyLinks, type Change, listLinks } from '../links.js';
import { randomMac } from '../mac.js';
import { bridgeSettings } from '../options.js';
import type { FirewallBridge } from '../ruleset.js';
import type { JoinRequest, LeaveRequest, Network, NetworkDriver } from '../types.js';

export interface BridgeDeps {
  firewall: Firewall;
  /** Marks links as this daemon's (ifalias), so that orphans are found. */
  instance: string;
}

/** The bridge's own addresses, with prefix lengths. */
const bridgeAddresses = (network: Network): string[] =>
  network.ipam.Config.flatMap(({ Subnet = '', Gateway }) => {
    const { mode4, mode6 } = bridgeSettings(network);
    const subnet = parsePrefix(Subnet);
    if (!subnet || !Gateway || (subnet.family === 4 ? mode4 : mode6) === 'isolated') return [];
    return [`${Gateway}/${subnet.length}`];
  });

/** What the firewall has to know of the network. */
export function firewallBridge(network: Network): FirewallBridge {
  const settings = bridgeSettings(network);
  const masquerade = network.ipam.Config.flatMap(({ Subnet = '' }) => {
    const mode = Subnet.includes(':') ? settings.mode6 : settings.mode4;
    return Subnet && !network.internal && settings.masquerade && mode.startsWith('nat') ? [Subnet] : [];
  });
  return {
    interface: settings.interface,
    internal: network.internal,
    icc: settings.icc,
    masquerade,
    open: settings.mode4 === 'nat-unprotected' || settings.mode6 === 'nat-unprotected',
  };
}

async function writeHostSysctl(path: string, value: string): Promise<void> {
  await writeFile(`/proc/sys/${path}`, value);
}

/** Bridged frames pass the firewall only with br_netfilter; without it `icc=false` would be a promise not kept. */
async function requireBridgeNetfilter(): Promise<void> {
  const switchPath = 'net/bridge/bridge-nf-call-iptables';
  try {
    if ((await readFile(`/proc/sys/${switchPath}`, 'utf8')).trim() !== '1')
      await writeHostSysctl(switchPath, '1');
  } catch (error) {
    throw new DaemonError(
      'system',
      `cannot restrict inter-container communication: stat /proc/sys/${switchPath}: no such file or directory (load br_netfilter)`,
      { cause: error },
    );
  }
}

export function createBridgeDriver({ firewall, instance }: BridgeDeps): NetworkDriver {
  async function makeBridge(network: Network): Promise<void> {
    const { interface: name, icc, mtuBytes } = bridgeSettings(network);
    const existing = (await listLinks()).find(({ ifname }) => ifname === name);
    if (existing && existing.linkinfo?.info_kind !== 'bridge')
      throw new DaemonError('conflict', `cannot create network: interface ${name} exists and is no bridge`);
    const has = new Set(existing?.addr_info?.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
    const changes: Change[] = [];
    if (!existing)
      changes.push(
        ['link', 'add', name, 'address', randomMac(), 'type', 'bridge'],
        ['link', 'set', name, 'alias', instance],
      );
    for (const address of bridgeAddresses(network))
      if (!has.has(address))
        changes.push(['addr', 'add', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : [])]);
    changes.push(['link', 'set', name, 'mtu', String(mtuBytes), 'up']);
    try {
      await applyLinks(changes);
      await writeHostSysctl(`net/ipv4/conf/${name}/route_localnet`, '1');
      if (network.enableIPv6) await writeHostSysctl(`net/ipv6/conf/${name}/accept_ra`, '0');
      if (!icc) await requireBridgeNetfilter();
      await firewall.setBridge(firewallBridge(network));
    } catch (error) {
      if (!existing) await applyLinks([['link', 'del', name]], { force: true });
      throw error;
    }
  }

  return {
    name: 'bridge',
    addresses: true,
    validate: (network) => {
      bridgeSettings(network);
    },
    linkName: (network) => bridgeSettings(network).interface,
    create: makeBridge,
    reconcile: makeBridge,

    async delete(network) {
      const { interface: name } = bridgeSettings(network);
      await firewall.removeBridge(name);
      // A bridge that was there before us (`bridge.name`) is not ours to delete.
      const link = (await listLinks()).find(({ ifname }) => ifname === name);
      if (link?.ifalias === instance) await applyLinks([['link', 'del', name]]);
    },

    async join(network, join) {
      const { interface: bridge, mtuBytes } = bridgeSettings(network);
      const mtu = String(mtuBytes);
      const { endpoint } = join;
      const host = endpoint.hostInterface;
      const changes: Change[] =
        join.attachment === 'tap'
          ? [
              ['tuntap', 'add', 'dev', host, 'mode', 'tap'],
              ['link', 'set', host, 'mtu', mtu, 'master', bridge, 'up'],
            ]
          : [
              [
                ...['link', 'add', host, 'mtu', mtu, 'master', bridge, 'up', 'type', 'veth'],
                ...['peer', 'name', join.interfaceName, 'address', endpoint.macAddress, 'mtu', mtu],
                ...['netns', join.sandbox.path],
              ],
              // A container that calls its own published port: the frame goes back out where it came in.
              ['link', 'set', host, 'type', 'bridge_slave', 'hairpin', 'on'],
            ];
      // The host may still know another MAC for an address that was given back a moment ago.
      for (const address of [endpoint.address, endpoint.address6])
        if (address)
          changes.push([
            ...['neigh', 'replace', address, 'lladdr', endpoint.macAddress, 'dev', bridge, 'nud', 'stale'],
          ]);
      try {
        await applyLinks(changes);
      } catch (error) {
        await leave(network, join);
        throw error;
      }
    },
    leave,
  };

  async function leave(_network: Network, { endpoint }: JoinRequest | LeaveRequest): Promise<void> {
    await applyLinks([['link', 'del', endpoint.hostInterface]], { force: true });
  }
}

/** Switches forwarding on. IPv6 interfaces that learn routes from the network go on doing so (accept_ra 2). */
export async function enableForwarding(family: 4 | 6): Promise<void> {
  const path = family === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding';
  try {
    if ((await readFile(`/proc/sys/${path}`, 'utf8')).trim() === '1') return;
    if (family === 6)
      for (const { ifname } of await listLinks()) {
        const accept = `/proc/sys/net/ipv6/conf/${ifname}/accept_ra`;
        const value = await readFile(accept, 'utf8').catch(() => '');
        if (value.trim() === '1') await writeFile(accept, '2');
      }
    await writeHostSysctl(path, '1');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || family === 4) throw error;
    throw new DaemonError('invalid', 'IPv6 is not enabled on the host', { cause: error });
  }
}
