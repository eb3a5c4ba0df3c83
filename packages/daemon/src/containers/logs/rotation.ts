/**
 * Rotation. conmon itself begins a new file when the one it writes is full, and puts it in the old one's place. A
 * second name for that file, `<log>.0`, keeps what conmon would lose: when the two names stop meaning the same file,
 * `.0` becomes `.1` and its predecessors move up. So each file has its bound, and all together, daemon or not.
 * What moved up is compressed where that is wanted, while rotation continues.
 *
 * In: which logs, how many files. Out: renamed, compressed and removed files. May import: errors, log.
 */
import { type FSWatcher, watch } from 'node:fs';
import { link, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errnoOf } from '../../errors.js';
import type { Logger } from '../../log.js';
import { compressInto, putInPlace } from './compress.js';
import { inodeOf, rotatedFiles, rotatedPath } from './files.js';

/** A flood that replaces the file faster than this can follow loses whole files, as it would lose them later. */
const roundsAtOnce = 10;

/** One round: true when the file had been replaced. */
async function shift(path: string, maxFiles: number): Promise<boolean> {
  const second = rotatedPath(path, 0);
  const [current, kept] = await Promise.all([inodeOf(path), inodeOf(second)]);
  if (current === undefined || current === kept) return false;
  if (kept !== undefined) {
    for (const file of (await rotatedFiles(path)).reverse())
      if (file.index >= maxFiles - 1) await rm(file.path, { force: true });
      else await rename(file.path, `${rotatedPath(path, file.index + 1)}${file.compressed ? '.gz' : ''}`);
  }
  await link(path, second);
  return kept !== undefined;
}

/** Brings names in line with what conmon did. */
export async function rotate(path: string, maxFiles: number): Promise<void> {
  for (let round = 0; round < roundsAtOnce && (await shift(path, maxFiles)); round++);
}

/** Compresses predecessors, the newest first; `inTurn` runs a step while nothing is renamed. */
export async function compressRotated(
  path: string,
  inTurn: (step: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.gz.tmp`;
  for (;;) {
    const files = (await rotatedFiles(path)).filter(({ index }) => index > 0);
    const next = files.find(({ compressed }) => !compressed);
    if (next === undefined) return rm(temporary, { force: true });
    // A crash came before its removal: the compressed one is whole.
    if (files.some(({ index, compressed }) => compressed && index === next.index))
      await inTurn(() => rm(next.path, { force: true }));
    else {
      const { inode } = await compressInto(next.path, temporary);
      await inTurn(async () => {
        // It may have moved up meanwhile, or be gone.
        for (const file of await rotatedFiles(path))
          if (!file.compressed && file.index > 0 && (await inodeOf(file.path)) === inode)
            return putInPlace(temporary, file.path);
      });
    }
  }
}

export interface RotationPlan {
  path: string;
  maxFiles: number;
  compress: boolean;
}

export interface Rotator {
  /** Follows a log with several files, once; settles when what was found is in order. Others cost nothing. */
  add(id: string, plan: RotationPlan): Promise<void>;
  /** What is being compressed is compressed to its end. */
  remove(id: string): void;
  close(): void;
}

/** One inotify instance (the process's) tells of all logs; nothing runs while nothing is replaced. */
export function createRotator(log: Logger): Rotator {
  const watchers = new Map<string, FSWatcher>();
  /** The end of the last step and of the last compression of each log: a container may start again meanwhile. */
  const turns = new Map<string, Promise<void>>();
  const compressions = new Map<string, Promise<void>>();

  function after(ends: Map<string, Promise<void>>, id: string, step: () => Promise<void>): Promise<void> {
    const own = (ends.get(id) ?? Promise.resolve()).then(step);
    const end = own
      .catch(() => {})
      .then(() => {
        if (ends.get(id) === end) ends.delete(id);
      });
    ends.set(id, end);
    return own;
  }

  function follow(id: string, { path, maxFiles, compress }: RotationPlan): Promise<void> {
    const name = basename(path);
    let waiting = false;
    const report = (error: unknown) => {
      // Removed with its container.
      if (errnoOf(error) !== 'ENOENT') log.warn({ container: id, error: String(error) }, 'log not rotated');
    };
    const inTurn = (step: () => Promise<void>) => after(turns, id, step);
    const rotateInTurn = async (): Promise<void> => {
      if (waiting) return;
      waiting = true;
      await inTurn(() => {
        waiting = false;
        return rotate(path, maxFiles);
      }).catch(report);
      if (compress) after(compressions, id, () => compressRotated(path, inTurn)).catch(report);
    };
    const watcher = watch(dirname(path), (kind, changed) => {
      if (kind === 'rename' && changed === name) void rotateInTurn();
    });
    watcher.on('error', (error) => log.warn({ container: id, error: String(error) }, 'log not watched'));
    watchers.set(id, watcher);
    // What happened while nobody watched.
    return rotateInTurn();
  }

  return {
    async add(id, plan) {
      if (!watchers.has(id)) await follow(id, plan);
    },
    remove(id) {
      watchers.get(id)?.close();
      watchers.delete(id);
    },
    close() {
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
