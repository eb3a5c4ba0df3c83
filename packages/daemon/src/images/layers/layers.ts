/**
 * The layer graph on overlayfs and the containers' root file systems: `Layers` of types.ts.
 *
 * In: tars, IDs. Out: layers, mounted trees. May import: the files beside it, archive, storage.
 */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { syncFileSystem, unmount, unmountFlags } from '@noos/linux';
import { createTar } from '../../archive/create.js';
import { DaemonError } from '../../errors.js';
import type { Layout } from '../../layout.js';
import { crashPoint } from '../../storage/crash-point.js';
import { emptyLayerDiffId } from '../documents/image-config.js';
import type { Digest, Layer, Layers, PreparedLayer } from '../types.js';
import { changesOf } from './changes.js';
import { openGraph } from './graph.js';
import { mountsBelow } from './mount-table.js';
import { unpackDifference } from './prepare.js';
import { openRoots } from './roots.js';
import { layerTar } from './tar.js';

export async function createLayers({ layout }: { layout: Layout }): Promise<Layers> {
  mkdirSync(layout.layers, { recursive: true, mode: 0o711 });
  // The mount table shows real paths.
  const base = realpathSync(layout.layers);
  const graphDirectory = join(base, 'graph');
  const temporary = join(base, 'tmp');
  for (const point of mountsBelow(temporary)) await unmount(point, unmountFlags.detach);
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  const graph = openGraph(graphDirectory, temporary);
  const roots = openRoots(join(base, 'roots'), temporary, graph);
  /** Layers no record names yet; and how many hold each. */
  const fresh = new Set<Digest>();
  /** Layers no syncfs(2) came after yet. */
  const unsynced = new Set<Digest>();
  const holds = new Map<Digest, number>();
  let rootRemoved: (top: Digest) => void = () => {};

  const prepare = async (tar: AsyncIterable<Buffer>, wanted?: Digest): Promise<PreparedLayer> => {
    const directory = mkdtempSync(join(temporary, 'layer-'));
    const discard = (): Promise<void> => rm(directory, { recursive: true, force: true });
    try {
      const unpacked = await unpackDifference(tar, directory);
      crashPoint('layer:unpacked');
      if (wanted !== undefined && wanted !== unpacked.diffId)
        throw new DaemonError(
          'system',
          `layers from manifest don't match image configuration: ${wanted} is ${unpacked.diffId}`,
        );
      return {
        diffId: unpacked.diffId,
        size: unpacked.size,
        discard,
        async commit(parent) {
          const layer = await graph.insert(directory, unpacked, parent);
          fresh.add(layer.chainId);
          unsynced.add(layer.chainId);
          await discard();
          return layer;
        },
      };
    } catch (error) {
      await discard();
      throw error;
    }
  };

  const unpack = async (
    tar: AsyncIterable<Buffer>,
    parent: Digest | undefined,
    diffId?: Digest,
  ): Promise<Layer> => {
    const prepared = await prepare(tar, diffId);
    try {
      return await prepared.commit(parent);
    } finally {
      await prepared.discard();
    }
  };

  return {
    prepare,
    unpack,
    find: graph.find,
    list: graph.list,
    status: () => [
      ['Backing Filesystem', fileSystemName(statfsSync(graphDirectory).type)],
      ['Supports d_type', 'true'],
      ['Using metacopy', 'false'],
      ['Native Overlay Diff', 'true'],
      ['userxattr', 'false'],
    ],
    async tar(chainId) {
      const layer = graph.find(chainId);
      if (layer === undefined) throw new DaemonError('notFound', `layer does not exist: ${chainId}`);
      return layerTar(layer, graph.streamOf(chainId), graph.differenceOf(chainId));
    },
    hold(chainId) {
      holds.set(chainId, (holds.get(chainId) ?? 0) + 1);
      let held = true;
      return {
        release() {
          if (!held) return;
          held = false;
          const count = holds.get(chainId)! - 1;
          if (count === 0) holds.delete(chainId);
          else holds.set(chainId, count);
        },
      };
    },
    async settle(chain) {
      const waiting = (chain ?? [...unsynced]).filter((chainId) => unsynced.has(chainId));
      if (chain !== undefined && waiting.length === 0) return;
      await syncFileSystem(graphDirectory);
      for (const chainId of waiting) unsynced.delete(chainId);
    },
    adopt(chain) {
      for (const chainId of chain) fresh.delete(chainId);
    },
    createRoot: roots.create,
    mountRoot: roots.mount,
    unmountRoot: roots.unmount,
    async removeRoot(id) {
      const top = roots.topOf(id);
      await roots.remove(id);
      if (top !== undefined) rootRemoved(top);
    },
    onRootRemoved(listener) {
      rootRemoved = listener;
    },
    roots: roots.list,
    rootData(id) {
      const { lower, upper, work, merged } = roots.paths(id);
      return { LowerDir: lower.join(':'), UpperDir: upper, WorkDir: work, MergedDir: merged };
    },
    layerData(chainId) {
      const [top, ...below] = graph.stack(chainId).map((layer) => graph.differenceOf(layer.chainId));
      const beside = (name: string): string => join(top!, '..', name);
      return {
        ...(below.length > 0 && { LowerDir: below.join(':') }),
        MergedDir: beside('merged'),
        UpperDir: top!,
        WorkDir: beside('work'),
      };
    },
    async changes(id) {
      const { upper, lower } = roots.paths(id);
      return changesOf(upper, lower);
    },
    rootSize: (id) => treeSize(roots.paths(id).upper),
    async commitRoot(id) {
      const { upper, lower } = roots.paths(id);
      const [mine, before] = [statSync(upper), statSync(lower[0]!)];
      const withRoot = mine.mode !== before.mode || mine.uid !== before.uid || mine.gid !== before.gid;
      const top = roots.topOf(id);
      const prepared = await prepare(createTar(upper, { overlay: true, withRoot }));
      try {
        // Nothing changed: no image names such a layer, so none is kept.
        if (prepared.diffId === emptyLayerDiffId)
          return { chainId: top ?? emptyLayerDiffId, diffId: emptyLayerDiffId, size: 0 };
        return await prepared.commit(top);
      } finally {
        await prepared.discard();
      }
    },
    async collect(needed) {
      const keep = new Set<Digest>();
      for (const top of [...needed, ...roots.tops(), ...fresh, ...holds.keys()])
        for (let layer = graph.find(top); layer !== undefined && !keep.has(layer.chainId); ) {
          keep.add(layer.chainId);
          layer = layer.parent === undefined ? undefined : graph.find(layer.parent);
        }
      const depth = (layer: Layer): number => graph.stack(layer.chainId).length;
      const unneeded = graph
        .list()
        .filter(({ chainId }) => !keep.has(chainId))
        .map((layer) => ({ layer, depth: depth(layer) }))
        .sort((a, b) => b.depth - a.depth)
        .map(({ layer }) => layer);
      for (const layer of unneeded) {
        await graph.remove(layer);
        unsynced.delete(layer.chainId);
      }
      return unneeded;
    },
  };
}

/** statfs(2) types that can hold an overlay's upper directory (linux/magic.h), as dockerd calls them. */
const fileSystems = new Map([
  [0xef53, 'extfs'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x2fc12fc1, 'zfs'],
]);
const fileSystemName = (type: number): string => fileSystems.get(type) ?? '<unknown>';

/** Bytes of the files in a tree, each inode once; directories count nothing (Docker's directory.Size). */
async function treeSize(top: string): Promise<number> {
  const seen = new Set<number>();
  let bytes = 0;
  const waiting = [top];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else {
        const stats = lstatSync(path, { throwIfNoEntry: false });
        if (stats === undefined || seen.has(stats.ino)) continue;
        if (stats.nlink > 1) seen.add(stats.ino);
        bytes += stats.size;
      }
    }
    await nextTurn();
  }
  return bytes;
}
