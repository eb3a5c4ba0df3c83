/**
 * Paths of `docker cp` and what Docker tells about them.
 *
 * In: paths as clients write them, file status. Out: names, modes. May import: nothing.
 */
import { posix } from 'node:path';

export interface CopyPath {
  /** Absolute, without `.`, `..` and slashes at the end. */
  clean: string;
  /** Written with `/` or `/.` at the end: a link there is followed. */
  follow: boolean;
  /** The same: nothing but a directory is meant. */
  directory: boolean;
  /** Go's filepath.Base of the path with what it ended in: the name in archives. */
  name: string;
}

export function parseCopyPath(text: string): CopyPath {
  const clean = posix.resolve('/', text.replace(/^\/+/, ''));
  const dot = text === '.' || text.endsWith('/.');
  return {
    clean,
    follow: dot || text.endsWith('/') || clean === '/',
    directory: dot || text.endsWith('/'),
    name: text === '.' || (dot && clean !== '/') ? '.' : posix.basename(clean) || '/',
  };
}

/** Bits of Go's os.FileMode, which Docker's API speaks (io/fs, FileMode). */
const goMode = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  fifo: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  characterDevice: 2 ** 21,
  sticky: 2 ** 20,
} as const;

const kindMask = 0o170000;
/** A map: as property names these numbers would be decimal. */
const kinds: ReadonlyMap<number, number> = new Map([
  [0o040000, goMode.directory],
  [0o120000, goMode.symlink],
  [0o060000, goMode.device],
  [0o020000, goMode.device + goMode.characterDevice],
  [0o010000, goMode.fifo],
  [0o140000, goMode.socket],
]);

/** st_mode as os.FileMode. */
export function fileMode(mode: number): number {
  let result = (mode & 0o777) + (kinds.get(mode & kindMask) ?? 0);
  if (mode & 0o4000) result += goMode.setuid;
  if (mode & 0o2000) result += goMode.setgid;
  if (mode & 0o1000) result += goMode.sticky;
  return result;
}

/** The mount that a path of the container lies in: the longest destination above it. */
export function mountAbove<T extends { Destination: string }>(
  mounts: readonly T[],
  path: string,
): T | undefined {
  let found: T | undefined;
  for (const mount of mounts) {
    const destination = posix.resolve('/', mount.Destination);
    const covers = destination === '/' || path === destination || path.startsWith(`${destination}/`);
    if (
      covers &&
      destination.length > (found === undefined ? -1 : posix.resolve('/', found.Destination).length)
    )
      found = mount;
  }
  return found;
}
