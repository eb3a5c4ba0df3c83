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

const attempts = 5;

/** All files of the log, oldest first; opened again when a rotation came between. */
export async function openLogFiles(path: string): Promise<FileHandle[]> {
  for (let attempt = 1; ; attempt++) {
    const older = (await rotatedIndices(path)).reverse().map((index) => rotatedPath(path, index));
    const files: FileHandle[] = [];
    const inodes = new Set<number>();
    for (const each of [...older, path]) {
      const file = await openLog(each);
      if (file === undefined) continue;
      const { ino } = await file.stat();
      if (inodes.has(ino)) await file.close();
      else files.push(file);
      inodes.add(ino);
    }
    const current = await inodeOf(path);
    if (attempt === attempts || current === undefined || inodes.has(current)) return files;
    await Promise.all(files.map((file) => file.close()));
  }
}

/** The file after the one with `inode`: its successor in the rotation, or the oldest there is. */
export async function openNext(path: string, inode: number): Promise<FileHandle | undefined> {
  const indices = await rotatedIndices(path);
  for (const [position, index] of indices.entries())
    if ((await inodeOf(rotatedPath(path, index))) === inode)
      return openLog(position === 0 ? path : rotatedPath(path, indices[position - 1]!));
  return openLog(path);
}
