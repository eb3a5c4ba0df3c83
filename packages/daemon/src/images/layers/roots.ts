/**
 * Root file systems of containers: `<id>/{diff, work, merged, top}` over the layers of an image.
 *
 * In: an ID, the topmost layer. Out: a mounted tree. On the critical path of `docker run`: a few system calls and one
 * mount(2), no file is synced; a root without a container's record is removed at start. May import: graph, overlay,
 * init-layer, mount-table.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { unmount, unmountFlags } from '@noos/linux';
import { DaemonError, errnoOf } from '../../errors.js';
import { crashPoint } from '../../storage/crash-point.js';
import type { Digest, RootOptions } from '../types.js';
import type { Graph } from './graph.js';
import { fillInitLayer } from './init-layer.js';
import { mountsBelow } from './mount-table.js';
import { mountOverlay } from './overlay.js';
import { differenceName } from './prepare.js';

const initName = 'init';
/** Link text of a root without image layers. */
const noTop = 'none';

export interface Roots {
  create(id: string, top: Digest | undefined, options?: RootOptions): Promise<void>;
  mount(id: string): Promise<string>;
  unmount(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  list(): Promise<string[]>;
  /** Topmost layers of all roots: they must stay. */
  tops(): Digest[];
  topOf(id: string): Digest | undefined;
  /** Absolute paths; `lower` topmost first, the init layer included. */
  paths(id: string): { lower: string[]; upper: string; work: string; merged: string };
}

interface Mounted {
  /** How many asked for it; 0 for a mount of an earlier daemon that nobody asked for yet. */
  users: number;
  ready: Promise<void>;
}

export function openRoots(directory: string, temporary: string, graph: Graph): Roots {
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const baseInit = join(directory, '..', initName);
  const mounted = new Map<string, Mounted>();
  /** Roots without the init layer; they do not outlive the daemon. */
  const plain = new Set<string>();
  const emptyPath = join(directory, '..', 'empty');
  const initLayers = new Map<string, { path: Promise<string>; made: boolean }>();
  const pathOf = (id: string, name: string): string => join(directory, id, name);

  for (const point of mountsBelow(directory)) {
    const id = relative(directory, point).split('/')[0]!;
    if (point === pathOf(id, 'merged')) mounted.set(id, { users: 0, ready: Promise.resolve() });
  }

  const check = (id: string): void => {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(id))
      throw new DaemonError('invalid', `invalid root ID: ${id}`);
    if (!existsSync(pathOf(id, 'top').replace(/\/top$/, '')))
      throw new DaemonError('notFound', `root file system does not exist: ${id}`);
  };

