/**
 * Driver `bridge`: a Linux bridge per network, a veth pair or a TAP per endpoint, rules for what may pass.
 *
 * In: networks, endpoints. Out: links, sysctls, the bridge's part of the firewall. May import: links, rtnetlink, firewall.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { DaemonError, errnoOf } from '../../errors.js';
import { parsePrefix } from '../addresses.js';
import type { Firewall } from '../firewall.js';
import { applyLinks, type Change, listLinks } from '../links.js';
import { randomMac } from '../mac.js';
import { bridgeSettings } from '../options.js';
import {
  deleteLink,
  newVeth,
  replaceNeighbour,
  sendRoute,
  setHairpin,
  withNamespaceFd,
} from '../rtnetlink.js';
import type { FirewallBridge } from '../ruleset.js';
import type { Network, NetworkDriver } from '../types.js';

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
    const wanted = bridgeAddresses(network);
    const global = existing?.addr_info?.filter(({ scope }) => scope === 'global') ?? [];
    const has = new Set(global.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
    const changes: Change[] = [];
    if (existing?.ifalias === instance)
      for (const address of has)
        if (!wanted.includes(address)) changes.push(['addr', 'del', address, 'dev', name]);
    if (!existing)
      changes.push(
        ['link', 'add', name, 'address', randomMac(), 'type', 'bridge'],
        ['link', 'set', name, 'alias', instance],
      );
    for (const address of wanted)
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

    async join(network, { endpoint, sandbox, attachment, interfaceName }) {
      const { interface: bridge, mtuBytes } = bridgeSettings(network);
      const host = endpoint.hostInterface;
      const master = await indexOf(bridge);
      // The host may still know another MAC for an address that was given back a moment ago.
      const neighbours = [endpoint.address, endpoint.address6]
        .filter((address) => address !== '')
        .map((address) => replaceNeighbour(master, address, endpoint.macAddress));
      try {
        if (attachment === 'tap') {
          await applyLinks([
            ['tuntap', 'add', 'dev', host, 'mode', 'tap'],
            ['link', 'set', host, 'mtu', String(mtuBytes), 'master', bridge, 'up'],
          ]);
          await sendRoute('', neighbours);
          return;
        }
        await withNamespaceFd(sandbox.path, async (namespaceFd) => {
          const peer = { name: interfaceName, mac: endpoint.macAddress, namespaceFd };
          const pair = newVeth({ host, master, mtuBytes, peer });
          // Hairpin: a container that calls its own published port gets the frame back where it came from.
          await sendRoute('', [pair, setHairpin(host), ...neighbours]);
        });
      } catch (error) {
        await removeLink(host);
        throw error;
      }
    },
    leave: (_network, { endpoint }) => removeLink(endpoint.hostInterface),
  };
}

const indexOf = async (name: string): Promise<number> =>
  Number(await readFile(`/sys/class/net/${name}/ifindex`, 'utf8'));

async function removeLink(name: string): Promise<void> {
  try {
    await sendRoute('', [deleteLink(name)]);
  } catch (error) {
    if (errnoOf(error) !== 'ENODEV') throw error;
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
