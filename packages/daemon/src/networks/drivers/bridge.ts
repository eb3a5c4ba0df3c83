/**
 * Driver `bridge`: a Linux bridge per network, a veth pair or a TAP per endpoint, rules for what may pass.
 *
 * In: networks, endpoints. Out: links, sysctls, the bridge's part of the firewall. May import: links, rtnetlink, firewall.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { DaemonError, errnoOf } from '../../errors.js';
import { parsePrefix } from '../addresses/addresses.js';
import { randomMac } from '../addresses/mac.js';
import type { Firewall } from '../firewall/firewall.js';
import type { FirewallBridge } from '../firewall/ruleset.js';
import { applyLinks, type Change, type Link, listLinks } from '../netlink/links.js';
import {
  deleteLink,
  indicesOf,
  newVeth,
  replaceNeighbour,
  sendRoute,
  setHairpin,
  withNamespaceFd,
} from '../netlink/rtnetlink.js';
import { bridgeSettings, type GatewayMode, optionNames, parseBoolean } from '../records/options.js';
import type { JoinRequest, Network, NetworkDriver } from '../types.js';

export interface BridgeDeps {
  firewall: Firewall;
  /** Marks links as this daemon's (ifalias), so that orphans are found. */
  instance: string;
  /** Bridge networks there are. */
  networks(): readonly Network[];
}

/** The bridge's own addresses, with prefix lengths. */
const bridgeAddresses = (network: Network): string[] =>
  network.ipam.Config.flatMap(({ Subnet = '', Gateway }) => {
    const { mode4, mode6, inhibitIPv4 } = bridgeSettings(network);
    const subnet = parsePrefix(Subnet);
    if (!subnet || !Gateway || (subnet.family === 4 ? mode4 : mode6) === 'isolated') return [];
    if (subnet.family === 4 && inhibitIPv4) return [];
    return [`${Gateway}/${subnet.length}`];
  });

/** What the firewall has to know of the network. */
export function firewallBridge(network: Network): FirewallBridge {
  const settings = bridgeSettings(network);
  const modes = { 4: settings.mode4, 6: settings.mode6 } as const;
  const masquerade = network.ipam.Config.flatMap(({ Subnet = '' }) => {
    const family = Subnet.includes(':') ? 6 : 4;
    if (!Subnet || network.internal || !settings.masquerade || !modes[family].startsWith('nat')) return [];
    return [{ subnet: Subnet, source: family === 6 ? settings.host6 : settings.host4 }];
  });
  const families = (mode: GatewayMode) => ([4, 6] as const).filter((family) => modes[family] === mode);
  return {
    interface: settings.interface,
    internal: network.internal,
    icc: settings.icc,
    masquerade,
    open: families('nat-unprotected'),
    routed: families('routed'),
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

/**
 * Containers are no routers of the host: it takes neither router advertisements (CVE-2020-13401) nor redirects from a
 * bridge, also of a network without IPv6, whose bridge has a link-local address all the same.
 */
async function distrustNeighbours(bridge: string): Promise<void> {
  await writeHostSysctl(`net/ipv4/conf/${bridge}/accept_redirects`, '0');
  try {
    await writeHostSysctl(`net/ipv6/conf/${bridge}/accept_ra`, '0');
    await writeHostSysctl(`net/ipv6/conf/${bridge}/accept_redirects`, '0');
  } catch (error) {
    // A kernel without IPv6.
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

export function createBridgeDriver({ firewall, instance, networks }: BridgeDeps): NetworkDriver {
  async function makeLink(network: Network, existing: Link | undefined): Promise<void> {
    const { interface: name, icc, mtuBytes } = bridgeSettings(network);
    if (existing && existing.linkinfo?.info_kind !== 'bridge')
      throw new DaemonError('system', `existing interface ${name} is not a bridge`);
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
    await applyLinks(changes);
    await writeHostSysctl(`net/ipv4/conf/${name}/route_localnet`, '1');
    await distrustNeighbours(name);
    if (network.enableIPv6) await enableForwarding(6);
    if (!icc) await requireBridgeNetfilter();
  }

  async function deleteBridge(network: Network): Promise<void> {
    const { interface: name } = bridgeSettings(network);
    await firewall.removeBridge(name);
    // A bridge that was there before us (`bridge.name`) is not ours to delete.
    const link = (await listLinks()).find(({ ifname }) => ifname === name);
    if (link?.ifalias === instance) await applyLinks([['link', 'del', name]]);
  }

  return {
    name: 'bridge',
    addresses: true,
    gateways: ({ Internal, Options = {} }) => ({
      4: !(
        Options[optionNames.gatewayMode4] === 'isolated' ||
        (Internal && parseBoolean(Options[optionNames.inhibitIPv4] ?? ''))
      ),
      6: Options[optionNames.gatewayMode6] !== 'isolated',
    }),
    validate(network) {
      if (!network.enableIPv4 && !network.enableIPv6)
        throw new DaemonError('invalid', 'IPv4 or IPv6 must be enabled');
      const { interface: name } = bridgeSettings(network);
      const subnets = network.ipam.Config.map(({ Subnet = '' }) => parsePrefix(Subnet));
      if ([4, 6].some((family) => subnets.filter((subnet) => subnet?.family === family).length > 1))
        throw new DaemonError('forbidden', "bridge driver doesn't support multiple subnets");
      const user = networks().find(
        (other) => other.id !== network.id && bridgeSettings(other).interface === name,
      );
      if (user)
        throw new DaemonError(
          'forbidden',
          `cannot create network ${network.id} (${name}): conflicts with network ${user.id} (${name}): networks have same bridge name`,
        );
    },
    linkName: (network) => bridgeSettings(network).interface,
    async create(network) {
      const { interface: name } = bridgeSettings(network);
      try {
        await makeLink(
          network,
          (await listLinks()).find(({ ifname }) => ifname === name),
        );
        await firewall.setBridges([firewallBridge(network)]);
      } catch (error) {
        await deleteBridge(network);
        throw error;
      }
    },

    async reconcile(networks, failed) {
      const links = new Map((await listLinks()).map((link) => [link.ifname, link]));
      for (const network of networks)
        await makeLink(network, links.get(bridgeSettings(network).interface)).catch((error: unknown) =>
          failed(network, error),
        );
      await firewall.setBridges(networks.map(firewallBridge));
    },

    delete: deleteBridge,

    join,

    async rejoin(network, request) {
      const { interface: bridge } = bridgeSettings(network);
      const host = request.endpoint.hostInterface;
      const link = (await listLinks()).find(({ ifname }) => ifname === host);
      if (!link) {
        await join(network, request);
        return true;
      }
      if (link.master !== bridge) {
        await applyLinks([['link', 'set', host, 'master', bridge, 'up']]);
        await sendRoute('', [setHairpin(host)]);
      }
      return false;
    },

    leave: (_network, { endpoint }) => removeLink(endpoint.hostInterface),
  };
}

async function join(
  network: Network,
  { endpoint, sandbox, attachment, interfaceName }: JoinRequest,
): Promise<void> {
  const { interface: bridge, mtuBytes } = bridgeSettings(network);
  const host = endpoint.hostInterface;
  const [master] = (await indicesOf('', [bridge])) as [number];
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
}

async function removeLink(name: string): Promise<void> {
  try {
    await sendRoute('', [deleteLink(name)]);
  } catch (error) {
    if (errnoOf(error) !== 'ENODEV') throw error;
  }
}

/** Switches forwarding on. IPv6 interfaces that learn routes from the network continue doing so (accept_ra 2). */
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
