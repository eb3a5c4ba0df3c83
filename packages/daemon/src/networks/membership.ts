/**
 * Containers that come to networks and leave them: plans, undoing, records, events; one change of a container at a time.
 *
 * In: requests of containers. Out: sandboxes. May import: records, endpoints, sandboxes.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DaemonError } from '../errors.js';
import type { Logger } from '../log.js';
import { namesOf, planEndpoint, releaseEndpoint } from './endpoints/endpoints.js';
import { hasNames } from './records/create.js';
import { optionNames } from './records/options.js';
import type { Registry } from './records/registry.js';
import type { Sandboxes } from './sandboxes/sandboxes.js';
import type { Joined, SandboxRecord, SandboxRecords, SandboxState } from './sandboxes/state.js';
import type { SandboxStates } from './sandboxes/states.js';
import type { SandboxView } from './sandboxes/view.js';
import type { Endpoint, EndpointRequest, Network, NetworkDriver, Networks, SandboxRequest } from './types.js';

export interface MembershipDeps {
  registry: Registry;
  states: SandboxStates;
  records: SandboxRecords;
  sandboxes: Sandboxes;
  view: SandboxView;
  driver(network: Network): NetworkDriver;
  event(action: string, network: Network, more: Record<string, string>): void;
  /** Directory of the namespaces. */
  namespaces: string;
  log: Logger;
}

export type Membership = Pick<
  Networks,
  'open' | 'find' | 'connect' | 'disconnect' | 'close' | 'rename' | 'relink' | 'reconcile' | 'endpointsOf'
>;

/** The name asked for, or eth0, eth1, …: the first one not in use. The network may have another word for `eth`. */
function interfaceNameFor(
  joined: readonly Joined[],
  { options }: Network,
  { DriverOpts }: EndpointRequest,
): string {
  const isUsed = (name: string): boolean => joined.some(({ interfaceName }) => interfaceName === name);
  const asked = DriverOpts?.[optionNames.endpointInterface];
  if (asked !== undefined) {
    if (isUsed(asked)) throw new DaemonError('conflict', `interface name ${asked} is already in use`);
    return asked;
  }
  const prefix = options[optionNames.interfacePrefix] || 'eth';
  for (let index = 0; ; index++) if (!isUsed(`${prefix}${index}`)) return `${prefix}${index}`;
}

