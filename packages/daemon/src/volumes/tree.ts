/**
 * Paths inside a tree that somebody else may change meanwhile, resolved as if the tree were `/`.
 *
 * In: a directory, a path below it. Out: what is there, links followed inside the tree only. May import: errors.
 */
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { openFlags, openInRoot } from '@noos/linux';
import { errnoOf } from '../errors.js';

/** An O_PATH descriptor of `path` below `root`, to be closed by the caller; undefined when there is nothing. */
export function openBelow(root: string, path: string): number | undefined {
  const rootFd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return openInRoot(rootFd, path, openFlags.path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  } finally {
    closeSync(rootFd);
  }
}

/** The host's name of `path` below `root`, without links; undefined when there is nothing. */
export function pathBelow(root: string, path: string): string | undefined {
  const fd = openBelow(root, path);
  if (fd === undefined) return undefined;
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}
