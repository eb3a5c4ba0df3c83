/**
 * Images by name: `Images` of types.ts. Every change is one after the other; reads never wait.
 *
 * In: configs whose layers are in the graph, names. Out: records, events. May import: records, reference, removal,
 * layers, content, events.
 */
import { DaemonError } from '../../errors.js';
import type { EventSink } from '../../events/types.js';
import type { Layout } from '../../layout.js';
import type { Logger } from '../../log.js';
import { crashPoint } from '../../storage/crash-point.js';
import { fillReserve, withReserve } from '../../storage/reserve.js';
import { parseImageConfig } from '../documents/image-config.js';
import {
  familiarString,
  fullString,
  isDigest,
  parseReference,
  withDefaultTag,
} from '../documents/reference.js';
import { chainOf } from '../layers/chain-id.js';
import type {
  Content,
  Digest,
  Hold,
  Image,
  ImageConfig,
  Images,
  Layers,
  RemovedImage,
  RemoveOptions,
} from '../types.js';
import { openRecords } from './records.js';
import { planRemoval, type RemovalStep } from './removal.js';
import { bootId, createSettling, isWhole } from './settling.js';

export interface ImagesDependencies {
  layout: Layout;
  content: Content;
  layers: Layers;
  events: EventSink;
  log: Logger;
}

/** Digits of an ID that texts show (moby, stringid.TruncateID). */
const shortDigits = 12;
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, shortDigits);

interface Names {
  tags: string[];
  digests: string[];
}

const addName = (names: Names, full: string): void =>
  void names[full.includes('@') ? 'digests' : 'tags'].push(familiarString(parseReference(full)));

