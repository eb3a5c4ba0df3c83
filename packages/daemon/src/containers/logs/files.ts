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

/** Numbers of the predecessors that exist, newest first. */
export async function rotatedIndices(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length)))
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

/** All files of the log, oldest first; opened again when a rotation came between. */
export async function openLogFiles(path: string): Promise<FileHandle[]> {
  for (let attempt = 1; ; attempt++) {
    const paths = await pathsOf(path);
    const opened = await Promise.all(paths.map(openLog));
    const inodes = await Promise.all(opened.map(async (file) => (await file?.stat())?.ino));
    const now = await Promise.all(paths.map(inodeOf));
    const isStable = inodes.every((inode, index) => inode === now[index]);
    const files = opened.filter((file) => file !== undefined);
    if (isStable || attempt === attempts) return files;
    await Promise.all(files.map((file) => file.close()));
  }
}

/** The file after `file`: its successor in the rotation, or, when it was removed, the oldest there is. */
export async function openNext(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const { ino } = await file.stat();
  for (let attempt = 1; ; attempt++) {
    const paths = await pathsOf(path);
    const inodes = await Promise.all(paths.map(inodeOf));
    const place = inodes.indexOf(ino);
    const next = paths[place + 1];
    const opened = next === undefined ? undefined : await openLog(next);
    // A rotation moves every file: one that stands where it stood says that there was none meanwhile.
    const isStable = place < 0 ? (await file.stat()).nlink === 0 : (await inodeOf(paths[place]!)) === ino;
    if (isStable || attempt === attempts) return opened;
    await opened?.close();
  }
}
