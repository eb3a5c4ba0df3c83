/**
 * A tree as a tar stream: pax where ustar is too small, sorted, whole seconds, so the same tree gives the same bytes.
 *
 * In: a directory held by descriptor. Out: the archive; an overlay's upper directory with its deletions as `.wh.`
 * files. May import: header, pax, tree, whiteouts, @noos/linux.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  read,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { getAttribute, listAttributes } from '@noos/linux';
import { errnoOf } from '../errors.js';
import {
  blockBytes,
  formatHeader,
  type Header,
  nanosecondsPerSecond,
  overflow,
  typeFlags,
} from './header.js';
import { attributePrefix, formatPax } from './pax.js';
import { below, cleanName, openDirectory, openRoot, splitPath } from './tree.js';
import { isWhiteout, opaqueAttribute, opaqueWhiteout, whiteoutMode, whiteoutPrefix } from './whiteouts.js';

export interface CreateOptions {
  /** What to archive below the root, a file or a directory; links on the way stay inside. Default: everything. */
  path?: string;
  /** Name of `path` in the archive; '' puts a directory's entries at the top. Default ''. */
  name?: string;
  /** The tree is an overlay's upper directory: whiteouts become `.wh.` files. */
  overlay?: boolean;
  /** An entry for the top directory itself when `name` is ''. */
  withRoot?: boolean;
  /** Leaves out entries (and what is below them) by name in the archive. */
  skip?(name: string): boolean;
}

const readAsync = promisify(read);

/** Output is handed on in pieces of about this size; small files are read at once. */
const chunkBytes = 128 * 1024;

type Stats = ReturnType<typeof statBig>;
const statBig = (path: string) => lstatSync(path, { bigint: true, throwIfNoEntry: false });

const typeOf = (stats: NonNullable<Stats>): string | undefined => {
  if (stats.isFile()) return typeFlags.file;
  if (stats.isDirectory()) return typeFlags.directory;
  if (stats.isSymbolicLink()) return typeFlags.symlink;
  if (stats.isCharacterDevice()) return typeFlags.characterDevice;
  if (stats.isBlockDevice()) return typeFlags.blockDevice;
  // A socket means nothing without the process that listens.
  return stats.isFIFO() ? typeFlags.fifo : undefined;
};

/** Numbers of a device as gnu_dev_major and gnu_dev_minor (glibc, sys/sysmacros.h) split them. */
const majorOf = (device: bigint): number =>
  Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
const minorOf = (device: bigint): number => Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));

/** Attributes that mean the same on another machine. */
const isPortable = (name: string): boolean => name === 'security.capability' || name.startsWith('user.');

/** Header and, before it, the pax records it needs. */
export function formatEntry(
  header: Header,
  attributes: Iterable<readonly [string, Uint8Array]> = [],
): Buffer {
  const records = [
    ...Object.entries(overflow(header)),
    ...[...attributes].map(([name, value]) => [attributePrefix + name, value] as const),
  ];
  const block = formatHeader(header);
  if (records.length === 0) return block;
  const body = formatPax(records);
  const extension = formatHeader({
    ...header,
    name: `PaxHeaders.0/${splitPath(cleanName(header.name)).base.slice(0, 80)}`,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    modifiedNs: 0n,
    type: typeFlags.paxHeader,
    linkName: '',
    deviceMajor: 0,
    deviceMinor: 0,
  });
  return Buffer.concat([extension, body, zeros(body.length), block]);
}

/** Zeros that fill the last block of `size` bytes. */
export const zeros = (size: number): Buffer => Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);

/** Two blocks of zeros. */
export const endOfArchive = Buffer.alloc(2 * blockBytes);

async function* content(fd: number, size: number): AsyncGenerator<Buffer> {
  let left = size;
  while (left > 0) {
    const buffer = Buffer.allocUnsafe(Math.min(left, 8 * chunkBytes));
    const { bytesRead } = await readAsync(fd, buffer, 0, buffer.length, null);
    // The file became shorter meanwhile: its header promised more.
    const piece = bytesRead === 0 ? buffer.fill(0) : buffer.subarray(0, bytesRead);
    left -= piece.length;
    yield piece;
  }
}

