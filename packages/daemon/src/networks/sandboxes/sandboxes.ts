/**
 * Sandboxes: a container's namespace with its interfaces, addresses, routes, published ports and resolver.
 *
 * In: endpoints that were planned (endpoints.ts). Out: the kernel's state, all of it or none. May import: drivers'
 * interface, rtnetlink, publish, dns/types.
 */
import { rm } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { createNetworkNamespace, unmount, unmountFlags, writeSysctlInNamespace } from '@noos/linux';
import type { ContainerResolvConf } from '../../dns/resolv-conf.js';
import type { EmbeddedDns } from '../../dns/types.js';
import { DaemonError, errnoOf } from '../../errors.js';
import type { Message } from '../../linux/netlink.js';
import { endpointSysctls } from '../endpoints/endpoints.js';
import { type GatewayCandidate, gatewayFor } from '../endpoints/gateway.js';
import type { Firewall } from '../firewall/firewall.js';
import { indicesOf, newAddress, replaceDefaultRoute, sendRoute, setUp } from '../netlink/rtnetlink.js';
import { parsePorts } from '../publishing/ports.js';
import type { Publisher } from '../publishing/publish.js';
import { hasNames } from '../records/create.js';
import { bridgeSettings } from '../records/options.js';
import type { Endpoint, Network, NetworkDriver, SandboxRequest } from '../types.js';
import { announce } from './announce.js';
import { isInHost, type Joined, type SandboxRecords, type SandboxState } from './state.js';
import type { SandboxStates } from './states.js';

export interface SandboxDeps {
  states: Pick<SandboxStates, 'setJoined'>;
  namespaces: string;
  records: SandboxRecords;
  firewall: Firewall;
  publish: Publisher;
  dns: EmbeddedDns;
  network(id: string): Network | undefined;
  driver(network: Network): NetworkDriver;
  /** Host address of published ports that name none. */
  publishAddress: string;
  resolver(request: SandboxRequest): Pick<ContainerResolvConf, 'servers' | 'ndots'>;
}

