/**
 * Who is called what: the embedded DNS's view of the sandboxes.
 *
 * In: live sandboxes. Out: NameSource. May import: dns/types, records.
 */
import { readingsOf } from '../../dns/names.js';
import type { NameSource } from '../../dns/types.js';
import { hasNames } from '../records/create.js';
import type { Endpoint, Network } from '../types.js';
import type { SandboxState } from './state.js';

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

  /** Endpoints called `asked` on the first network of the sandbox that knows the name. */
  function endpointsCalled(sandbox: string, asked: string): Endpoint[] {
    for (const { name: part, network: wanted } of readingsOf(asked))
      for (const { endpoint: own } of sandboxes.get(sandbox)?.joined ?? []) {
        if (!hasNames(network(own.networkId))) continue;
        if (wanted !== undefined && wanted !== own.networkName.toLowerCase()) continue;
        const name = linkTarget(own.request.Links, part);
        const found = [...onNetwork(own.networkId)]
          .map(({ endpoint }) => endpoint)
          .filter(({ dnsNames }) => dnsNames.some((known) => known.toLowerCase() === name));
        if (found.length > 0) return found;
      }
    return [];
  }

  return {
    addresses(sandbox, asked, family) {
      const found = endpointsCalled(sandbox, asked);
      if (found.length === 0) return undefined;
      return found
        .map(({ address, address6 }) => (family === 4 ? address : address6))
        .filter((address) => address !== '');
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