export async function createImages({
  layout,
  content,
  layers,
  events,
  log,
}: ImagesDependencies): Promise<Images> {
  const records = await openRecords(layout.images);
  const configs = new Map<Digest, ImageConfig>();
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };

  /** Familiar names of an image, in the order of the full ones. */
  const namesOf = (id: Digest): Names => {
    const names: Names = { tags: [], digests: [] };
    for (const full of [...records.references.keys()].sort())
      if (records.references.get(full) === id) addName(names, full);
    return names;
  };

  /** Chain IDs by configuration: an image is looked at often, its layers never change. */
  const chains = new WeakMap<ImageConfig, readonly Digest[]>();
  const chainOfConfig = (config: ImageConfig): readonly Digest[] => {
    const known = chains.get(config) ?? chainOf(config.rootfs.diff_ids);
    chains.set(config, known);
    return known;
  };

  const view = (id: Digest, names = namesOf(id)): Image => {
    const config = configs.get(id)!;
    const chain = chainOfConfig(config);
    const { parent, lastTagged } = records.images.get(id)!;
    return {
      id,
      config,
      chain,
      ...names,
      size: chain.reduce((sum, chainId) => sum + (layers.find(chainId)?.size ?? 0), 0),
      ...(lastTagged === undefined ? {} : { lastTagged }),
      ...(parent === undefined || !configs.has(parent) ? {} : { parent }),
    };
  };

  /** The only image whose ID begins with `digits`. */
  const byPrefix = (digits: string): Digest | undefined => {
    if (!/^[0-9a-f]+$/.test(digits)) return undefined;
    const found = [...configs.keys()].filter((id) => id.startsWith(`sha256:${digits}`));
    // Several: dockerd knows none of that name either.
    return found.length === 1 ? found[0] : undefined;
  };

  const resolve = (name: string): Digest | undefined => {
    if (isDigest(name)) return configs.has(name) ? name : undefined;
    if (/^[0-9a-f]{64}$/.test(name)) return byPrefix(name);
    if (/^sha256:[0-9a-f]+$/.test(name)) {
      const id = byPrefix(name.slice('sha256:'.length));
      if (id !== undefined) return id;
    }
    return records.references.get(fullString(withDefaultTag(parseReference(name)))) ?? byPrefix(name);
  };

  const missing = (name: string): DaemonError => {
    const shown =
      isDigest(name) || /^[0-9a-f]{64}$/.test(name)
        ? name
        : familiarString(withDefaultTag(parseReference(name)));
    return new DaemonError('notFound', `No such image: ${shown}`);
  };

  const publish = (action: string, id: Digest, name: string, config = configs.get(id)): void =>
    events.publish('image', action, { ID: id, Attributes: { ...config?.config?.Labels, name } });

  const childrenOf = (id: Digest): Digest[] =>
    [...records.images.values()].filter(({ parent }) => parent === id).map((record) => record.id);

  const needs = (chainId: Digest): boolean =>
    [...configs.values()].some((config) => chainOf(config.rootfs.diff_ids).includes(chainId));

  const tops = (): Set<Digest> =>
    new Set([...configs].flatMap(([, config]) => chainOf(config.rootfs.diff_ids).at(-1) ?? []));

  /** Layer holds of `hold` and of images being added. */
  const holdChain = (config: ImageConfig): (() => void) => {
    const top = chainOf(config.rootfs.diff_ids).at(-1);
    const held = top === undefined ? undefined : layers.hold(top);
    return () => held?.release();
  };

  /** With `sparing` whatever was taken into use since the steps were planned stays. */
  const apply = async (
    steps: readonly RemovalStep[],
    { sparing } = { sparing: false },
  ): Promise<{ removed: RemovedImage[]; bytes: number }> => {
    const removed: RemovedImage[] = [];
    let bytes = 0;
    for (const step of steps) {
      if (step.kind === 'untag') {
        const { reference } = step;
        await withReserve(layout.dataRoot, () =>
          records.putReferences((references) => references.delete(reference)),
        );
        removed.push({ Untagged: familiarString(parseReference(step.reference)) });
        publish('untag', step.id, step.id);
        continue;
      }
      if ((sparing || !step.asked) && (held.has(step.id) || childrenOf(step.id).length > 0)) continue;
      const config = configs.get(step.id)!;
      // At once: nobody can hold what is going.
      configs.delete(step.id);
      try {
        await records.removeImage(step.id);
      } catch (error) {
        configs.set(step.id, config);
        throw error;
      }
      publish('delete', step.id, step.id, config);
      await content.remove(step.id);
      crashPoint('image:content-removed');
      removed.push({ Deleted: step.id });
      for (const layer of await layers.collect(tops())) {
        removed.push({ Deleted: layer.chainId });
        bytes += layer.size;
      }
    }
    return { removed, bytes };
  };

  const held = new Map<Digest, number>();
  const hold = (id: Digest): Hold => {
    const config = configs.get(id);
    if (config === undefined) throw new DaemonError('notFound', `No such image: ${id}`);
    const release = holdChain(config);
    held.set(id, (held.get(id) ?? 0) + 1);
    return {
      release() {
        release();
        const others = held.get(id)! - 1;
        if (others > 0) held.set(id, others);
        else held.delete(id);
        // The image was removed meanwhile: nobody else will ask for its layers.
        if (!configs.has(id)) collectLater();
      },
    };
  };

  const removalState = (users: RemoveOptions['users']) => ({
    references: records.references,
    parentOf: (id: Digest) => records.images.get(id)?.parent,
    exists: (id: Digest) => records.images.has(id),
    childrenOf,
    users,
    isHeld: (id: Digest) => held.has(id),
  });

  const forgetMark = (ids: readonly Digest[]): Promise<void> =>
    inTurn(async () => {
      for (const id of ids) {
        const found = records.images.get(id);
        if (found?.unsettled === undefined) continue;
        const { unsettled: _, ...record } = found;
        await records.putImage(record);
      }
    });
  const boot = bootId();
  const settling = createSettling(layers, forgetMark, log);

  // What a crash left: references to nothing, records without content, content and layers without records.
  for (const { id, unsettled } of [...records.images.values()]) {
    const config = await content
      .read(id)
      .then((bytes) => (bytes === undefined ? undefined : parseImageConfig(bytes)))
      .catch(() => undefined);
    const chain = config === undefined ? [] : chainOf(config.rootfs.diff_ids);
    const lost =
      config === undefined ||
      chain.some((chainId) => layers.find(chainId) === undefined) ||
      (unsettled !== undefined && unsettled !== boot && !(await isWhole(layers, chain)));
    if (!lost) configs.set(id, config);
    else {
      log.warn({ image: id }, 'image is incomplete, its record is removed');
      await records.removeImage(id);
    }
  }
  const marked = [...records.images.values()].filter(({ unsettled }) => unsettled !== undefined);
  if (marked.length > 0) {
    await layers.settle();
    await forgetMark(marked.map(({ id }) => id));
  }
  const dangling = [...records.references].filter(([, id]) => !configs.has(id));
  if (dangling.length > 0)
    await records.putReferences((references) => {
      for (const [full] of dangling) references.delete(full);
    });
  await layers.collect(tops());
  await fillReserve(layout.dataRoot);
  const named = [...records.references.keys()].flatMap((full) => parseReference(full).digest ?? []);
  await content.keepOnly(new Set([...configs.keys(), ...named]));

  const collectLater = (): void => {
    inTurn(() => layers.collect(tops())).catch((error) => log.error({ error }, 'collecting layers'));
  };
  layers.onRootRemoved((top) => {
    // The image was removed by force while its container was there.
    if (!needs(top)) collectLater();
  });

  return {
    find: (name) => {
      // The image of a container made from scratch.
      if (name === '') return undefined;
      const id = resolve(name);
      return id === undefined ? undefined : view(id);
    },
    get(name) {
      const id = resolve(name);
      if (id === undefined) throw missing(name);
      return view(id);
    },
    list() {
      const names = new Map<Digest, Names>();
      for (const [full, id] of [...records.references].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const entry = names.get(id) ?? { tags: [], digests: [] };
        names.set(id, entry);
        addName(entry, full);
      }
      return [...configs.keys()].map((id) => view(id, names.get(id) ?? { tags: [], digests: [] }));
    },
    children(parent) {
      const found = [...records.images.values()].filter(
        (record) => record.parent === parent && configs.has(record.id),
      );
      return found.map(({ id }) => view(id));
    },
    hold,
    async add(document, options) {
      const bytes = options.configBytes ?? Buffer.from(JSON.stringify(document));
      const config = parseImageConfig(bytes);
      const chain = chainOf(config.rootfs.diff_ids);
      const absent = chain.find((chainId) => layers.find(chainId) === undefined);
      if (absent !== undefined) throw new DaemonError('notFound', `layer does not exist: ${absent}`);
      const release = holdChain(config);
      try {
        const written = content.write(bytes);
        if (options.durable) await layers.settle(chain);
        const id = await written;
        crashPoint('image:before-record');
        return await inTurn(async () => {
          const known = records.images.get(id);
          const parent = options.parent ?? known?.parent;
          if (known === undefined || known.parent !== parent)
            await records.putImage({
              ...known,
              id,
              ...(parent === undefined ? {} : { parent }),
              ...(known !== undefined || options.durable ? {} : { unsettled: boot }),
            });
          crashPoint('image:after-record');
          configs.set(id, config);
          options.holds.push(hold(id));
          layers.adopt(chain);
          if (!options.durable) settling.later({ id, chain });
          return view(id);
        });
      } finally {
        release();
      }
    },
    tag: (id, name, { quiet } = { quiet: false }) =>
      inTurn(async () => {
        const reference = parseReference(name);
        if (reference.digest !== undefined)
          throw new DaemonError('invalid', 'refusing to create a tag with a digest reference');
        if (!configs.has(id)) throw new DaemonError('notFound', `No such image: ${id}`);
        const full = withDefaultTag(reference);
        await records.putReferences((references) => references.set(fullString(full), id));
        await records.putImage({ ...records.images.get(id)!, lastTagged: new Date().toISOString() });
        if (!quiet) publish('tag', id, familiarString(full));
      }),
    addDigest: (id, repository, digest) =>
      inTurn(async () => {
        if (!configs.has(id)) throw new DaemonError('notFound', `No such image: ${id}`);
        const full = fullString(parseReference(`${repository}@${digest}`));
        if (records.references.get(full) !== id)
          await records.putReferences((references) => references.set(full, id));
      }),
    abandon: (chain) =>
      inTurn(async () => {
        layers.adopt(chain);
        await layers.collect(tops());
      }),
    remove: (name, options) =>
      inTurn(async () => {
        const id = resolve(name);
        if (id === undefined) throw missing(name);
        const steps = planRemoval(removalState(options.users), name, id, options);
        return (await apply(steps)).removed;
      }),
    prune: ({ all, keep }) =>
      inTurn(async () => {
        const total = { removed: [] as RemovedImage[], bytes: 0 };
        for (const id of [...configs.keys()]) {
          if (!configs.has(id) || held.has(id)) continue;
          const image = view(id);
          const names = [...image.tags, ...image.digests];
          if (names.length === 0 && childrenOf(id).length > 0) continue;
          if ((!all && image.tags.length > 0) || keep(image)) continue;
          for (const name of names.length > 0 ? names : [id]) {
            if (!configs.has(id)) break;
            const steps = planRemoval(
              removalState(() => []),
              name,
              id,
              { force: false, pruneParents: true },
            );
            const { removed, bytes } = await apply(steps, { sparing: true });
            total.removed.push(...removed);
            total.bytes += bytes;
          }
        }
        return total;
      }),
  };
}