  /** Undefined too for what is no whole root: a crash came between its making and its link. */
  const topOf = (id: string): Digest | undefined => {
    try {
      const target = readlinkSync(pathOf(id, 'top'));
      return target === noTop ? undefined : (`sha256:${target}` as Digest);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  };

  /** Directories of the layers, topmost first, relative to the graph. */
  const lowerOf = (top: Digest | undefined): string[] =>
    graph.stack(top).map(({ chainId }) => `${graph.nameOf(chainId)}/${differenceName}`);

  const initPathOf = (top: Digest | undefined): string =>
    top === undefined ? baseInit : join(graph.directory, graph.nameOf(top), initName);

  const makeInitLayer = async (top: Digest | undefined): Promise<string> => {
    const path = initPathOf(top);
    if (existsSync(path)) return path;
    const scratch = mkdtempSync(join(temporary, 'init-'));
    const [upper, work, merged, empty] = ['diff', 'work', 'merged', 'empty'].map((name) =>
      join(scratch, name),
    ) as [string, string, string, string];
    try {
      for (const name of [upper, work, merged, empty]) mkdirSync(name, { mode: 0o755 });
      const lower = lowerOf(top);
      if (top !== undefined) copyOwner(graph.differenceOf(top), upper);
      await mountOverlay({
        lower: lower.length > 0 ? lower : [empty],
        upper,
        work,
        target: merged,
        directory: graph.directory,
      });
      try {
        fillInitLayer(merged);
        crashPoint('root:init-mounted');
      } finally {
        await unmount(merged);
      }
      renameSync(upper, path);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    return path;
  };

  const initLayerOf = (top: Digest | undefined): Promise<string> => {
    const key = top ?? noTop;
    const known = initLayers.get(key);
    // A layer that was removed and came back has none any more.
    if (known !== undefined && (!known.made || existsSync(initPathOf(top)))) return known.path;
    const entry = { path: makeInitLayer(top), made: false };
    initLayers.set(key, entry);
    entry.path.then(
      () => {
        entry.made = true;
      },
      () => initLayers.delete(key),
    );
    return entry.path;
  };

  /** Directory whose owner and mode a plain root's top shows. */
  const plainBelow = (top: Digest | undefined): string => {
    if (top !== undefined) return graph.differenceOf(top);
    mkdirSync(emptyPath, { recursive: true, mode: 0o755 });
    return emptyPath;
  };

  /** The layers below a root, topmost first, relative to the graph; overlayfs wants at least one. */
  const belowOf = async (id: string): Promise<string[]> => {
    const top = topOf(id);
    const layers = lowerOf(top);
    if (!plain.has(id)) return [relative(graph.directory, await initLayerOf(top)), ...layers];
    return layers.length > 0 ? layers : [relative(graph.directory, plainBelow(top))];
  };

  const mountRoot = async (id: string): Promise<void> => {
    const upwards = (name: string): string => relative(graph.directory, pathOf(id, name));
    await mountOverlay({
      lower: await belowOf(id),
      upper: upwards('diff'),
      work: upwards('work'),
      target: pathOf(id, 'merged'),
      directory: graph.directory,
    });
  };

  const unmountNow = async (id: string): Promise<void> => {
    try {
      await unmount(pathOf(id, 'merged'), unmountFlags.detach);
    } catch (error) {
      // EINVAL: it is no mount point any more.
      if (!['EINVAL', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
    }
  };

  return {
    topOf,
    async create(id, top, options) {
      if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(id))
        throw new DaemonError('invalid', `invalid root ID: ${id}`);
      let lower: string;
      if (options?.plain) {
        plain.add(id);
        lower = plainBelow(top);
      } else lower = await initLayerOf(top);
      const path = join(directory, id);
      mkdirSync(path, { mode: 0o710 });
      try {
        // The link first: whoever finds the root knows what it needs.
        crashPoint('root:directory-made');
        symlinkSync(top === undefined ? noTop : top.slice('sha256:'.length), join(path, 'top'));
        for (const name of ['diff', 'work', 'merged']) mkdirSync(join(path, name), { mode: 0o755 });
        copyOwner(lower, join(path, 'diff'));
      } catch (error) {
        rmSync(path, { recursive: true, force: true });
        throw error;
      }
    },
    async mount(id) {
      check(id);
      let entry = mounted.get(id);
      if (entry === undefined) {
        entry = { users: 0, ready: mountRoot(id) };
        mounted.set(id, entry);
        entry.ready.catch(() => mounted.delete(id));
      }
      entry.users++;
      await entry.ready;
      crashPoint('root:mounted');
      return pathOf(id, 'merged');
    },
    async unmount(id) {
      const entry = mounted.get(id);
      if (entry === undefined) return;
      entry.users--;
      if (entry.users > 0) return;
      mounted.delete(id);
      await unmountNow(id);
    },
    async remove(id) {
      const path = join(directory, id);
      plain.delete(id);
      if (mounted.delete(id)) await unmountNow(id);
      const grave = join(temporary, `root-${id}-${process.hrtime.bigint()}`);
      try {
        await rename(path, grave);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return;
        throw error;
      }
      crashPoint('root:renamed');
      // Nobody waits for it; what is left after a crash goes at the next start.
      rm(grave, { recursive: true, force: true }).catch(() => {});
    },
    list: () => readdir(directory),
    tops: () => readdirSync(directory).flatMap((id) => topOf(id) ?? []),
    paths(id) {
      check(id);
      const top = topOf(id);
      const layers = lowerOf(top).map((name) => join(graph.directory, name));
      const init = plain.has(id) ? (layers.length > 0 ? [] : [emptyPath]) : [initPathOf(top)];
      return {
        lower: [...init, ...layers],
        upper: pathOf(id, 'diff'),
        work: pathOf(id, 'work'),
        merged: pathOf(id, 'merged'),
      };
    },
  };
}

/** The root directory belongs to the image's owner but can be entered by everybody, as with dockerd's overlay2. */
function copyOwner(from: string, to: string): void {
  const { uid, gid } = statSync(from);
  chownSync(to, uid, gid);
  chmodSync(to, 0o755);
}