/** Settles all, then throws what failed first: nothing continues in the background when the caller undoes. */
async function all(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Addresses first, then up: the gratuitous ARP of an interface that comes up tells them. */
function interfaceMessages(
  index: number,
  { address, prefixLength, address6, prefixLength6, request }: Endpoint,
): Message[] {
  return [
    ...(address ? [newAddress(index, address, prefixLength)] : []),
    ...(address6 ? [newAddress(index, address6, prefixLength6)] : []),
    // RFC 3927 §2.8, RFC 4291 §2.5.6: the prefixes of link-local addresses.
    ...(request.IPAMConfig?.LinkLocalIPs ?? []).map((own) => newAddress(index, own, isIPv6(own) ? 64 : 16)),
    setUp(index),
  ];
}

export function createSandboxes(deps: SandboxDeps) {
  const pathOf = (id: string): string => join(deps.namespaces, id);

  const candidates = (state: SandboxState): GatewayCandidate[] =>
    state.joined.map((joined) => ({
      ...joined,
      external: deps.network(joined.endpoint.networkId)?.internal === false,
    }));

  async function makeNamespace(path: string): Promise<void> {
    await createNetworkNamespace(path);
    await Promise.all([
      // Interfaces of IPv4-only networks must not configure themselves; those with an address are switched on below.
      writeSysctlInNamespace(path, 'net/ipv6/conf/default/disable_ipv6', '1').catch(ignoreMissing),
      // Addresses are announced: neighbours forget who had them before (announce.ts).
      writeSysctlInNamespace(path, 'net/ipv4/conf/default/arp_notify', '1'),
      writeSysctlInNamespace(path, 'net/ipv6/conf/default/ndisc_notify', '1').catch(ignoreMissing),
      // Neighbours are containers, not routers.
      writeSysctlInNamespace(path, 'net/ipv4/conf/default/accept_redirects', '0'),
      writeSysctlInNamespace(path, 'net/ipv6/conf/default/accept_redirects', '0').catch(ignoreMissing),
    ]);
  }

  async function applySysctls(state: SandboxState, joined: readonly Joined[]): Promise<void> {
    for (const { endpoint, interfaceName } of joined)
      if (endpoint.address6 || endpoint.request.IPAMConfig?.LinkLocalIPs?.some(isIPv6)) {
        // The route of a bridge's network is given; on a macvlan's cable the real routers advertise.
        if (deps.network(endpoint.networkId)?.driver === 'bridge')
          await writeSysctlInNamespace(state.path, `net/ipv6/conf/${interfaceName}/accept_ra`, '0');
        await writeSysctlInNamespace(state.path, `net/ipv6/conf/${interfaceName}/disable_ipv6`, '0');
      }
    for (const { endpoint, interfaceName } of joined)
      for (const { path, value } of endpointSysctls(endpoint.request, interfaceName))
        await writeSysctlInNamespace(state.path, path, value);
    for (const [name, value] of Object.entries(state.request.sysctls))
      await writeSysctlInNamespace(state.path, name.replaceAll('.', '/'), value);
  }

  const partsOf = (state: SandboxState, joined: Joined) => {
    const network = deps.network(joined.endpoint.networkId)!;
    const attachment = state.request.attachment;
    const sandbox = { id: state.request.id, path: state.path };
    return { network, driver: deps.driver(network), request: { sandbox, attachment, ...joined } };
  };

  /** Interfaces into the namespace, then addresses and routes. */
  async function plug(state: SandboxState, joined: readonly Joined[]): Promise<void> {
    await all(
      joined.map((each) => {
        const { network, driver, request } = partsOf(state, each);
        return driver.join(network, request);
      }),
    );
    if (!isInHost(state)) await configure(state, joined);
  }

  async function configure(state: SandboxState, joined: readonly Joined[]): Promise<void> {
    await applySysctls(state, joined);
    // The network `none` has no interface.
    const linked = joined.filter(({ endpoint }) => endpoint.macAddress !== '');
    if (linked.length === 0) return;
    const indices = await indicesOf(
      state.path,
      linked.map(({ interfaceName }) => interfaceName),
    );
    await sendRoute(
      state.path,
      linked.flatMap(({ endpoint }, at) => interfaceMessages(indices[at]!, endpoint)),
    );
    await updateRoutes(state);
    announce(state.path, joined);
  }

  /** Default routes that are not as they should be. */
  async function updateRoutes(state: SandboxState): Promise<void> {
    const changed: { family: 4 | 6; wanted: GatewayCandidate }[] = [];
    for (const family of [4, 6] as const) {
      const wanted = gatewayFor(family, candidates(state));
      if (wanted && wanted.endpoint.endpointId !== state.gateways[family]) changed.push({ family, wanted });
      if (wanted) state.gateways[family] = wanted.endpoint.endpointId;
      else delete state.gateways[family];
    }
    if (changed.length === 0) return;
    const indices = await indicesOf(
      state.path,
      changed.map(({ wanted }) => wanted.interfaceName),
    );
    await sendRoute(
      state.path,
      changed.map(({ family, wanted: { endpoint } }, at) =>
        replaceDefaultRoute(indices[at]!, family === 4 ? endpoint.gateway : endpoint.ipv6Gateway),
      ),
    );
  }

  /** Ports go to the endpoint that has the default route of their family, when it is on a bridge. */
  function portTargets(state: SandboxState) {
    const external = candidates(state);
    const onBridge = (family: 4 | 6) => {
      const chosen = gatewayFor(family, external);
      const network = chosen && deps.network(chosen.endpoint.networkId);
      return network?.driver === 'bridge' ? { endpoint: chosen!.endpoint, network } : undefined;
    };
    const [four, six] = [onBridge(4), onBridge(6)];
    // A container whose IPv4 leaves by another driver publishes nothing.
    return gatewayFor(4, external) && !four ? {} : { four, six };
  }

  const portTargetIds = (state: SandboxState): string => {
    const { four, six } = portTargets(state);
    return `${four?.endpoint.endpointId} ${six?.endpoint.endpointId}`;
  };

  async function publishPorts(state: SandboxState): Promise<void> {
    const { request } = state;
    const external = candidates(state);
    const { four, six } = portTargets(state);
    const chosen = four ?? six;
    if (!chosen) {
      const bridged = external.some(
        ({ endpoint, external: outward }) => outward && deps.network(endpoint.networkId)?.driver === 'bridge',
      );
      state.ports = bridged ? Object.fromEntries(request.exposedPorts.map((key) => [key, null])) : {};
      return;
    }
    const { bindingAddress } = bridgeSettings(chosen.network);
    const recorded = Object.values(state.ports).some((bindings) =>
      bindings?.some(({ HostPort }) => HostPort),
    );
    const source = recorded ? { ports: state.ports, exposedPorts: [], publishAll: false } : request;
    const { endpoint } = chosen;
    try {
      const publication = await deps.publish(
        parsePorts(source, bindingAddress || deps.publishAddress),
        request.exposedPorts,
        {
          address: four?.endpoint.address ?? '',
          address6: six?.endpoint.address6 ?? '',
          routed4: four !== undefined && bridgeSettings(four.network).mode4 === 'routed',
          routed6: six !== undefined && bridgeSettings(six.network).mode6 === 'routed',
        },
      );
      state.publication = publication;
      state.ports = publication.map;
      await deps.firewall.addPorts(publication.rules);
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      throw new DaemonError(
        error.kind,
        `driver failed programming external connectivity on endpoint ${request.name} (${endpoint.endpointId}): ${error.message}`,
        { cause: error },
      );
    }
  }

  async function unpublishPorts(state: SandboxState): Promise<void> {
    const publication = state.publication;
    delete state.publication;
    if (publication) await all([deps.firewall.removePorts(publication.rules), publication.close()]);
  }

  /** Resolver on when a user-defined network is joined, off when none is. */
  async function updateDns(state: SandboxState): Promise<void> {
    const wanted =
      !isInHost(state) && state.joined.some(({ endpoint }) => hasNames(deps.network(endpoint.networkId)));
    const { id } = state.request;
    if (!wanted) {
      if (state.dns) await deps.dns.close(id);
      state.dns = false;
      return;
    }
    state.dns = true;
    const { servers, ndots } = deps.resolver(state.request);
    const forward = candidates(state).some(({ external }) => external);
    await deps.dns.open({ sandbox: id, path: state.path, servers, ndots, forward });
  }

  async function removeNamespace(path: string): Promise<void> {
    // A bind mount, or (after a crash in between) a plain file.
    await unmount(path, unmountFlags.detach).catch((error: unknown) => {
      if (!['EINVAL', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
    });
    await rm(path, { force: true });
  }

  async function close(state: SandboxState): Promise<void> {
    const taps = state.request.attachment === 'tap' ? state.joined : [];
    await all([
      unpublishPorts(state),
      deps.firewall.removePorts({ ports: [], allowed: state.linked }),
      (async () => {
        if (state.dns) await deps.dns.close(state.request.id);
        if (!isInHost(state)) await removeNamespace(state.path);
      })(),
      ...taps.map((joined) => {
        const { network, driver, request } = partsOf(state, joined);
        return driver.leave(network, request);
      }),
    ]);
    await deps.records.remove(state.request.id);
  }

  return {
    pathOf,
    close,
    removeNamespace,

    /** What this process holds of it; the container keeps what the kernel has. */
    async letGo(state: SandboxState): Promise<void> {
      await all([
        state.publication?.close() ?? Promise.resolve(),
        state.dns ? deps.dns.close(state.request.id) : Promise.resolve(),
      ]);
    },

    /** Everything of a planned sandbox; on failure the caller closes it. */
    async open(state: SandboxState): Promise<void> {
      await all([
        deps.records.write(state),
        publishPorts(state),
        deps.firewall.addPorts({ ports: [], allowed: state.linked }),
        (async () => {
          if (!isInHost(state)) await makeNamespace(state.path);
          await plug(state, state.joined);
          await updateDns(state);
        })(),
      ]);
      // Once more with the ports chosen, for the next daemon.
      if (state.publication) await deps.records.write(state);
    },

    /** One more endpoint, already in `state.joined`; on failure the caller leaves it. */
    async join(state: SandboxState, joined: Joined): Promise<void> {
      const before = portTargetIds({ ...state, joined: state.joined.filter((each) => each !== joined) });
      await deps.records.write(state);
      await plug(state, [joined]);
      await republish(state, before);
      await updateDns(state);
    },

    /** One endpoint less; it is still in `state.joined` and is taken out here. */
    async leave(state: SandboxState, joined: Joined): Promise<void> {
      const { network, driver, request } = partsOf(state, joined);
      const before = portTargetIds(state);
      await driver.leave(network, request);
      deps.states.setJoined(
        state,
        state.joined.filter((each) => each !== joined),
      );
      for (const family of [4, 6] as const)
        if (state.gateways[family] === joined.endpoint.endpointId) delete state.gateways[family];
      if (!isInHost(state)) await updateRoutes(state);
      await republish(state, before);
      await updateDns(state);
      await deps.records.write(state);
    },

    /** Other links, or other places they lead to. */
    async relink(state: SandboxState, linked: SandboxState['linked']): Promise<void> {
      const before = state.linked;
      state.linked = linked;
      await deps.records.write(state);
      await deps.firewall.removePorts({ ports: [], allowed: before });
      await deps.firewall.addPorts({ ports: [], allowed: linked });
    },

    /** After a restart of the daemon: links as recorded, and what lived in the process that ended. */
    async adopt(state: SandboxState): Promise<void> {
      for (const family of [4, 6] as const) {
        const gateway = gatewayFor(family, candidates(state));
        if (gateway) state.gateways[family] = gateway.endpoint.endpointId;
      }
      const bare: Joined[] = [];
      for (const joined of state.joined) {
        const { network, driver, request } = partsOf(state, joined);
        if (await driver.rejoin?.(network, request)) bare.push(joined);
      }
      if (bare.length > 0 && !isInHost(state)) {
        state.gateways = {};
        await configure(state, bare);
      }
      await all([
        publishPorts(state),
        deps.firewall.addPorts({ ports: [], allowed: state.linked }),
        updateDns(state),
      ]);
    },
  };

  /** The ports follow the default route. */
  async function republish(state: SandboxState, before: string): Promise<void> {
    if (portTargetIds(state) === before) return;
    await unpublishPorts(state);
    await publishPorts(state);
    await deps.records.write(state);
  }
}

const ignoreMissing = (error: unknown): void => {
  // A kernel without IPv6 has no such switch.
  if (errnoOf(error) !== 'ENOENT') throw error;
};

export type Sandboxes = ReturnType<typeof createSandboxes>;
