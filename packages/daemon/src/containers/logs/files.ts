/**
 * The files of one log: the one being written and its predecessors, `<log>.1` the newest of them, or `<log>.1.gz`.
 *
 * In: the log's path. Out: open files in order. May import: errors, compress.
 */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errnoOf } from '../../errors.js';
import { type Identity, identityOf, isSame, originalOf, unpack } from './compress.js';

export const rotatedPath = (path: string, index: number): string => `${path}.${index}`;

export interface RotatedFile {
  index: number;
  path: string;
  compressed: boolean;
}

/** The predecessors that exist, newest first; 0 may be a second name of the file being written. */
export async function rotatedFiles(path: string): Promise<RotatedFile[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  return names
    .flatMap((name): RotatedFile[] => {
      const match = name.startsWith(prefix) ? /^(\d+)(\.gz)?$/.exec(name.slice(prefix.length)) : null;
      if (match === null) return [];
      const compressed = match[2] !== undefined;
      const index = Number(match[1]);
      return [{ index, path: `${rotatedPath(path, index)}${compressed ? '.gz' : ''}`, compressed }];
    })
    .sort((one, other) => one.index - other.index || Number(one.compressed) - Number(other.compressed));
}

/** A file that is missing is undefined; a log is never a link. */
export async function openLog(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** True when `file` is the one that is written now. */
export async function isCurrent(path: string, file: Identity): Promise<boolean> {
  try {
    const { ino, birthtimeNs } = await stat(path, { bigint: true });
    return isSame(file, { inode: Number(ino), bornNs: birthtimeNs });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** One file of a log, held open. */
export interface LogFile extends Identity {
  /** What was logged, to be read at any offset: unpacked when it is first asked for. */
  content(): Promise<FileHandle>;
  close(): Promise<void>;
}

/** Rotations are seconds apart, or as fast as a flood: then what is lost is lost. */
const attempts = 20;

async function openFile({ path, compressed }: Omit<RotatedFile, 'index'>): Promise<LogFile | undefined> {
  const file = await openLog(path);
  if (file === undefined) return undefined;
  const identity = (compressed ? await originalOf(file) : undefined) ?? (await identityOf(file));
  let content: Promise<FileHandle> | undefined;
  return {
    ...identity,
    content() {
      const name = `${basename(path)}.${randomBytes(4).toString('hex')}.tmp`;
      content ??= compressed ? unpack(file, dirname(path), name) : Promise.resolve(file);
      return content;
    },
    async close() {
      await file.close();
      if (compressed) await content?.then((unpacked) => unpacked.close()).catch(() => {});
    },
  };
}

/** The log's files, oldest first, each once: while one is put in another's place both names are there. */
async function openAll(path: string): Promise<LogFile[]> {
  const places = [...(await rotatedFiles(path)).reverse(), { path, compressed: false }];
  const opened = (await Promise.all(places.map(openFile))).filter((file) => file !== undefined);
  const files: LogFile[] = [];
  for (const file of opened)
    if (files.some((other) => isSame(other, file))) await file.close();
    else files.push(file);
  return files;
}

const closeAll = (files: readonly LogFile[]) => Promise.all(files.map((file) => file.close()));

/** All files of the log, oldest first; opened again when a rotation came between. */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  for (let attempt = 1, files = await openAll(path); ; attempt++) {
    const again = await openAll(path);
    if (again.length === files.length && again.every((file, index) => isSame(file, files[index]!))) {
      await closeAll(again);
      return files;
    }
    await closeAll(files);
    if (attempt === attempts) return again;
    files = again;
  }
}

/** The file after `file`: its successor, or, when it is no longer among the log's, the first that is not older. */
export async function openNext(path: string, file: LogFile): Promise<LogFile | undefined> {
  const files = await openLogFiles(path);
  const position = files.findIndex((other) => isSame(other, file));
  const next = position >= 0 ? files[position + 1] : files.find(({ bornNs }) => bornNs >= file.bornNs);
  await closeAll(files.filter((other) => other !== next));
  return next;
}