export function createMembership(deps: MembershipDeps): Membership {
  const { registry, states, records, sandboxes, view, log } = deps;
  const byId = (id: string): Network | undefined => registry.byId(id);

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

  const isHostMode = (request: SandboxRequest): boolean =>
    Object.keys(request.endpoints).some((name) => registry.find(name)?.driver === 'host');

  function plan(request: SandboxRequest, network: Network, wishes: EndpointRequest): Endpoint {
    return planEndpoint({
      network,
      space: registry.addresses(network.id),
      container: request,
      request: wishes,
      attachment: request.attachment,
      addresses: deps.driver(network).addresses,
      ipv6: request.sysctls['net.ipv6.conf.all.disable_ipv6'] !== '1',
    });
  }

  const release = (state: SandboxState): void => {
    for (const { endpoint } of state.joined)
      if (byId(endpoint.networkId)) releaseEndpoint(registry.addresses(endpoint.networkId), endpoint);
  };

  const newState = (record: SandboxRecord): SandboxState => {
    const { request } = record;
    const inHost = isHostMode(request) || request.attachment === 'tap';
    const path = inHost ? '' : sandboxes.pathOf(request.id);
    return { ...record, path, gateways: {}, linked: [], dns: false };
  };

  const stateOf = (id: string): SandboxState => {
    const state = states.get(id);
    if (!state) throw new DaemonError('notFound', `sandbox ${id} not found`);
    return state;
  };

  async function closeState(state: SandboxState): Promise<void> {
    try {
      await sandboxes.close(state);
    } finally {
      states.remove(state.request.id);
      release(state);
    }
    for (const { endpoint } of state.joined) {
      const network = byId(endpoint.networkId);
      if (network) deps.event('disconnect', network, { container: state.request.id });
    }
  }

  function checkConnect(state: SandboxState, network: Network): void {
    if (isHostMode(state.request) || network.driver === 'host')
      throw new DaemonError(
        'invalid',
        'container cannot be disconnected from host network or connected to host network',
      );
    if (state.joined.some(({ endpoint }) => endpoint.networkId === network.id))
      throw new DaemonError(
        'forbidden',
        `endpoint with name ${state.request.name} already exists in network ${network.name}`,
      );
  }

  /** Its addresses again, before anybody else gets them. */
  function take(state: SandboxState): void {
    for (const { endpoint } of state.joined) {
      const space = registry.addresses(endpoint.networkId);
      if (endpoint.address) space.take(4, endpoint.address);
      if (endpoint.address6) space.take(6, endpoint.address6);
    }
  }

  return {
    endpointsOf(networkId) {
      const found = new Map<string, { name: string; endpoint: Endpoint }>();
      for (const { state, endpoint } of states.onNetwork(networkId))
        found.set(state.request.id, { name: state.request.name, endpoint });
      return found;
    },

    open: (request) =>
      inTurn(request.id, async () => {
        if (states.has(request.id)) throw new DaemonError('conflict', `sandbox ${request.id} already exists`);
        const state = newState({ request, joined: [], ports: {} });
        try {
          for (const [name, wishes] of Object.entries(request.endpoints)) {
            const network = registry.get(wishes.NetworkID || name);
            const interfaceName = interfaceNameFor(state.joined, network, wishes);
            states.setJoined(state, [
              ...state.joined,
              { interfaceName, endpoint: plan(request, network, wishes) },
            ]);
          }
        } catch (error) {
          release(state);
          throw error;
        }
        states.add(state);
        state.linked = view.linkedPorts(state);
        try {
          await view.refresh();
          await sandboxes.open(state);
        } catch (error) {
          await closeState(state).catch((err: unknown) => log.warn({ err }, 'undoing a sandbox failed'));
          throw error;
        }
        for (const { endpoint } of state.joined)
          deps.event('connect', registry.get(endpoint.networkId), { container: request.id });
        return view.describe(state);
      }),

    find: (id) => {
      const state = states.get(id);
      return state && view.describe(state);
    },

    connect: (id, name, request) =>
      inTurn(id, async () => {
        const state = stateOf(id);
        const network = registry.get(name);
        checkConnect(state, network);
        const joined: Joined = {
          interfaceName: interfaceNameFor(state.joined, network, request),
          endpoint: plan(state.request, network, request),
        };
        states.setJoined(state, [...state.joined, joined]);
        try {
          await sandboxes.join(state, joined);
        } catch (error) {
          await sandboxes
            .leave(state, joined)
            .catch((err: unknown) => log.warn({ err }, 'undoing a connect failed'));
          states.setJoined(
            state,
            state.joined.filter((each) => each !== joined),
          );
          releaseEndpoint(registry.addresses(network.id), joined.endpoint);
          throw error;
        }
        deps.event('connect', network, { container: id });
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
        deps.event('disconnect', network, { container: id });
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
        states.setJoined(
          state,
          state.joined.map((joined) => {
            const network = byId(joined.endpoint.networkId);
            const dnsNames = hasNames(network) ? namesOf(state.request, joined.endpoint.request) : [];
            return { ...joined, endpoint: { ...joined.endpoint, dnsNames } };
          }),
        );
        await records.write(state);
      }),

    relink: (id, links) =>
      inTurn(id, async () => {
        const state = states.get(id);
        if (!state) return;
        states.setJoined(
          state,
          state.joined.map((joined) => {
            const { endpoint } = joined;
            if (hasNames(byId(endpoint.networkId))) return joined;
            return {
              ...joined,
              endpoint: { ...endpoint, request: { ...endpoint.request, Links: [...links] } },
            };
          }),
        );
        await sandboxes.relink(state, view.linkedPorts(state));
      }),

    async reconcile(running) {
      const kept: SandboxState[] = [];
      for (const [id, record] of await records.list()) {
        if (!record) {
          await records.remove(id);
          continue;
        }
        const state = newState(record);
        states.setJoined(
          state,
          state.joined.filter(({ endpoint }) => byId(endpoint.networkId)),
        );
        if (!running.has(id))
          await sandboxes.close(state).catch((err: unknown) => log.warn({ err, id }, 'left-over sandbox'));
        else {
          states.add(state);
          kept.push(state);
        }
      }
      for (const state of kept)
        try {
          take(state);
          state.linked = view.linkedPorts(state);
          await sandboxes.adopt(state);
        } catch (err) {
          log.error({ err, id: state.request.id }, 'sandbox is not as recorded');
        }
      for (const name of await readdir(deps.namespaces))
        if (!states.has(name)) await sandboxes.removeNamespace(join(deps.namespaces, name));
    },
  };
}
