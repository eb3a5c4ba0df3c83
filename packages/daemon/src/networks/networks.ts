/**
 * The area put together: networks on record, sandboxes of running containers, drivers, rules.
 *
 * In: requests of the API and of containers. Out: `Networks`. May import: everything of this folder, dns/types.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildResolvConf, readHostResolvConf } from '../dns/resolv-conf.js';
import type { EmbeddedDns, NameSource } from '../dns/types.js';
import { DaemonError } from '../errors.js';
import type { EventSink } from '../events/types.js';
import type { Layout } from '../layout.js';
import type { Logger } from '../log.js';
import { crashPoint } from '../storage/crash-point.js';
import { checkRequest, type DefaultBridge, planNetwork, predefinedNetworks } from './create.js';
import { planDefaultNetworks } from './default-networks.js';
import { createBridgeDriver, enableForwarding } from './drivers/bridge.js';
import { createMacvlanDriver } from './drivers/macvlan.js';
import { createPlainDriver } from './drivers/plain.js';
import { checkEndpoint, namesOf, planEndpoint, releaseEndpoint } from './endpoints.js';
import { createFirewall } from './firewall.js';
import { readHost } from './host.js';
import { applyLinks, hostRoutes, listLinks } from './links.js';
import { createNameSource, hasNames } from './names.js';
import { type AddressPool, defaultAddressPools, uniqueLocalPool } from './pools.js';
import { createPortAllocator, parsePorts } from './ports.js';
import { createPublisher } from './publish.js';
import { openRegistry } from './registry.js';
import { createSandboxRecords, type Joined, type SandboxState } from './sandbox-state.js';
import { createSandboxes } from './sandboxes.js';
import type {
  Endpoint,
  EndpointRequest,
  Network,
  NetworkDriver,
  Networks,
  Sandbox,
  SandboxRequest,
} from './types.js';

/** The daemon's settings that matter here, named as in its configuration. */
export interface NetworkSettings {
  /** Names our table and marks our links. */
  instance: string;
  bridge: DefaultBridge;
  defaultAddressPools: readonly AddressPool[];
  publishAddress: string;
  ipForward: boolean;
  ipMasquerade: boolean;
  dns: readonly string[];
  dnsSearch: readonly string[];
  dnsOptions: readonly string[];
}

export interface NetworksDeps {
  layout: Pick<Layout, 'networks' | 'namespaces' | 'runRoot'>;
  events: EventSink;
  log: Logger;
  settings: NetworkSettings;
  createDns(names: NameSource): EmbeddedDns;
}

