/**
 * The files of one log: the one being written and its predecessors, `<log>.1` the newest of them.
 *
 * In: the log's path. Out: open files in order. May import: errors.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errnoOf } from '../../errors.js';

export const rotatedPath = (path: string, index: number): string => `${path}.${index}`;

/** Numbers of the predecessors that exist, newest first; 0 may be a second name of the file being written. */
export async function rotatedIndices(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((one, other) => one - other);
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

/** Paths of the log's files that exist, oldest first. */
const pathsOf = async (path: string): Promise<string[]> => [
  ...(await rotatedIndices(path)).reverse().map((index) => rotatedPath(path, index)),
  path,
];

/** Rotations are seconds apart, or as fast as a flood: then what is lost is lost. */
const attempts = 20;

interface Place {
  path: string;
  inode: number;
  bornNs: bigint;
}

/** The log's files, oldest first, each once. */
async function survey(path: string): Promise<Place[]> {
  const paths = await pathsOf(path);
  const stats = await Promise.all(paths.map((each) => stat(each, { bigint: true }).catch(() => undefined)));
  const places: Place[] = [];
  for (const [index, found] of stats.entries())
    if (found !== undefined && !places.some(({ inode }) => inode === Number(found.ino)))
      places.push({ path: paths[index]!, inode: Number(found.ino), bornNs: found.birthtimeNs });
  return places;
}

/** True when no rotation came since `before` was surveyed: names would stand for other files. */
async function isUnchanged(path: string, before: readonly Place[]): Promise<boolean> {
  const now = await survey(path);
  return now.length === before.length && now.every(({ inode }, index) => inode === before[index]!.inode);
}

/** All files of the log, oldest first; opened again when a rotation came between. */
export async function openLogFiles(path: string): Promise<FileHandle[]> {
  for (let attempt = 1; ; attempt++) {
    const places = await survey(path);
    const opened = await Promise.all(places.map((place) => openLog(place.path)));
    const files = opened.filter((file) => file !== undefined);
    if (attempt === attempts || (await isUnchanged(path, places))) return files;
    await Promise.all(files.map((file) => file.close()));
  }
}

/** The file after `file`: its successor, or, when it is no longer among the log's, the first that is not older. */
export async function openNext(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const own = await file.stat({ bigint: true });
  for (let attempt = 1; ; attempt++) {
    const places = await survey(path);
    const position = places.findIndex(({ inode }) => inode === Number(own.ino));
    const next =
      position >= 0 ? places[position + 1] : places.find(({ bornNs }) => bornNs >= own.birthtimeNs);
    const opened = next === undefined ? undefined : await openLog(next.path);
    if (attempt === attempts || (await isUnchanged(path, places))) return opened;
    await opened?.close();
  }
}