async function* pieces(rootFd: number, options: CreateOptions): AsyncGenerator<Buffer> {
  /** First name of each file with several. */
  const linked = new Map<string, string>();

  const attributesOf = (path: string): [string, Buffer][] =>
    listAttributes(path)
      .filter(isPortable)
      .sort()
      .flatMap((name) => {
        const value = getAttribute(path, name);
        return value === undefined ? [] : [[name, value] as [string, Buffer]];
      });

  const headerOf = (name: string, type: string, stats: NonNullable<Stats>): Header => ({
    name: type === typeFlags.directory && !name.endsWith('/') ? `${name}/` : name,
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: 0,
    modifiedNs: (stats.mtimeNs / nanosecondsPerSecond) * nanosecondsPerSecond,
    type,
    linkName: '',
    deviceMajor: majorOf(stats.rdev),
    deviceMinor: minorOf(stats.rdev),
  });

  async function* file(path: string, header: Header): AsyncGenerator<Buffer> {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      // Somebody may have put something else in its place.
      const stats = fstatSync(fd);
      const sized = { ...header, size: stats.isFile() ? stats.size : 0 };
      yield formatEntry(sized, attributesOf(path));
      if (sized.size <= chunkBytes) {
        const bytes = Buffer.alloc(sized.size + zeros(sized.size).length);
        for (let at = 0; at < sized.size; ) {
          const count = readSync(fd, bytes, at, sized.size - at, null);
          if (count === 0) break;
          at += count;
        }
        yield bytes;
      } else {
        yield* content(fd, sized.size);
        yield zeros(sized.size);
      }
    } finally {
      closeSync(fd);
    }
  }

  async function* directory(path: string, name: string): AsyncGenerator<Buffer> {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      for (const child of readdirSync(below(fd, '.')).sort())
        yield* entry(below(fd, child), name === '' || name === '/' ? name + child : `${name}/${child}`);
    } finally {
      closeSync(fd);
    }
  }

  /** Entries that vanish while they are read are left out. */
  async function* entry(path: string, name: string): AsyncGenerator<Buffer> {
    const stats = statBig(path);
    const type = stats === undefined ? undefined : typeOf(stats);
    if (stats === undefined || type === undefined || options.skip?.(name)) return;
    const header = headerOf(name, type, stats);
    if (options.overlay && isWhiteout(stats)) {
      const { directory: parent, base } = splitPath(name);
      const hidden = `${parent === '' ? '' : `${parent}/`}${whiteoutPrefix}${base}`;
      yield formatEntry({
        ...header,
        name: hidden,
        type: typeFlags.file,
        mode: whiteoutMode,
        deviceMajor: 0,
        deviceMinor: 0,
      });
      return;
    }
    const inode = `${stats.dev}:${stats.ino}`;
    const first = stats.nlink > 1n && type !== typeFlags.directory ? linked.get(inode) : undefined;
    if (first !== undefined) {
      yield formatEntry({ ...header, type: typeFlags.link, linkName: first });
      return;
    }
    if (stats.nlink > 1n) linked.set(inode, name);
    try {
      if (type === typeFlags.file) yield* file(path, header);
      else if (type === typeFlags.directory) {
        yield formatEntry(header, attributesOf(path));
        if (options.overlay && getAttribute(path, opaqueAttribute)?.toString() === 'y')
          yield formatEntry({
            ...header,
            name: `${name}/${opaqueWhiteout}`,
            type: typeFlags.file,
            mode: whiteoutMode,
          });
        yield* directory(path, name);
      } else {
        const linkName = type === typeFlags.symlink ? readlinkSync(path) : '';
        yield formatEntry({ ...header, linkName }, attributesOf(path));
      }
    } catch (error) {
      if (!['ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO'].includes(errnoOf(error) ?? '')) throw error;
    }
  }

  const path = cleanName(options.path ?? '');
  const name = options.name ?? '';
  if (path === '') {
    const stats = statBig(below(rootFd, '.'))!;
    if (options.withRoot || name !== '')
      yield formatEntry(
        headerOf(name === '' ? '.' : name, typeFlags.directory, stats),
        attributesOf(below(rootFd, '.')),
      );
    yield* directory(below(rootFd, '.'), name);
  } else {
    const { directory: parentPath, base } = splitPath(path);
    const parent = openDirectory(rootFd, parentPath);
    try {
      if (name === '') yield* directory(below(parent, base), '');
      else yield* entry(below(parent, base), name);
    } finally {
      closeSync(parent);
    }
  }
  yield endOfArchive;
}

/** Joins small pieces: a stream costs by the piece. */
export async function* gather(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let length = 0;
  for await (const piece of source) {
    waiting.push(piece);
    length += piece.length;
    if (length < chunkBytes) continue;
    yield waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(waiting);
}

/** The tree below `root` as a tar stream. */
export function createTar(root: string, options: CreateOptions = {}): Readable {
  async function* archive(): AsyncGenerator<Buffer> {
    const rootFd = openRoot(root);
    try {
      yield* gather(pieces(rootFd, options));
    } finally {
      closeSync(rootFd);
    }
  }
  return Readable.from(archive(), { objectMode: false, highWaterMark: 2 * chunkBytes });
}
