/**
 * A container's file system as the container sees it, volumes and bind mounts included, held by a descriptor.
 *
 * In: a container, running or not. Out: a descriptor that paths are resolved below. May import: volumes, errors,
 * layout, log, @noos/linux.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mount, mountFlags, openFlags, openInRoot, unmount, unmountFlags } from '@noos/linux';
import { below, cleanName, makeDirectories, splitPath } from '../../archive/tree.js';
import { errnoOf } from '../../errors.js';
import type { Layout } from '../../layout.js';
import type { Logger } from '../../log.js';
import type { Mounts } from '../../volumes/types.js';
import type { Container, Containers } from '../types.js';

export interface Tree {
  /** O_PATH descriptor of the container's root directory. */
  readonly fd: number;
  /** What `descriptor` stands for, as a path in the container. */
  locate(descriptor: number): string;
}

export interface Trees {
  /** The tree exists while `use` runs. Changes of the container's own tree are seen and made. */
  withTree<T>(container: Container, use: (tree: Tree) => Promise<T>): Promise<T>;
}

export interface TreesDependencies {
  layout: Pick<Layout, 'runRoot'>;
  mounts: Pick<Mounts, 'prepare' | 'release'>;
  containers: Pick<Containers, 'withRoot'>;
  log: Logger;
}

const openTree = (path: string): number => openSync(path, openFlags.path | constants.O_DIRECTORY);

/** Opens the place where a mount goes, made if it is missing: a directory, or a file for a file. */
function openMountPoint(rootFd: number, destination: string, isDirectory: boolean): number {
  try {
    return openInRoot(rootFd, destination, openFlags.path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  const path = cleanName(destination);
  if (isDirectory) return makeDirectories(rootFd, path);
  const { directory, base } = splitPath(path);
  const parent = makeDirectories(rootFd, directory);
  try {
    writeFileSync(below(parent, base), '', { flag: 'wx', mode: 0o755 });
  } finally {
    closeSync(parent);
  }
  return openInRoot(rootFd, destination, openFlags.path);
}

/** The mount at `target` refuses writing, by whatever link it is reached. */
const makeReadOnly = (target: string): Promise<void> =>
  mount({ source: '', target, type: '', flags: mountFlags.bind | mountFlags.remount | mountFlags.readOnly });

async function bindBelow(
  rootFd: number,
  { source, destination, options }: { source: string; destination: string; options: readonly string[] },
): Promise<void> {
  const recursive = options.includes('rbind');
  const target = openMountPoint(rootFd, destination, statSync(source).isDirectory());
  try {
    const flags = mountFlags.bind | (recursive ? mountFlags.recursive : 0);
    await mount({ source, target: `/proc/self/fd/${target}`, type: '', flags });
  } finally {
    closeSync(target);
  }
  if (!options.includes('ro') && !options.includes('rro')) return;
  const mounted = openInRoot(rootFd, destination, openFlags.path);
  try {
    await makeReadOnly(`/proc/self/fd/${mounted}`);
  } finally {
    closeSync(mounted);
  }
}

/** `views` of an earlier daemon are taken away. */
export async function createTrees(dependencies: TreesDependencies): Promise<Trees> {
  const { layout, mounts, containers, log } = dependencies;
  const views = join(layout.runRoot, 'views');
  await mkdir(views, { recursive: true, mode: 0o700 });
  for (const name of await readdir(views)) await removeView(join(views, name));

  async function removeView(view: string): Promise<void> {
    await unmount(view, unmountFlags.detach).catch((error: unknown) => {
      if (errnoOf(error) !== 'EINVAL') log.warn({ view, error: String(error) }, 'view not unmounted');
    });
    await rmdir(view).catch((error: unknown) => log.warn({ view, error: String(error) }, 'view not removed'));
  }

  /** The container's own mount namespace has everything in place. */
  async function withRunning<T>(pid: number, use: (tree: Tree) => Promise<T>): Promise<T> {
    const fd = openTree(`/proc/${pid}/root`);
    try {
      return await use({ fd, locate: (descriptor) => readlinkSync(`/proc/self/fd/${descriptor}`) });
    } finally {
      closeSync(fd);
    }
  }

  /** A view of its own: the root file system and on it what the container would mount. */
  async function withStopped<T>(container: Container, use: (tree: Tree) => Promise<T>): Promise<T> {
    const name = `${container.id.slice(0, 12)}-${randomBytes(4).toString('hex')}`;
    const view = join(views, name);
    const points = container.mounts.filter((point) => point.Type !== 'tmpfs');
    return containers.withRoot(container.id, async (root) => {
      await mkdir(view, { mode: 0o700 });
      let fd: number | undefined;
      try {
        await mount({ source: root, target: view, type: '', flags: mountFlags.bind });
        await mount({ source: '', target: view, type: '', flags: mountFlags.private });
        fd = openTree(view);
        const prepared = await mounts.prepare(name, points, {});
        try {
          for (const prepare of prepared.mounts) await bindBelow(fd, prepare);
          if (container.hostConfig.ReadonlyRootfs) await makeReadOnly(view);
        } finally {
          await prepared.made();
        }
        return await use({
          fd,
          locate: (descriptor) => readlinkSync(`/proc/self/fd/${descriptor}`).slice(view.length) || '/',
        });
      } finally {
        if (fd !== undefined) closeSync(fd);
        await removeView(view);
        await mounts.release(name, points);
      }
    });
  }

  return {
    withTree: (container, use) =>
      container.state.pid > 0 ? withRunning(container.state.pid, use) : withStopped(container, use),
  };
}
