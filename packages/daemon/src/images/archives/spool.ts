/**
 * An archive's files in a temporary directory under numbers of our own: no name of the archive reaches the file system.
 *
 * In: a tar stream, possibly compressed. Out: files by their name in the archive. May import: archive, errors.
 */
import { closeSync, createReadStream, mkdtempSync, openSync, writeSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { decompress } from '../../archive/decompress.js';
import { ArchiveError, typeFlags } from '../../archive/header.js';
import { readTar } from '../../archive/reader.js';
import { DaemonError } from '../../errors.js';

export interface Spool {
  has(name: string): boolean;
  /** A small file, whole; undefined when there is none. Throws when it is larger than the bound. */
  read(name: string, limitBytes: number): Promise<Buffer | undefined>;
  size(name: string): Promise<number>;
  stream(name: string): Readable;
  remove(): Promise<void>;
}

const readBytes = 256 * 1024;
/** Entries an image archive can sensibly have: some blobs per image. */
const entryLimit = 100_000;
/** Symlinks that lead to symlinks (docker-archive links repeated layers once). */
const linkDepth = 8;

const clean = (name: string): string => posix.normalize(`/${name}`).slice(1).replace(/\/$/, '');

/** Reads the whole archive; nothing is left when it fails. */
export async function spoolArchive(input: Readable, temporary: string): Promise<Spool> {
  const directory = mkdtempSync(join(temporary, 'load-'));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  /** Path on disk, or the name a link leads to. */
  const files = new Map<string, { path: string } | { link: string }>();
  let fd: number | undefined;
  let count = 0;
  const closeFile = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  try {
    await readTar(await decompress(input), {
      entry(entry) {
        const name = clean(entry.name);
        if (++count > entryLimit)
          throw new DaemonError('invalid', `the archive has more than ${entryLimit} entries`);
        if (entry.type === typeFlags.symlink)
          files.set(name, { link: clean(posix.join(posix.dirname(`/${name}`), entry.linkName)) });
        else if (entry.type === typeFlags.link) files.set(name, { link: clean(entry.linkName) });
        else if (entry.type === typeFlags.file || entry.type === typeFlags.contiguousFile) {
          const path = join(directory, String(count));
          fd = openSync(path, 'wx', 0o600);
          files.set(name, { path });
        }
      },
      content(bytes) {
        if (fd !== undefined) for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      },
      end: closeFile,
    });
  } catch (error) {
    closeFile();
    await remove();
    throw error instanceof ArchiveError ? new DaemonError('invalid', error.message, { cause: error }) : error;
  }

  const find = (name: string): string | undefined => {
    let at = clean(name);
    for (let depth = 0; depth < linkDepth; depth++) {
      const file = files.get(at);
      if (file === undefined) return undefined;
      if ('path' in file) return file.path;
      at = file.link;
    }
    return undefined;
  };
  const must = (name: string): string => {
    const path = find(name);
    if (path === undefined)
      throw new DaemonError('system', `invalid archive: open ${clean(name)}: no such file or directory`);
    return path;
  };

  return {
    has: (name) => find(name) !== undefined,
    size: async (name) => (await stat(must(name))).size,
    stream: (name) => createReadStream(must(name), { highWaterMark: readBytes }),
    remove,
    async read(name, limitBytes) {
      const path = find(name);
      if (path === undefined) return undefined;
      const file = await open(path);
      try {
        const { size } = await file.stat();
        if (size > limitBytes)
          throw new DaemonError('invalid', `invalid archive: ${clean(name)} is too large`);
        return await file.readFile();
      } finally {
        await file.close();
      }
    },
  };
}
