/**
 * The area put together: networks on record, sandboxes of running containers, drivers, rules.
 *
 * In: requests of the API and of containers. Out: `Networks`. May import: everything of this folder, dns/types.
 */

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DefaultBridgeSetting, DriverOptions } from '../config/types.js';
import type { EmbeddedDns, NameSource } from '../dns/types.js';
import { DaemonError } from '../errors.js';
import type { EventSink } from '../events/types.js';
import type { Layout } from '../layout.js';
import type { Logger } from '../log.js';
import { crashPoint } from '../storage/crash-point.js';
import { type AddressPool, defaultAddressPools, joinProblems, uniqueLocalPool } from './addresses/pools.js';
import { createBridgeDriver } from './drivers/bridge.js';
import { createMacvlanDriver } from './drivers/macvlan.js';
import { createPlainDriver } from './drivers/plain.js';
import { checkEndpoint } from './endpoints/endpoints.js';
import { createFirewall } from './firewall/firewall.js';
import { readHost } from './host.js';
import { createMembership } from './membership.js';
import { hostRoutes } from './netlink/links.js';
import { createPortAllocator, parsePorts } from './publishing/ports.js';
import { createPublisher } from './publishing/publish.js';
import { checkRequest, planNetwork, predefinedNetworks, withDefaultOptions } from './records/create.js';
import { openRegistry } from './records/registry.js';
import { createNameSource } from './sandboxes/names.js';
import { createSandboxes } from './sandboxes/sandboxes.js';
import { createSandboxRecords } from './sandboxes/state.js';
import { createSandboxStates } from './sandboxes/states.js';
import { createSandboxView } from './sandboxes/view.js';
import { removeOwnLinks, startNetworks, warnOfForeignDrop } from './start.js';
import type { Network, NetworkDriver, Networks } from './types.js';

/** The daemon's settings that matter here, named as in its configuration. */
export interface NetworkSettings {
  /** Names our table and marks our links. */
  instance: string;
  bridge: DefaultBridgeSetting;
  defaultAddressPools: readonly AddressPool[];
  /** Options of networks that do not say otherwise, by driver. */
  defaultNetworkOptions: DriverOptions;
  publishAddress: string;
  ipForward: boolean;
  ipMasquerade: boolean;
  userlandProxy: boolean;
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

  const states = createSandboxStates();
  const records = createSandboxRecords(recordDirectory);
  const view = await createSandboxView({ states, network: registry.byId, dns: settings });
  const sandboxes = createSandboxes({
    states,
    namespaces: layout.namespaces,
    records,
    firewall,
    publish: createPublisher(createPortAllocator(host.localPorts), {
      ipv6: host.ipv6,
      forward: settings.userlandProxy,
    }),
    dns: deps.createDns(createNameSource(states, registry.byId)),
    network: registry.byId,
    driver: driverOf,
    publishAddress: settings.publishAddress,
    resolver: view.resolver,
  });

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

  const membership = createMembership({
    ...{ registry, states, records, sandboxes, view, log },
    driver: driverOf,
    event: publishEvent,
    namespaces: layout.namespaces,
  });

  const recorded = [...(await records.list()).values()].flatMap((record) => record?.joined ?? []);
  await startNetworks({
    settings: { ...settings, pools },
    registry,
    drivers,
    inUse: ({ id }) => recorded.some(({ endpoint }) => endpoint.networkId === id),
    failed: (network, error) =>
      log.error({ err: error, network: network.name }, 'network cannot be restored'),
  });

  void warnOfForeignDrop(log);

  return {
    ...membership,

    async create(asked) {
      const request = withDefaultOptions(asked, settings.defaultNetworkOptions);
      const existing = { drivers, find: registry.find, subnets: registry.subnets, pools };
      checkRequest(request, existing);
      const routes = (await hostRoutes()).map(({ destination }) => destination);
      const network = planNetwork(request, { ...existing, routes });
      const driver = driverOf(network);
      registry.add(network);
      try {
        await registry.write(network);
        crashPoint('network:after-record');
        if (!network.configOnly) await driver.create(network);
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
      if (membership.endpointsOf(network.id).size > 0)
        throw new DaemonError(
          'forbidden',
          `error while removing network: network ${network.name} id ${network.id} has active endpoints`,
        );
      if (network.configOnly && registry.list().some(({ configFrom }) => configFrom === network.name))
        throw new DaemonError(
          'forbidden',
          `error while removing network: configuration network "${network.name}" is in use`,
        );
      const driver = driverOf(network);
      // The record first: the next start removes links without one, and would make those of a record again.
      await registry.erase(network.id);
      crashPoint('network:record-removed');
      try {
        await driver.delete(network);
      } catch (error) {
        registry.add(network);
        await registry.write(network);
        throw error;
      }
      if (!network.configOnly) publishEvent('destroy', network);
    },

    checkEndpoint: (network, request) => checkEndpoint({ network, name: network.name }, request),

    validate(request) {
      // A network that does not exist yet is dockerd's concern at start, not at create.
      const problems = Object.entries(request.endpoints).flatMap(([name, wishes]) => {
        try {
          checkEndpoint({ network: registry.find(wishes.NetworkID || name), name }, wishes);
          return [];
        } catch (error) {
          if (!(error instanceof DaemonError)) throw error;
          return [`invalid config for network ${name}: ${error.message}`];
        }
      });
      if (problems.length > 0) throw new DaemonError('invalid', joinProblems(problems));
      parsePorts(request);
    },

    async shutdown() {
      if (states.size > 0) {
        // Containers continue, and the next daemon needs their ports at once: only what this process holds goes.
        await Promise.all([...states.values()].map(sandboxes.letGo));
        firewall.letGo();
        return;
      }
      await firewall.close();
      await removeOwnLinks(settings.instance, new Set());
    },
  };
}
