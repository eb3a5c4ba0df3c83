/**
 * `docker cp`: status, reading and writing of paths in a container, by descriptors below its root, so that links the
 * container makes meanwhile lead nowhere else.
 *
 * In: a container, a path. Out: status, archives. May import: archive, errors, events.
 */
import { closeSync, constants, fstatSync, readFileSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { openFlags, openInRoot } from '@noos/linux';
import { createTar } from '../../archive/create.js';
import { decompress } from '../../archive/decompress.js';
import { extractTar } from '../../archive/extract.js';
import { removeTree } from '../../archive/tree.js';
import { DaemonError, errnoOf } from '../../errors.js';
import { parseMountTable } from '../../volumes/mount-table.js';
import { userBelow } from '../spec/user-files.js';
import type { Container } from '../types.js';
import { type CopyPath, fileMode, mountAbove, parseCopyPath } from './paths.js';
import type { Tree, Trees } from './tree.js';

/** API: header X-Docker-Container-Path-Stat, base64 of this. */
export interface PathStat {
  name: string;
  size: number;
  mode: number;
  /** RFC 3339. */
  mtime: string;
  linkTarget: string;
}

export interface ExtractSettings {
  /** A directory is never replaced by another kind of file, nor the other way round. */
  keepKinds: boolean;
  /** Files belong to the container's user. */
  ownedByUser: boolean;
}

/** A path in a container; `asked` is the name or ID the client used: it is part of Docker's message. */
export interface CopyPlace {
  container: Container;
  asked: string;
  path: string;
}

export interface Copies {
  stat(place: CopyPlace): Promise<PathStat>;
  /** Hands the archive to `send`, which must read it to its end. */
  read(place: CopyPlace, send: (stat: PathStat, archive: Readable) => Promise<void>): Promise<void>;
  write(place: CopyPlace, archive: Readable, settings: ExtractSettings): Promise<void>;
}

const missing = (path: string, asked: string): DaemonError =>
  new DaemonError('notFound', `Could not find the file ${path} in container ${asked}`);

function openPath(tree: Tree, path: CopyPath, flags: number): number {
  return openInRoot(tree.fd, path.clean, openFlags.path | flags);
}

/** Where a link leads, as far as it leads anywhere. */
function linkTarget(tree: Tree, path: CopyPath): string {
  try {
    const target = openInRoot(tree.fd, path.clean, openFlags.path);
    try {
      return tree.locate(target);
    } finally {
      closeSync(target);
    }
  } catch {
    return posix.resolve(posix.dirname(path.clean), readLink(tree, path));
  }
}

function readLink(tree: Tree, path: CopyPath): string {
  const parent = openInRoot(tree.fd, posix.dirname(path.clean), openFlags.path | constants.O_DIRECTORY);
  try {
    return readlinkSync(`/proc/self/fd/${parent}/${posix.basename(path.clean)}`);
  } finally {
    closeSync(parent);
  }
}

function statPath(tree: Tree, path: CopyPath): PathStat {
  const fd = openPath(tree, path, path.follow ? 0 : constants.O_NOFOLLOW);
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (path.directory && !stats.isDirectory())
      throw new DaemonError('system', `lstat ${path.clean}/: not a directory`);
    const fraction = (stats.mtimeNs % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
    const seconds = new Date(Number(stats.mtimeMs)).toISOString().slice(0, 19);
    return {
      name: path.name,
      size: Number(stats.size),
      mode: fileMode(Number(stats.mode)),
      mtime: `${seconds}${fraction === '' ? '' : `.${fraction}`}Z`,
      linkTarget: stats.isSymbolicLink() ? linkTarget(tree, path) : '',
    };
  } finally {
    closeSync(fd);
  }
}

const directoryBit = 2 ** 31;

function checkWritable(container: Container, location: string): void {
  const mount = mountAbove(container.mounts, location);
  if (mount !== undefined) {
    if (!mount.RW) throw new DaemonError('invalid', 'mounted volume is marked read-only');
    return;
  }
  if (container.hostConfig.ReadonlyRootfs)
    throw new DaemonError('invalid', 'container rootfs is marked read-only');
}

/**
 * Takes away what an archive replaces, but for mount points: removed from here they would be gone in the container.
 * dockerd works where they are mounted and gets this answer of the kernel.
 */
function discardIn(tree: Tree, { state }: Container): (parentFd: number, name: string) => void {
  const mounted = state.pid > 0 ? parseMountTable(readFileSync(`/proc/${state.pid}/mountinfo`, 'utf8')) : [];
  return (parentFd, name) => {
    const path = posix.join(tree.locate(parentFd), name);
    const busy = () => new DaemonError('system', `unlinkat ${path}: device or resource busy`);
    if (mounted.some(({ mountPoint }) => mountPoint === path || mountPoint.startsWith(`${path}/`)))
      throw busy();
    try {
      removeTree(parentFd, name);
    } catch (error) {
      throw errnoOf(error) === 'EBUSY' ? busy() : error;
    }
  };
}

export function createCopies(trees: Trees): Copies {
  /** Runs `use`; what does not exist becomes Docker's message, what else fails a 500. */
  async function inTree<T>(
    { container, asked, path }: CopyPlace,
    use: (tree: Tree, parsed: CopyPath) => Promise<T>,
  ): Promise<T> {
    try {
      return await trees.withTree(container, (tree) => use(tree, parseCopyPath(path)));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw missing(path, asked);
      if (error instanceof DaemonError) throw error;
      throw new DaemonError('system', (error as Error).message, { cause: error });
    }
  }

  return {
    stat: (place) => inTree(place, async (tree, parsed) => statPath(tree, parsed)),

    read: (place, send) =>
      inTree(place, async (tree, parsed) => {
        const stat = statPath(tree, parsed);
        const isDirectory = stat.mode >= directoryBit;
        // A directory is archived from itself, anything else from the directory it lies in.
        const from: CopyPath = isDirectory ? parsed : { ...parsed, clean: posix.dirname(parsed.clean) };
        const fd = openPath(tree, from, constants.O_DIRECTORY);
        try {
          const archive = createTar(`/proc/self/fd/${fd}`, {
            path: isDirectory ? '' : posix.basename(parsed.clean),
            name: parsed.name,
          });
          await send(stat, archive);
        } finally {
          closeSync(fd);
        }
      }),

    write: (place, archive, { keepKinds, ownedByUser }) =>
      inTree(place, async (tree, parsed) => {
        let fd: number;
        try {
          fd = openPath(tree, parsed, constants.O_DIRECTORY);
        } catch (error) {
          if (errnoOf(error) !== 'ENOTDIR') throw error;
          throw new DaemonError('invalid', 'extraction point is not a directory');
        }
        try {
          const location = tree.locate(fd);
          const user = place.container.config.User ?? '';
          checkWritable(place.container, location);
          // Links lead where they lead in the container: below its root, not below the destination.
          await extractTar(await decompress(archive), `/proc/self/fd/${tree.fd}`, {
            directory: location,
            keepKinds,
            discard: discardIn(tree, place.container),
            // A container without a user leaves them to the archive (moby, tarCopyOptions).
            ...(ownedByUser && user !== '' ? { owner: userBelow(tree.fd, user) } : {}),
          });
        } finally {
          closeSync(fd);
        }
      }),
  };
}
