/**
 * The live sandboxes: by container ID; and their endpoints by network, by name and by address, so that a question of
 * the embedded DNS costs the same however many containers run.
 *
 * In: sandboxes that come, change their endpoints, go. Out: those that match. May import: addresses, state.
 */
import { formatAddress, parseAddress } from '../addresses/addresses.js';
import type { Endpoint } from '../types.js';
import type { Joined, SandboxState } from './state.js';

export interface SandboxStates {
  readonly size: number;
  has(id: string): boolean;
  get(id: string): SandboxState | undefined;
  values(): Iterable<SandboxState>;
  add(state: SandboxState): void;
  remove(id: string): void;
  /** The only way to change the endpoints of a sandbox, added or not. */
  setJoined(state: SandboxState, joined: readonly Joined[]): void;
  /** In the order of joining. */
  onNetwork(networkId: string): Iterable<{ state: SandboxState; endpoint: Endpoint }>;
  /** Endpoints that have the name, in any case, on the network; in the order of joining. */
  called(networkId: string, name: string): readonly Endpoint[];
  /** The sandbox that has the address on the network; IPv6 in any way of writing. */
  at(networkId: string, address: string): SandboxState | undefined;
}

interface NetworkIndex {
  members: Map<Endpoint, SandboxState>;
  /** By name in lower case; never empty. */
  names: Map<string, Endpoint[]>;
  addresses: Map<string, Endpoint>;
}

const addressesOf = ({ address, address6 }: Endpoint): string[] =>
  [address, address6].filter((each) => each !== '');

const namesOf = ({ dnsNames }: Endpoint): Set<string> => new Set(dnsNames.map((name) => name.toLowerCase()));

/** As addresses are recorded: IPv6 has many ways of writing. */
function canonical(text: string): string {
  const address = text.includes(':') ? parseAddress(text) : undefined;
  return address ? formatAddress(address) : text;
}

export function createSandboxStates(): SandboxStates {
  const states = new Map<string, SandboxState>();
  const networks = new Map<string, NetworkIndex>();

  function insert(state: SandboxState, endpoint: Endpoint): void {
    let index = networks.get(endpoint.networkId);
    if (!index) {
      index = { members: new Map(), names: new Map(), addresses: new Map() };
      networks.set(endpoint.networkId, index);
    }
    index.members.set(endpoint, state);
    for (const name of namesOf(endpoint)) {
      const called = index.names.get(name);
      if (called) called.push(endpoint);
      else index.names.set(name, [endpoint]);
    }
    for (const address of addressesOf(endpoint)) index.addresses.set(address, endpoint);
  }

  function withdraw(endpoint: Endpoint): void {
    const index = networks.get(endpoint.networkId);
    if (!index?.members.delete(endpoint)) return;
    for (const name of namesOf(endpoint)) {
      const others = index.names.get(name)!.filter((called) => called !== endpoint);
      if (others.length > 0) index.names.set(name, others);
      else index.names.delete(name);
    }
    for (const address of addressesOf(endpoint))
      if (index.addresses.get(address) === endpoint) index.addresses.delete(address);
    if (index.members.size === 0) networks.delete(endpoint.networkId);
  }

  return {
    get size() {
      return states.size;
    },
    has: (id) => states.has(id),
    get: (id) => states.get(id),
    values: () => states.values(),

    add(state) {
      states.set(state.request.id, state);
      for (const { endpoint } of state.joined) insert(state, endpoint);
    },

    remove(id) {
      const state = states.get(id);
      if (!state) return;
      states.delete(id);
      for (const { endpoint } of state.joined) withdraw(endpoint);
    },

    setJoined(state, joined) {
      if (states.get(state.request.id) === state) {
        const kept = new Set(joined.map(({ endpoint }) => endpoint));
        const before = new Set(state.joined.map(({ endpoint }) => endpoint));
        for (const endpoint of before) if (!kept.has(endpoint)) withdraw(endpoint);
        for (const endpoint of kept) if (!before.has(endpoint)) insert(state, endpoint);
      }
      (state as { joined: readonly Joined[] }).joined = joined;
    },

    *onNetwork(networkId) {
      for (const [endpoint, state] of networks.get(networkId)?.members ?? []) yield { state, endpoint };
    },

    called: (networkId, name) => networks.get(networkId)?.names.get(name.toLowerCase()) ?? [],

    at(networkId, address) {
      const index = networks.get(networkId);
      const endpoint = index?.addresses.get(canonical(address));
      return endpoint && index?.members.get(endpoint);
    },
  };
}
