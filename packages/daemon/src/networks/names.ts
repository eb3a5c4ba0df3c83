/**
 * Who is called what: the embedded DNS's view of the sandboxes.
 *
 * In: live sandboxes. Out: NameSource. May import: dns/types.
 */
import type { NameSource } from '../dns/types.js';
import type { SandboxState } from './sandbox-state.js';
import type { Network } from './types.js';

/** Only user-defined networks have names; the default bridge knows links in /etc/hosts instead. */
export const hasNames = (network: Network | undefined): boolean =>
  network !== undefined && !['bridge', 'host', 'none'].includes(network.name);

export function createNameSource(
  sandboxes: ReadonlyMap<string, SandboxState>,
  network: (id: string) => Network | undefined,
): NameSource {
  const onNetwork = function* (networkId: string) {
    for (const state of sandboxes.values())
      for (const { endpoint } of state.joined)
        if (endpoint.networkId === networkId) yield { state, endpoint };
  };

  /** A link of the asking container gives a name that it alone knows. */
  function linkTarget(links: readonly string[] | null | undefined, name: string): string {
    for (const link of links ?? []) {
      const [target, alias = target] = link.split(':');
      if (alias!.toLowerCase() === name) return target!.toLowerCase();
    }
    return name;
  }

  return {
    addresses(sandbox, asked, family) {
      for (const { endpoint: own } of sandboxes.get(sandbox)?.joined ?? []) {
        if (!hasNames(network(own.networkId))) continue;
        const name = linkTarget(own.request.Links, asked.toLowerCase());
        const found = [...onNetwork(own.networkId)].filter(
          ({ state, endpoint }) =>
            state.request.id === name || endpoint.dnsNames.some((known) => known.toLowerCase() === name),
        );
        if (found.length > 0)
          return found
            .map(({ endpoint }) => (family === 4 ? endpoint.address : endpoint.address6))
            .filter((address) => address !== '');
      }
      return undefined;
    },
    nameOf(sandbox, address) {
      for (const { endpoint: own } of sandboxes.get(sandbox)?.joined ?? []) {
        if (!hasNames(network(own.networkId))) continue;
        for (const { state, endpoint } of onNetwork(own.networkId))
          if (endpoint.address === address || endpoint.address6 === address)
            return `${state.request.name}.${own.networkName}`;
      }
      return undefined;
    },
  };
}
