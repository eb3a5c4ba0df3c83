/**
 * Bytes of the files below a directory, hard links counted once, as `docker system df` shows them.
 *
 * In: a directory that may change meanwhile. Out: a sum. May import: errors.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.js';

/** Directories and empty files count nothing; what vanishes while we look counts nothing. */
export async function bytesBelow(root: string): Promise<number> {
  const linked = new Set<string>();
  const waiting = [root];
  let bytes = 0;
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    const children = await readdir(directory, { withFileTypes: true }).catch(ignoreVanished);
    for (const child of children ?? []) {
      const path = join(directory, child.name);
      if (child.isDirectory()) {
        waiting.push(path);
        continue;
      }
      const file = await lstat(path).catch(ignoreVanished);
      if (!file) continue;
      if (file.nlink > 1) {
        const key = `${file.dev}:${file.ino}`;
        if (linked.has(key)) continue;
        linked.add(key);
      }
      bytes += file.size;
    }
  }
  return bytes;
}

function ignoreVanished(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
}
