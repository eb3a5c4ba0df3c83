/**
 * Ends the lines a container left unfinished in its log, so that the next start's output does not continue in them.
 *
 * In: a log's path. Out: entries added at its end. May import: errors.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf } from '../../errors.js';
import { isEntry, isPartial, isStderr, textOffset } from './entry.js';

/** More than the longest entry conmon writes (STDIO_BUF_SIZE) for each stream. */
const tailBytes = 32 * 1024;
const newline = 0x0a;

/** The last entry of each stream that continues, as it stands in the log. */
export function openLines(tail: Buffer): { at: number }[] {
  const last: { stdout?: number; stderr?: number } = {};
  for (let at = 0; ; ) {
    const end = tail.indexOf(newline, at);
    if (end < 0) break;
    if (isEntry(tail, at, end - at)) last[isStderr(tail, at) ? 'stderr' : 'stdout'] = at;
    at = end + 1;
  }
  return Object.values(last)
    .filter((at) => isPartial(tail, at))
    .map((at) => ({ at }));
}

/** Appends an entry that ends each unfinished line without a newline; nothing when there is no log yet. */
export async function closeOpenLines(path: string): Promise<void> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = await file.stat();
    if (size === 0) return;
    const tail = Buffer.alloc(Math.min(size, tailBytes));
    await file.read(tail, 0, tail.length, size - tail.length);
    for (const { at } of openLines(tail))
      await file.write(`${tail.toString('latin1', at, at + textOffset - 2)}E \n`);
  } finally {
    await file.close();
  }
}
