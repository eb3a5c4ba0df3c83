/**
 * What others see of a sandbox: its endpoints, /etc/hosts lines, /etc/resolv.conf; and what its links amount to.
 *
 * In: live sandboxes. Out: Sandbox. May import: dns/resolv-conf, records, publishing.
 */
import {
  buildResolvConf,
  type ContainerResolvConf,
  type ResolvConf,
  readHostResolvConf,
} from '../../dns/resolv-conf.js';
import type { AllowedPort } from '../firewall/ruleset.js';
import { parseContainerPort } from '../publishing/ports.js';
import { hasNames } from '../records/create.js';
import { bridgeSettings } from '../records/options.js';
import type { Endpoint, Network, Sandbox, SandboxRequest } from '../types.js';
import { isInHost, type SandboxState } from './state.js';
import type { SandboxStates } from './states.js';

export interface SandboxViewDeps {
  states: Pick<SandboxStates, 'get' | 'values'>;
  network(id: string): Network | undefined;
  /** The daemon's settings, for containers that have none of their own. */
  dns: { dns: readonly string[]; dnsSearch: readonly string[]; dnsOptions: readonly string[] };
}

export interface SandboxView {
  describe(state: SandboxState): Sandbox;
  linkedPorts(state: SandboxState): AllowedPort[];
  /** For the embedded DNS: where to forward. */
  resolver(request: SandboxRequest): ContainerResolvConf;
  /** Reads the host's resolver settings again. */
  refresh(): Promise<void>;
}

interface LinkTarget {
  alias: string;
  other: SandboxRequest;
  from: Endpoint;
  to: Endpoint;
}

export async function createSandboxView({
  states,
  network,
  dns: daemon,
}: SandboxViewDeps): Promise<SandboxView> {
  let host: ResolvConf = await readHostResolvConf();

  const dnsOf = ({ dns }: SandboxRequest): SandboxRequest['dns'] => ({
    servers: dns.servers.length > 0 ? dns.servers : daemon.dns,
    search: dns.search.length > 0 ? dns.search : daemon.dnsSearch,
    options: dns.options.length > 0 ? dns.options : daemon.dnsOptions,
  });

  /** In the host's namespace the host's servers answer, loopback ones too: they are kept as if asked for. */
  function dnsInHost(request: SandboxRequest): SandboxRequest['dns'] {
    const dns = dnsOf(request);
    return dns.servers.length > 0 ? dns : { ...dns, servers: host.servers };
  }

  const findState = (name: string): SandboxState | undefined =>
    states.get(name) ??
    [...states.values()].find(({ request }) => request.name === name.replace(/^\//, '')) ??
    [...states.values()].find(({ request }) => request.id.startsWith(name));

  /** Links on the default bridge, which has no names, to containers that run. */
  const linksOf = (state: SandboxState): LinkTarget[] =>
    state.joined.flatMap(({ endpoint: from }) => {
      if (hasNames(network(from.networkId))) return [];
      return (from.request.Links ?? []).flatMap((link) => {
        const [target = '', alias = target] = link.split(':');
        const other = findState(target);
        const to = other?.joined.find(({ endpoint }) => endpoint.networkId === from.networkId)?.endpoint;
        return other && to ? [{ alias, other: other.request, from, to }] : [];
      });
    });

  const ownLines = (state: SandboxState) =>
    state.joined.flatMap(({ endpoint }) =>
      [endpoint.address, endpoint.address6]
        .filter((address) => address !== '')
        .map((address) => ({ address, names: state.request.hostNames })),
    );

  const linkLines = (state: SandboxState) =>
    linksOf(state).map(({ alias, other, to }) => ({
      address: to.address,
      names: [...new Set([alias, ...other.hostNames, other.name])],
    }));

  return {
    describe(state) {
      const { request, joined, path, ports } = state;
      return {
        id: request.id,
        path,
        endpoints: Object.fromEntries(joined.map(({ endpoint }) => [endpoint.networkName, endpoint])),
        ports,
        hosts: [...linkLines(state), ...ownLines(state)],
        resolvConf: buildResolvConf(host, {
          embedded: joined.some(({ endpoint }) => hasNames(network(endpoint.networkId))),
          ipv6: joined.some(({ endpoint }) => endpoint.address6 !== ''),
          dns: isInHost(state) ? dnsInHost(request) : dnsOf(request),
        }).content,
      };
    },

    /** Exposed ports of linked containers, where containers do not talk to each other otherwise. */
    linkedPorts: (state) =>
      linksOf(state).flatMap(({ other, from, to }) => {
        const bridge = network(from.networkId);
        if (!bridge || bridgeSettings(bridge).icc) return [];
        return other.exposedPorts.map((key) => ({
          ...parseContainerPort(key),
          from: from.address,
          address: to.address,
        }));
      }),

    resolver: (request) => buildResolvConf(host, { embedded: true, ipv6: true, dns: dnsOf(request) }),
    async refresh() {
      host = await readHostResolvConf();
    },
  };
}
