/**
 * Directories held by descriptor: whatever others rename meanwhile, names are looked up below the root only.
 *
 * In: a root's descriptor, paths. Out: `/proc/self/fd/<n>/<name>` paths that never follow a link of the tree.
 * May import: @noos/linux.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { openFlags, openInRoot } from '@noos/linux';
import { errnoOf } from '../errors.js';
import { ArchiveError } from './header.js';

/** A descriptor that names a directory and nothing more. */
export const openRoot = (path: string): number => openSync(path, openFlags.path | constants.O_DIRECTORY);

/** Path of `name` in the directory that `fd` holds. */
export const below = (fd: number, name: string): string => `/proc/self/fd/${fd}/${name}`;

/** Opens a directory of the tree below `rootFd`; links on the way stay inside. */
export const openDirectory = (rootFd: number, path: string): number =>
  openInRoot(rootFd, path === '' ? '.' : path, openFlags.path | constants.O_DIRECTORY);

/**
 * A name of an archive as a relative path without `.`, `..` and empty parts; '' is the root.
 * Throws ArchiveError when it climbs above the root.
 */
export function cleanName(name: string): string {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined && !name.startsWith('/'))
      throw new ArchiveError(`invalid name in archive: "${name}" is outside of the destination`);
  }
  return parts.join('/');
}

/** Directory part and last part of a clean name. */
export function splitPath(path: string): { directory: string; base: string } {
  const slash = path.lastIndexOf('/');
  return { directory: slash === -1 ? '' : path.slice(0, slash), base: path.slice(slash + 1) };
}

/** Makes the directories of `path` that are missing, with mode 0755 of root, and opens the last. */
export function makeDirectories(rootFd: number, path: string): number {
  try {
    return openDirectory(rootFd, path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || path === '') throw error;
  }
  const { directory, base } = splitPath(path);
  const parent = makeDirectories(rootFd, directory);
  try {
    mkdirSync(below(parent, base), 0o755);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  } finally {
    closeSync(parent);
  }
  return openDirectory(rootFd, path);
}

/** chmod(2) of the file at `path` itself; a link has no mode and what it leads to keeps its own. */
export function setMode(path: string, mode: number): void {
  const fd = openSync(path, openFlags.path | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(fd).isSymbolicLink()) chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}

/** Removes `name` of the directory `parentFd` with all it contains, following no link. */
export function removeTree(parentFd: number, name: string): void {
  const path = below(parentFd, name);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) {
    unlinkSync(path);
    return;
  }
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    for (const child of readdirSync(below(fd, '.'))) removeTree(fd, child);
  } finally {
    closeSync(fd);
  }
  rmdirSync(path);
}
