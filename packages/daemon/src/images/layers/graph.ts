/**
 * Layers on disk by chain ID: `<short>/{layer.json, diff, stream.gz, displaced}`. Short names, because mount(2) takes
 * one page of options and an image may have 128 layers.
 *
 * In: directories that were unpacked below the temporary directory. Out: layers, their paths. May import: prepare,
 * chain-id, storage.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DaemonError, errnoOf } from '../../errors.js';
import { crashPoint } from '../../storage/crash-point.js';
import type { Digest, Layer } from '../types.js';
import { chainIdOn } from './chain-id.js';
import { differenceName, streamName, type Unpacked } from './prepare.js';
import type { Displaced } from './stream-record.js';

export interface StoredLayer extends Layer {
  readonly displaced: readonly Displaced[];
}

export interface Graph {
  /** Directory that the relative paths of a mount start from. */
  readonly directory: string;
  find(chainId: Digest): StoredLayer | undefined;
  list(): readonly StoredLayer[];
  /** The layer and those below it, topmost first. Throws DaemonError when one is missing. */
  stack(top: Digest | undefined): StoredLayer[];
  /** Name of the layer's directory. */
  nameOf(chainId: Digest): string;
  differenceOf(chainId: Digest): string;
  streamOf(chainId: Digest): string;
  insert(prepared: string, unpacked: Unpacked, parent: Digest | undefined): Promise<StoredLayer>;
  remove(layer: Layer): Promise<void>;
}

/** dockerd's limit (moby, layer/layer_store.go, maxLayerDepth). */
const depthLimit = 125;
/** 64 bits; a collision is noticed by the full chain ID in the layer's record. */
const shortNameDigits = 16;
const recordName = 'layer.json';

export function openGraph(directory: string, temporary: string): Graph {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const layers = new Map<Digest, StoredLayer>();
  const nameOf = (chainId: Digest): string =>
    chainId.slice('sha256:'.length, 'sha256:'.length + shortNameDigits);

  for (const name of readdirSync(directory)) {
    try {
      const layer = JSON.parse(readFileSync(join(directory, name, recordName), 'utf8')) as StoredLayer;
      if (nameOf(layer.chainId) === name) layers.set(layer.chainId, layer);
    } catch (error) {
      // Power was cut before an image had it: nobody can need it.
      if (errnoOf(error) !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
      if (/^[0-9a-f]{16}$/.test(name)) rmSync(join(directory, name), { recursive: true, force: true });
    }
  }

  const stack = (top: Digest | undefined): StoredLayer[] => {
    const found: StoredLayer[] = [];
    for (let chainId = top; chainId !== undefined; ) {
      const layer = layers.get(chainId);
      if (layer === undefined) throw new DaemonError('notFound', `layer does not exist: ${chainId}`);
      found.push(layer);
      chainId = layer.parent;
    }
    return found;
  };

  return {
    directory,
    find: (chainId) => layers.get(chainId),
    list: () => [...layers.values()],
    stack,
    nameOf,
    differenceOf: (chainId) => join(directory, nameOf(chainId), differenceName),
    streamOf: (chainId) => join(directory, nameOf(chainId), streamName),
    async insert(prepared, unpacked, parent) {
      if (stack(parent).length >= depthLimit) throw new DaemonError('system', 'max depth exceeded');
      const chainId = chainIdOn(parent, unpacked.diffId);
      const known = layers.get(chainId);
      if (known !== undefined) return known;
      const layer: StoredLayer = { chainId, ...unpacked, ...(parent === undefined ? {} : { parent }) };
      writeFileSync(join(prepared, recordName), JSON.stringify(layer), { mode: 0o600 });
      crashPoint('layer:before-rename');
      try {
        await rename(prepared, join(directory, nameOf(chainId)));
      } catch (error) {
        // Somebody else brought the same layer meanwhile.
        const there = layers.get(chainId);
        if (there !== undefined) return there;
        throw error;
      }
      crashPoint('layer:after-rename');
      layers.set(chainId, layer);
      return layer;
    },
    async remove(layer) {
      const grave = join(temporary, `removed-${nameOf(layer.chainId)}-${process.hrtime.bigint()}`);
      layers.delete(layer.chainId);
      await rename(join(directory, nameOf(layer.chainId)), grave);
      crashPoint('layer:remove');
      await rm(grave, { recursive: true, force: true });
    },
  };
}
