/**
 * The networks on record: found by ID, prefix or name; written before anything exists, removed before it goes.
 *
 * In: records. Out: `networks/<id>.json`. May import: storage, ipam.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DaemonError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { readJson, writeJson } from '../../storage/atomic-file.js';
import { type Prefix, parsePrefix } from '../addresses/addresses.js';
import { type AddressSpace, createAddressSpace } from '../addresses/ipam.js';
import type { Network } from '../types.js';

export interface Registry {
  get(name: string): Network;
  find(name: string): Network | undefined;
  byId(id: string): Network | undefined;
  list(): readonly Network[];
  addresses(id: string): AddressSpace;
  /** Subnets of all networks. */
  subnets(): Prefix[];
  /** In memory at once, so that nobody else takes the name or the subnet. */
  add(network: Network): void;
  write(network: Network): Promise<void>;
  /** Out of sight at once. */
  erase(id: string): Promise<void>;
}

export async function openRegistry(directory: string, log: Logger): Promise<Registry> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const networks = new Map<string, Network>();
  const spaces = new Map<string, AddressSpace>();
  const fileOf = (id: string): string => join(directory, `${id}.json`);

  function add(network: Network): void {
    networks.set(network.id, network);
    spaces.set(network.id, createAddressSpace(network, network.ipam.Config));
  }

  for (const name of await readdir(directory)) {
    if (!name.endsWith('.json')) {
      await rm(join(directory, name), { recursive: true, force: true });
      continue;
    }
    try {
      const network = await readJson<Network>(join(directory, name));
      if (network) add(network);
    } catch (error) {
      log.error({ err: error, file: name }, 'unreadable network record');
    }
  }

  function find(name: string): Network | undefined {
    const exact = networks.get(name) ?? [...networks.values()].find((network) => network.name === name);
    if (exact) return exact;
    const byPrefix = /^[0-9a-f]+$/.test(name)
      ? [...networks.values()].filter(({ id }) => id.startsWith(name))
      : [];
    if (byPrefix.length > 1)
      throw new DaemonError(
        'invalid',
        `network ${name} is ambiguous (${byPrefix.length} matches found on ID prefix)`,
      );
    return byPrefix[0];
  }

  return {
    find,
    get(name) {
      const network = find(name);
      if (!network) throw new DaemonError('notFound', `network ${name} not found`);
      return network;
    },
    byId: (id) => networks.get(id),
    list: () => [...networks.values()],
    addresses: (id) => spaces.get(id)!,
    subnets: () =>
      [...networks.values()].flatMap(({ ipam, configOnly }) =>
        (configOnly ? [] : ipam.Config).flatMap(({ Subnet = '' }) => parsePrefix(Subnet) ?? []),
      ),
    add,
    write: (network) => writeJson(fileOf(network.id), network),
    async erase(id) {
      networks.delete(id);
      spaces.delete(id);
      await rm(fileOf(id), { force: true });
    },
  };
}
