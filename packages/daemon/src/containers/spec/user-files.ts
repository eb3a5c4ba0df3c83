/**
 * A container's own users and groups, read from its tree by descriptor, so that links lead nowhere else.
 *
 * In: a tree, `user[:group]`. Out: numbers. May import: errors, @noos/linux, spec.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { openFlags, openInRoot } from '@noos/linux';
import { DaemonError, errnoOf } from '../../errors.js';
import { lookUpUser, type ProcessUser } from './users.js';

/** Longest passwd or group file that is read: an image may hold anything. */
export const userFileLimitBytes = 8 * 2 ** 20;

function openBelow(rootFd: number, path: string): number | undefined {
  try {
    return openInRoot(rootFd, path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * A file below `rootFd`; "" when there is none, as in an image without passwd. Throws DaemonError invalid for what is no
 * file, since runc opens it too and would wait for a writer of a FIFO for ever, and for what is too long.
 */
function readBelow(rootFd: number, path: string): string {
  const fd = openBelow(rootFd, path);
  if (fd === undefined) return '';
  try {
    if (!fstatSync(fd).isFile())
      throw new DaemonError('invalid', `/${path} of the container is not a regular file`);
    const bytes = Buffer.allocUnsafe(Math.min(fstatSync(fd).size, userFileLimitBytes) + 1);
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    if (length > userFileLimitBytes)
      throw new DaemonError('invalid', `/${path} of the container is larger than 8 MiB`);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}

/** A user of the container whose tree `rootFd` is; `groups` come to its own. */
export const userBelow = (rootFd: number, user: string, groups: readonly string[] = []): ProcessUser =>
  lookUpUser(
    user,
    { passwd: readBelow(rootFd, 'etc/passwd'), group: readBelow(rootFd, 'etc/group') },
    groups,
  );

/** The same by the path of the tree. */
export function userIn(root: string, user: string, groups: readonly string[]): ProcessUser {
  const fd = openSync(root, openFlags.path | constants.O_DIRECTORY);
  try {
    return userBelow(fd, user, groups);
  } finally {
    closeSync(fd);
  }
}
