/**
 * All containers in memory, by ID, prefix and name.
 *
 * In: containers. Out: look-ups with Docker's errors. May import: container types, errors.
 */
import { DaemonError } from '../../errors.js';
import type { Container } from '../types.js';

export interface Registry {
  add(container: Container): void;
  remove(id: string): void;
  /** ID, name (with or without slash) or `<container>/<alias>` of a link, unique prefix of an ID; throws notFound or, for several, invalid. */
  get(name: string): Container;
  find(name: string): Container | undefined;
  byId(id: string): Container | undefined;
  list(): Container[];
  /** Takes a name for `id` until `release`; throws conflict with the owner's ID. */
  reserve(name: string, id: string): void;
  release(name: string): void;
  taken(name: string): boolean;
}

const prefixPattern = /^[0-9a-f]{1,64}$/;

export function createRegistry(): Registry {
  const containers = new Map<string, Container>();
  const names = new Map<string, string>();

  /** The container that `<container>/<alias>` means. */
  function linked(name: string): string | undefined {
    const at = name.lastIndexOf('/');
    const parent = at > 0 ? names.get(name.slice(0, at)) : undefined;
    const links = parent === undefined ? undefined : containers.get(parent)?.links;
    return links?.find(({ alias }) => alias === name.slice(at + 1))?.id;
  }

  function find(name: string): Container | undefined {
    const exact = containers.get(name);
    if (exact !== undefined) return exact;
    const plain = name.startsWith('/') ? name.slice(1) : name;
    const owner = names.get(plain) ?? linked(plain);
    if (owner !== undefined) return containers.get(owner);
    if (!prefixPattern.test(name)) return undefined;
    let found: Container | undefined;
    for (const container of containers.values())
      if (container.id.startsWith(name)) {
        if (found !== undefined)
          throw new DaemonError('invalid', `multiple IDs found with provided prefix: ${name}`);
        found = container;
      }
    return found;
  }

  return {
    add: (container) => {
      containers.set(container.id, container);
      names.set(container.name, container.id);
    },
    remove(id) {
      const container = containers.get(id);
      if (container === undefined) return;
      containers.delete(id);
      if (names.get(container.name) === id) names.delete(container.name);
    },
    get(name) {
      if (name === '') throw new DaemonError('invalid', 'invalid name or ID supplied: ""');
      const found = find(name);
      if (found === undefined) throw new DaemonError('notFound', `No such container: ${name}`);
      return found;
    },
    find,
    byId: (id) => containers.get(id),
    list: () => [...containers.values()],
    reserve(name, id) {
      const owner = names.get(name);
      if (owner !== undefined && owner !== id)
        throw new DaemonError(
          'conflict',
          `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
        );
      names.set(name, id);
    },
    release: (name) => void names.delete(name),
    taken: (name) => names.has(name),
  };
}
