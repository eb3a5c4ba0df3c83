/**
 * Who is called what: the embedded DNS's view of the sandboxes.
 *
 * In: live sandboxes. Out: NameSource. May import: dns/types, records, states.
 */
import { readingsOf } from '../../dns/names.js';
import type { NameSource } from '../../dns/types.js';
import { hasNames } from '../records/create.js';
import type { Endpoint, Network } from '../types.js';
import type { SandboxStates } from './states.js';

/** A link of the asking container gives a name that it alone knows. */
function linkTarget(links: readonly string[] | null | undefined, name: string): string {
  for (const link of links ?? []) {
    const [target, alias = target] = link.split(':');
    if (alias!.toLowerCase() === name) return target!;
  }
  return name;
}

export function createNameSource(
  sandboxes: Pick<SandboxStates, 'get' | 'called' | 'at'>,
  network: (id: string) => Network | undefined,
): NameSource {
  /** Endpoints called `asked` on the first network of the sandbox that knows the name. */
  function endpointsCalled(sandbox: string, asked: string): readonly Endpoint[] {
    for (const { name, network: wanted } of readingsOf(asked))
      for (const { endpoint: own } of sandboxes.get(sandbox)?.joined ?? []) {
        if (!hasNames(network(own.networkId))) continue;
        if (wanted !== undefined && wanted !== own.networkName.toLowerCase()) continue;
        const found = sandboxes.called(own.networkId, linkTarget(own.request.Links, name));
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
        const host = sandboxes.at(own.networkId, address);
        if (host) return `${host.request.name}.${own.networkName}`;
      }
      return undefined;
    },
  };
}
