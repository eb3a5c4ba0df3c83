/**
 * The places that every container gets files or file systems mounted on, as one more layer between image and
 * container (dockerd's init layer): so they show neither in `docker diff` nor in a commit.
 *
 * In: a mounted root. Out: empty files and directories where the image has none. May import: archive.
 */
import { closeSync, constants, fchmodSync, lstatSync, openSync, symlinkSync } from 'node:fs';
import { below, makeDirectories, openRoot, splitPath } from '../../archive/tree.js';
import { errnoOf } from '../../errors.js';

/** As moby's daemon/initlayer makes them. */
const directories = ['dev/pts', 'dev/shm', 'proc', 'sys'];
const files = ['.dockerenv', 'etc/resolv.conf', 'etc/hosts', 'etc/hostname', 'dev/console'];
const mountTable = { path: 'etc/mtab', target: '/proc/mounts' };

const missing = (fd: number, name: string): boolean =>
  lstatSync(below(fd, name), { throwIfNoEntry: false }) === undefined;

/** Runs `make` in the directory of `path`; an image whose /etc is a file keeps it. */
function inDirectory(rootFd: number, path: string, make: (fd: number, name: string) => void): void {
  const { directory, base } = splitPath(path);
  try {
    const fd = makeDirectories(rootFd, directory);
    try {
      if (missing(fd, base)) make(fd, base);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!['ENOTDIR', 'EEXIST', 'ELOOP', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
}

export function fillInitLayer(root: string): void {
  const rootFd = openRoot(root);
  try {
    for (const path of directories) inDirectory(rootFd, path, () => closeSync(makeDirectories(rootFd, path)));
    for (const path of files)
      inDirectory(rootFd, path, (fd, name) => {
        const { O_WRONLY, O_CREAT, O_EXCL } = constants;
        const file = openSync(below(fd, name), O_WRONLY | O_CREAT | O_EXCL, 0o755);
        fchmodSync(file, 0o755);
        closeSync(file);
      });
    inDirectory(rootFd, mountTable.path, (fd, name) => symlinkSync(mountTable.target, below(fd, name)));
  } finally {
    closeSync(rootFd);
  }
}