export async function createNetworks(deps: NetworksDeps): Promise<Networks> {
  const { layout, events, log, settings } = deps;
  const recordDirectory = join(layout.runRoot, 'sandboxes');
  for (const directory of [layout.namespaces, recordDirectory])
    await mkdir(directory, { recursive: true, mode: 0o700 });
  const registry = await openRegistry(layout.networks, log);
  const host = await readHost();
  const firewall = createFirewall(settings.instance, log);
  const ofDriver = (name: string) => registry.list().filter(({ driver }) => driver === name);
  const drivers = new Map<string, NetworkDriver>();
  for (const driver of [
    createBridgeDriver({ firewall, instance: settings.instance, networks: () => ofDriver('bridge') }),
    createMacvlanDriver({
      instance: settings.instance,
      networks: () => ofDriver('macvlan'),
    }),
    createPlainDriver('host'),
    createPlainDriver('null'),
  ])
    drivers.set(driver.name, driver);
  const driverOf = (network: Network): NetworkDriver => {
    const driver = drivers.get(network.driver);
    if (!driver) throw new DaemonError('notFound', `plugin "${network.driver}" not found`);
    return driver;
  };

  const states = new Map<string, SandboxState>();
  const byId = (id: string): Network | undefined => registry.list().find((network) => network.id === id);
  const records = createSandboxRecords(recordDirectory);
  const sandboxes = createSandboxes({
    namespaces: layout.namespaces,
    records,
    firewall,
    publish: createPublisher(createPortAllocator(host.localPorts), host.ipv6),
    dns: deps.createDns(createNameSource(states, byId)),
    network: byId,
    driver: driverOf,
    publishAddress: settings.publishAddress === '0.0.0.0' ? '' : settings.publishAddress,
    resolver: (request) =>
      buildResolvConf(hostResolvConf, { embedded: true, ipv6: true, dns: dnsOf(request) }),
  });
  // Read again at every start of a container, as Docker does.
  let hostResolvConf = await readHostResolvConf();

  /** Changes of one sandbox wait for each other. */
  const turns = new Map<string, Promise<unknown>>();
  function inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const result = (turns.get(id) ?? Promise.resolve()).then(work);
    const settled = result.catch(() => {});
    turns.set(id, settled);
    void settled.then(() => {
      if (turns.get(id) === settled) turns.delete(id);
    });
    return result;
  }

  // 40 random bits a daemon, kept by the networks that used them (RFC 4193 §3.2.2).
  const localPool = uniqueLocalPool(BigInt(`0x${randomBytes(5).toString('hex')}`));
  const pools = [
    ...(settings.defaultAddressPools.length > 0 ? settings.defaultAddressPools : defaultAddressPools),
    ...(settings.defaultAddressPools.some(({ base }) => base.includes(':')) ? [] : [localPool]),
  ];
  function publishEvent(action: string, network: Network, more: Record<string, string> = {}): void {
    events.publish('network', action, {
      ID: network.id,
      Attributes: { name: network.name, type: network.driver, ...more },
    });
  }

  /** Default networks on record, bridges up, rules in place. */
  async function start(): Promise<void> {
    if (settings.ipForward) await enableForwarding(4);
    const routes = (await hostRoutes()).filter(({ device }) => device !== settings.bridge.name);
    const planned = planDefaultNetworks({ ...settings, pools }, { ...registry, routes });
    for (const network of planned) {
      registry.add(network);
      await registry.write(network);
    }
    const bridge = registry.find('bridge');
    if (settings.bridge.name === 'none' && bridge) {
      await driverOf(bridge).delete(bridge);
      await registry.erase(bridge.id);
    }
    await removeOwnLinks(new Set(registry.list().flatMap((each) => driverOf(each).linkName?.(each) ?? [])));
    for (const driver of drivers.values())
      await driver.reconcile(ofDriver(driver.name), (network, error) =>
        log.error({ err: error, network: network.name }, 'network cannot be restored'),
      );
  }

  /** Bridges and parents that carry our mark, but those in `kept`. */
  async function removeOwnLinks(kept: ReadonlySet<string>): Promise<void> {
    const own = (await listLinks()).filter(
      ({ ifname, ifalias }) => ifalias === settings.instance && !kept.has(ifname),
    );
    await applyLinks(
      own.map(({ ifname }) => ['link', 'del', ifname]),
      { force: true },
    );
  }

  function plan(request: SandboxRequest, name: string, wishes: EndpointRequest): Endpoint {
    const network = registry.get(name);
    return planEndpoint({
      network,
      space: registry.addresses(network.id),
      container: request,
      request: wishes,
      attachment: request.attachment,
      addresses: driverOf(network).addresses,
    });
  }

  const release = (state: SandboxState): void => {
    for (const { endpoint } of state.joined)
      if (byId(endpoint.networkId)) releaseEndpoint(registry.addresses(endpoint.networkId), endpoint);
  };

  /** The container's own settings, or the daemon's where it has none. */
  const dnsOf = ({ dns }: SandboxRequest): SandboxRequest['dns'] => ({
    servers: dns.servers.length > 0 ? dns.servers : settings.dns,
    search: dns.search.length > 0 ? dns.search : settings.dnsSearch,
    options: dns.options.length > 0 ? dns.options : settings.dnsOptions,
  });
  const hostServers = (request: SandboxRequest): readonly string[] => {
    const { servers } = dnsOf(request);
    return servers.length > 0 ? servers : hostResolvConf.servers;
  };

  const isHostMode = (request: SandboxRequest): boolean =>
    Object.keys(request.endpoints).some((name) => registry.find(name)?.driver === 'host');

  function describe(state: SandboxState): Sandbox {
    const { request } = state;
    const embedded = state.joined.some(({ endpoint }) => hasNames(byId(endpoint.networkId)));
    return {
      id: request.id,
      path: state.path,
      endpoints: Object.fromEntries(state.joined.map(({ endpoint }) => [endpoint.networkName, endpoint])),
      ports: state.ports,
      hosts: [
        ...state.joined.flatMap(({ endpoint }) =>
          [endpoint.address, endpoint.address6]
            .filter((address) => address !== '')
            .map((address) => ({ address, names: request.hostNames })),
        ),
        ...linkHosts(state),
      ],
      resolvConf: buildResolvConf(hostResolvConf, {
        embedded,
        ipv6: state.joined.some(({ endpoint }) => endpoint.address6 !== ''),
        // In the host's namespace the host's servers answer, loopback ones too: they are kept as if asked for.
        dns: isHostMode(request) ? { ...dnsOf(request), servers: hostServers(request) } : dnsOf(request),
      }).content,
    };
  }

  /** The default bridge has no names: its links are lines of /etc/hosts. */
  function linkHosts(state: SandboxState): { address: string; names: string[] }[] {
    return state.joined.flatMap(({ endpoint }) => {
      if (hasNames(byId(endpoint.networkId))) return [];
      return (endpoint.request.Links ?? []).flatMap((link) => {
        const [target = '', alias = target] = link.split(':');
        const other = findState(target);
        const address = other?.joined.find((each) => each.endpoint.networkId === endpoint.networkId)?.endpoint
          .address;
        if (!other || !address) return [];
        return [{ address, names: [...new Set([alias, other.request.id.slice(0, 12), other.request.name])] }];
      });
    });
  }

  const findState = (name: string): SandboxState | undefined =>
    states.get(name) ??
    [...states.values()].find(({ request }) => request.name === name.replace(/^\//, '')) ??
    [...states.values()].find(({ request }) => request.id.startsWith(name));

  const stateOf = (id: string): SandboxState => {
    const state = states.get(id);
    if (!state) throw new DaemonError('notFound', `sandbox ${id} not found`);
    return state;
  };

  /** eth0, eth1, …: the first one not in use. */
  function interfaceNameFor(joined: readonly Joined[]): string {
    for (let index = 0; ; index++)
      if (!joined.some(({ interfaceName }) => interfaceName === `eth${index}`)) return `eth${index}`;
  }

  async function closeState(state: SandboxState): Promise<void> {
    try {
      await sandboxes.close(state);
    } finally {
      states.delete(state.request.id);
      release(state);
    }
    for (const { endpoint } of state.joined) {
      const network = byId(endpoint.networkId);
      if (network) publishEvent('disconnect', network, { container: state.request.id });
    }
  }

  const endpointsOf = (networkId: string): Map<string, { name: string; endpoint: Endpoint }> => {
    const found = new Map<string, { name: string; endpoint: Endpoint }>();
    for (const { request, joined } of states.values())
      for (const { endpoint } of joined)
        if (endpoint.networkId === networkId) found.set(request.id, { name: request.name, endpoint });
    return found;
  };

  const networks: Networks = {
    async create(request) {
      const existing = { drivers, find: registry.find, subnets: registry.subnets, pools };
      checkRequest(request, existing);
      const routes = (await hostRoutes()).map(({ destination }) => destination);
      const network = planNetwork(request, { ...existing, routes });
      const driver = driverOf(network);
      registry.add(network);
      try {
        await registry.write(network);
        crashPoint('network:after-record');
        await driver.create(network);
      } catch (error) {
        await registry.erase(network.id);
        throw error;
      }
      publishEvent('create', network);
      return network;
    },

    get: registry.get,
    list: registry.list,

    async remove(name) {
      const network = registry.get(name);
      if (predefinedNetworks.includes(network.name))
        throw new DaemonError('forbidden', `${network.name} is a pre-defined network and cannot be removed`);
      if (endpointsOf(network.id).size > 0)
        throw new DaemonError(
          'forbidden',
          `error while removing network: network ${network.name} id ${network.id} has active endpoints`,
        );
      registry.hide(network.id);
      try {
        await driverOf(network).delete(network);
      } catch (error) {
        registry.add(network);
        throw error;
      }
      await registry.erase(network.id);
      publishEvent('destroy', network);
    },

    endpointsOf,

    validate(request) {
      // A network that is not there yet is dockerd's concern at start, not at create.
      for (const [name, wishes] of Object.entries(request.endpoints)) {
        const network = registry.find(name);
        if (network) checkEndpoint(network, wishes);
      }
      parsePorts(request);
    },

    open: (request) =>
      inTurn(request.id, async () => {
        if (states.has(request.id)) throw new DaemonError('conflict', `sandbox ${request.id} already exists`);
        const inHost = isHostMode(request) || request.attachment === 'tap';
        const state: SandboxState = {
          request,
          joined: [],
          ports: {},
          path: inHost ? '' : sandboxes.pathOf(request.id),
          gateways: {},
          dns: false,
        };
        try {
          for (const [name, wishes] of Object.entries(request.endpoints))
            state.joined.push({
              endpoint: plan(request, name, wishes),
              interfaceName: interfaceNameFor(state.joined),
            });
        } catch (error) {
          release(state);
          throw error;
        }
        states.set(request.id, state);
        try {
          hostResolvConf = await readHostResolvConf();
          await sandboxes.open(state);
        } catch (error) {
          await closeState(state).catch((err: unknown) => log.warn({ err }, 'undoing a sandbox failed'));
          throw error;
        }
        for (const { endpoint } of state.joined)
          publishEvent('connect', registry.get(endpoint.networkId), { container: request.id });
        return describe(state);
      }),

    find: (id) => {
      const state = states.get(id);
      return state && describe(state);
    },

    connect: (id, name, request) =>
      inTurn(id, async () => {
        const state = stateOf(id);
        const network = registry.get(name);
        if (isHostMode(state.request) || network.driver === 'host')
          throw new DaemonError(
            'invalid',
            'container cannot be disconnected from host network or connected to host network',
          );
        if (network.driver === 'null' || state.joined.some(({ endpoint }) => endpoint.networkName === 'none'))
          throw new DaemonError(
            'invalid',
            'container cannot be connected to multiple networks with one of the networks in private (none) mode',
          );
        if (state.joined.some(({ endpoint }) => endpoint.networkId === network.id))
          throw new DaemonError(
            'forbidden',
            `endpoint with name ${state.request.name} already exists in network ${network.name}`,
          );
        const joined: Joined = {
          endpoint: plan(state.request, network.id, request),
          interfaceName: interfaceNameFor(state.joined),
        };
        state.joined = [...state.joined, joined];
        try {
          await sandboxes.join(state, joined);
        } catch (error) {
          await sandboxes
            .leave(state, joined)
            .catch((err: unknown) => log.warn({ err }, 'undoing a connect failed'));
          state.joined = state.joined.filter((each) => each !== joined);
          releaseEndpoint(registry.addresses(network.id), joined.endpoint);
          throw error;
        }
        publishEvent('connect', network, { container: id });
        return joined.endpoint;
      }),

    disconnect: (id, name) =>
      inTurn(id, async () => {
        const state = stateOf(id);
        const network = registry.get(name);
        if (network.driver === 'host')
          throw new DaemonError(
            'invalid',
            'container cannot be disconnected from host network or connected to host network',
          );
        const joined = state.joined.find(({ endpoint }) => endpoint.networkId === network.id);
        if (!joined)
          throw new DaemonError('forbidden', `container ${id} is not connected to network ${network.name}`);
        await sandboxes.leave(state, joined);
        releaseEndpoint(registry.addresses(network.id), joined.endpoint);
        publishEvent('disconnect', network, { container: id });
      }),

    close: (id) =>
      inTurn(id, async () => {
        const state = states.get(id);
        if (state) await closeState(state);
      }),

    rename: (id, name) =>
      inTurn(id, async () => {
        const state = states.get(id);
        if (!state) return;
        state.request = { ...state.request, name };
        state.joined = state.joined.map((joined) => {
          const network = byId(joined.endpoint.networkId);
          const dnsNames = hasNames(network) ? namesOf(state.request, joined.endpoint.request) : [];
          return { ...joined, endpoint: { ...joined.endpoint, dnsNames } };
        });
        await records.write(state);
      }),

    async reconcile(running) {
      for (const [id, record] of await records.list()) {
        const path =
          record && (isHostMode(record.request) || record.request.attachment === 'tap')
            ? ''
            : sandboxes.pathOf(id);
        const state: SandboxState | undefined = record && { ...record, path, gateways: {}, dns: false };
        if (state && running.has(id)) await adopt(state);
        else if (state)
          await sandboxes.close(state).catch((err: unknown) => log.warn({ err, id }, 'left-over sandbox'));
        else await records.remove(id);
      }
      for (const name of await readdir(layout.namespaces))
        if (!states.has(name)) await sandboxes.removeNamespace(join(layout.namespaces, name));
    },

    async shutdown() {
      if (states.size > 0) return;
      await firewall.close();
      await removeOwnLinks(new Set());
    },
  };

  async function adopt(state: SandboxState): Promise<void> {
    states.set(state.request.id, state);
    state.joined = state.joined.filter(({ endpoint }) => byId(endpoint.networkId));
    for (const { endpoint } of state.joined) {
      const space = registry.addresses(endpoint.networkId);
      if (endpoint.address) space.take(4, endpoint.address);
      if (endpoint.address6) space.take(6, endpoint.address6);
    }
    try {
      await sandboxes.adopt(state);
    } catch (error) {
      log.error({ err: error, container: state.request.id }, 'sandbox cannot be restored completely');
    }
  }

  await start();
  return networks;
}
