/**
 * Driver `macvlan`: containers on the physical network of a parent interface, with MACs of their own.
 *
 * In: networks (options `parent`, `macvlan_mode`), endpoints. Out: links. May import: links, rtnetlink.
 */
import { DaemonError, errnoOf } from '../../errors.js';
import { CommandError } from '../../linux/run.js';
import { applyLinks, type Change, listLinks } from '../netlink/links.js';
import { deleteLink, sendRoute } from '../netlink/rtnetlink.js';
import { defaultMtuBytes, isInterfaceName, mtuOf } from '../records/options.js';
import type { Network, NetworkDriver } from '../types.js';

const modes = ['bridge', 'private', 'vepa', 'passthru'] as const;

/** `eth0.10`: VLAN 10 of eth0 (IEEE 802.1Q: 1 to 4094). */
export function vlanOf(parent: string): { link: string; id: number } | undefined {
  const match = /^(.+)\.(\d{1,4})$/.exec(parent);
  const id = Number(match?.[2]);
  return match && id >= 1 && id <= 4094 ? { link: match[1]!, id } : undefined;
}

/** Without a parent the network is cut off from outside: an interface of ours that leads nowhere. */
const placeholder = (network: Network): string => `dm-${network.id.slice(0, 12)}`;

const parentOf = (network: Network): string => network.options.parent || placeholder(network);

function modeOf({ options }: Network): (typeof modes)[number] {
  const text = options.macvlan_mode || 'bridge';
  const mode = modes.find((each) => each === text);
  if (!mode)
    throw new DaemonError(
      'invalid',
      `requested macvlan mode '${text}' is not valid, 'bridge' mode is the macvlan driver default`,
    );
  return mode;
}

export interface MacvlanDeps {
  /** Marks links as this daemon's. */
  instance: string;
  /** Macvlan networks there are. */
  networks(): readonly Network[];
}

const lacksKind = (error: unknown): boolean =>
  error instanceof CommandError && /Unknown device type|Operation not supported/.test(error.stderr);

export function createMacvlanDriver({ instance, networks }: MacvlanDeps): NetworkDriver {
  async function makePlaceholder(name: string): Promise<void> {
    const finish: Change[] = [
      ['link', 'set', name, 'alias', instance],
      ['link', 'set', name, 'up'],
    ];
    try {
      await applyLinks([['link', 'add', name, 'type', 'dummy'], ...finish]);
    } catch (error) {
      if (!lacksKind(error)) throw error;
      // A kernel without dummy devices: a pair of which nobody uses the other end.
      const other = name.replace('dm-', 'dp-');
      await applyLinks([
        ['link', 'add', name, 'type', 'veth', 'peer', 'name', other],
        ['link', 'set', other, 'up'],
        ...finish,
      ]);
    }
  }

  async function makeVlan(name: string, existing: ReadonlySet<string>): Promise<void> {
    const vlan = vlanOf(name);
    if (!vlan || !existing.has(vlan.link))
      throw new DaemonError(
        'system',
        vlan
          ? `failed to find master interface ${vlan.link} for the vlan sub-interface ${name}`
          : `invalid subinterface vlan name ${name}, example formatting is eth0.10`,
      );
    try {
      await applyLinks([
        ['link', 'add', 'link', vlan.link, 'name', name, 'type', 'vlan', 'id', String(vlan.id)],
        ['link', 'set', name, 'alias', instance],
        ['link', 'set', name, 'up'],
      ]);
    } catch (error) {
      if (!lacksKind(error)) throw error;
      throw new DaemonError(
        'system',
        `failed to create vlan sub-interface ${name}: the kernel has no 802.1Q support (module 8021q)`,
        { cause: error },
      );
    }
  }

  async function makeParent(network: Network): Promise<void> {
    const parent = parentOf(network);
    const existing = new Set((await listLinks()).map(({ ifname }) => ifname));
    if (existing.has(parent)) return;
    if (network.options.parent) await makeVlan(parent, existing);
    else await makePlaceholder(parent);
  }

  return {
    name: 'macvlan',
    addresses: true,
    isolated: ({ Options }) => !Options?.parent,
    gateways: ({ Internal = false }) => ({ 4: !Internal, 6: !Internal }),
    linkName: (network) => parentOf(network),

    validate(network) {
      modeOf(network);
      mtuOf(network.options, defaultMtuBytes);
      const parent = network.options.parent;
      if (!parent) return;
      if (!isInterfaceName(parent)) throw new DaemonError('invalid', `invalid parent interface: ${parent}`);
      if (parent === 'lo')
        throw new DaemonError('invalid', 'loopback interface is not a valid macvlan parent link');
      const user = networks().find((other) => other.id !== network.id && other.options.parent === parent);
      if (user && modeOf(network) === 'passthru')
        throw new DaemonError(
          'system',
          `cannot use mode passthru, macvlan network ${user.id} is already using parent interface ${parent}`,
        );
      if (user && modeOf(user) === 'passthru')
        throw new DaemonError(
          'system',
          `macvlan network ${user.id} is already using parent interface ${parent} in mode passthru`,
        );
    },

    create: makeParent,
    async reconcile(all, failed) {
      for (const network of all) await makeParent(network).catch((error: unknown) => failed(network, error));
    },

    async delete(network) {
      const shared = networks().some(
        (other) => other.id !== network.id && parentOf(other) === parentOf(network),
      );
      if (shared) return;
      const link = (await listLinks()).find(({ ifname }) => ifname === parentOf(network));
      if (link?.ifalias === instance) await applyLinks([['link', 'del', link.ifname]]);
    },

    async join(network, { endpoint, sandbox, attachment, interfaceName }) {
      if (attachment === 'tap')
        throw new DaemonError('notImplemented', 'this kind of workload cannot join a macvlan network');
      const mtu = mtuOf(network.options, 0);
      const parent = parentOf(network);
      try {
        await applyLinks([
          [
            ...['link', 'add', 'link', parent, 'name', interfaceName, 'address', endpoint.macAddress],
            ...(mtu > 0 ? ['mtu', String(mtu)] : []),
            ...['netns', sandbox.path, 'type', 'macvlan', 'mode', modeOf(network)],
          ],
        ]);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        if (modeOf(network) === 'passthru' && /Invalid argument|resource busy/.test(error.stderr))
          throw new DaemonError(
            'conflict',
            `parent interface ${parent} is in use by another container: macvlan mode passthru gives it to one`,
            { cause: error },
          );
        if (/Device or resource busy/.test(error.stderr))
          throw new DaemonError(
            'conflict',
            `parent interface ${parent} is in use: it is the port of a bridge, a bond or in passthru mode elsewhere`,
            { cause: error },
          );
        throw error;
      }
    },

    async leave(_network, { sandbox, interfaceName }) {
      try {
        await sendRoute(sandbox.path, [deleteLink(interfaceName)]);
      } catch (error) {
        if (!['ENODEV', 'ENOENT', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error;
      }
    },
  };
}
