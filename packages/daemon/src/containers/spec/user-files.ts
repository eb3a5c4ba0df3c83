/**
 * A container's own users and groups, read from its tree by descriptor, so that links lead nowhere else.
 *
 * In: a tree, `user[:group]`. Out: numbers. May import: errors, @noos/linux, spec.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { openFlags, openInRoot } from '@noos/linux';
import { errnoOf } from '../../errors.js';
import { lookUpUser, type ProcessUser } from './users.js';

/** A file below `rootFd`; "" when there is none, as in an image without passwd. */
function readBelow(rootFd: number, path: string): string {
  try {
    const fd = openInRoot(rootFd, path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return fstatSync(fd).isFile() ? readFileSync(fd, 'utf8') : '';
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(errnoOf(error) ?? '')) return '';
    throw error;
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
