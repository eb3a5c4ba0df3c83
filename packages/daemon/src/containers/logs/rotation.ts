/**
 * Rotation. conmon itself begins a new file when the one it writes is full, and puts it in the old one's place. A
 * second name for that file, `<log>.0`, keeps what conmon would lose: when the two names stop meaning the same file,
 * `.0` becomes `.1` and its predecessors move up. So each file has its bound, and all together, daemon or not.
 *
 * In: which logs, how many files. Out: renamed and removed files. May import: errors, log.
 */
import { type FSWatcher, watch } from 'node:fs';
import { link, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errnoOf } from '../../errors.js';
import type { Logger } from '../../log.js';
import { inodeOf, rotatedIndices, rotatedPath } from './files.js';

/** A flood that replaces the file faster than this can follow loses whole files, as it would lose them later. */
const roundsAtOnce = 10;

/** One round: true when the file had been replaced. */
async function shift(path: string, maxFiles: number): Promise<boolean> {
  const second = rotatedPath(path, 0);
  const [current, kept] = await Promise.all([inodeOf(path), inodeOf(second)]);
  if (current === undefined || current === kept) return false;
  if (kept !== undefined) {
    for (const index of (await rotatedIndices(path)).reverse())
      if (index >= maxFiles - 1) await rm(rotatedPath(path, index), { force: true });
      else await rename(rotatedPath(path, index), rotatedPath(path, index + 1));
  }
  await link(path, second);
  return kept !== undefined;
}

/** Brings names in line with what conmon did. */
export async function rotate(path: string, maxFiles: number): Promise<void> {
  for (let round = 0; round < roundsAtOnce && (await shift(path, maxFiles)); round++);
}

export interface Rotator {
  /** Follows a log with several files; others cost nothing. */
  add(id: string, path: string, maxFiles: number): void;
  remove(id: string): void;
  close(): void;
}

/** One inotify instance (the process's) tells of all logs; nothing runs while nothing is replaced. */
export function createRotator(log: Logger): Rotator {
  const watchers = new Map<string, FSWatcher>();

  function follow(id: string, path: string, maxFiles: number): FSWatcher {
    const name = basename(path);
    let running = false;
    let again = false;
    const turn = async () => {
      again = running;
      if (running) return;
      running = true;
      do {
        again = false;
        await rotate(path, maxFiles).catch((error: unknown) => {
          // Removed with its container.
          if (errnoOf(error) !== 'ENOENT')
            log.warn({ container: id, error: String(error) }, 'log not rotated');
        });
      } while (again);
      running = false;
    };
    const watcher = watch(dirname(path), (kind, changed) => {
      if (kind === 'rename' && changed === name) void turn();
    });
    watcher.on('error', (error) => log.warn({ container: id, error: String(error) }, 'log not watched'));
    // What happened while nobody watched.
    void turn();
    return watcher;
  }

  return {
    add(id, path, maxFiles) {
      watchers.get(id)?.close();
      watchers.set(id, follow(id, path, maxFiles));
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
