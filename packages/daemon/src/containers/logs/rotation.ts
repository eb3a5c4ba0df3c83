/**
 * Rotation: when the file being written is too large it becomes `<log>.1`, its predecessors move up, and conmon opens
 * a new file. One timer looks at all logs that have a bound.
 *
 * In: which logs, their bounds. Out: renamed and removed files. May import: errors.
 */
import { rename, rm, stat } from 'node:fs/promises';
import { errnoOf } from '../../errors.js';
import type { Logger } from '../../log.js';
import { rotatedIndices, rotatedPath } from './files.js';
import type { LogKeeping } from './options.js';

export interface RotatedLog {
  path: string;
  keeping: LogKeeping;
  /** Makes conmon open `path` anew. */
  reopen(): Promise<void>;
}

/** How often sizes are looked at. conmon's own bound holds in between. */
const intervalMs = 250;

const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await stat(path)).size;
  } catch (error) {
    // Renamed, and not opened by conmon yet.
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

/** Rotates if the file is too large; the writer keeps writing to the renamed file until it has the new one. */
export async function rotate({ path, keeping, reopen }: RotatedLog): Promise<boolean> {
  const { maxBytes, maxFiles } = keeping;
  const size = await sizeOf(path);
  if (maxBytes === undefined || size === undefined || size <= maxBytes) return false;
  // With one file, conmon's own reopening replaces it.
  if (maxFiles > 1) {
    // A flood may have made files larger than they should be: together they stay within the bound.
    let kept = size;
    for (const index of (await rotatedIndices(path)).slice()) {
      kept += (await sizeOf(rotatedPath(path, index))) ?? 0;
      if (index >= maxFiles - 1 || kept > maxBytes * maxFiles)
        await rm(rotatedPath(path, index), { force: true });
    }
    for (const index of (await rotatedIndices(path)).reverse())
      await rename(rotatedPath(path, index), rotatedPath(path, index + 1));
    await rename(path, rotatedPath(path, 1));
  }
  await reopen();
  return true;
}

export interface Rotator {
  /** Watches a log with a bound; others cost nothing. */
  add(id: string, log: RotatedLog): void;
  remove(id: string): void;
  close(): void;
}

/** A rotator with its timer, which runs only while there is something to watch. */
export function createRotator(log: Logger): Rotator {
  const logs = new Map<string, RotatedLog>();
  let timer: NodeJS.Timeout | undefined;

  async function round(): Promise<void> {
    timer = undefined;
    for (const [id, each] of logs)
      await rotate(each).catch((error: unknown) => log.warn({ container: id, error }, 'log not rotated'));
    schedule();
  }

  function schedule(): void {
    if (timer === undefined && logs.size > 0) timer = setTimeout(() => void round(), intervalMs).unref();
  }

  return {
    add(id, each) {
      if (each.keeping.maxBytes === undefined) return;
      logs.set(id, each);
      schedule();
    },
    remove(id) {
      logs.delete(id);
    },
    close() {
      logs.clear();
      clearTimeout(timer);
    },
  };
}
