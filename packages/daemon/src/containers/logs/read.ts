/**
 * Reads a container's log: all of it or its tail, then what is added, across rotations, until the container ends.
 *
 * In: a path, a query. Out: batches of bytes for the client. May import: nothing of other areas.
 */
import { addAbortListener } from 'node:events';
import { watch } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCurrent, type LogFile, openLogFiles, openNext } from './files.js';
import { createLogFormatter, type LogFormat } from './format.js';
import { findTail } from './tail.js';

export interface LogQuery extends LogFormat {
  path: string;
  /** Lines from the end; undefined: all. */
  tail?: number;
  /** Absent: the log is read to its end. Settles when the container has ended and its log is whole. */
  follow?: { ended: Promise<void>; signal: AbortSignal };
}

const blockBytes = 256 * 1024;
const newline = 0x0a;

/** A wake-up may be missed on file systems without inotify: look again after this. */
const watchdogMs = 1000;

/** A log's changes; `changed` resolves at once when there were some since the last call. */
function watchLog(path: string, ended: Promise<void>, signal: AbortSignal) {
  let dirty = false;
  let wake = () => {};
  const stir = () => {
    dirty = true;
    wake();
  };
  // One inotify instance serves all watchers of the process.
  const watcher = watch(dirname(path), stir);
  watcher.on('error', stir);
  const aborted = addAbortListener(signal, stir);
  void ended.then(stir);
  return {
    async changed() {
      if (!dirty)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, watchdogMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      dirty = false;
    },
    close() {
      watcher.close();
      aborted[Symbol.dispose]();
    },
  };
}

const sizeOf = async (file: LogFile): Promise<number> => (await (await file.content()).stat()).size;

/** Where the last `wanted` lines before `limit` in the newest file begin: files before it are closed and left out. */
async function seekTail(files: LogFile[], wanted: number, limit: number): Promise<number> {
  let missing = wanted;
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index]!;
    const size = index === files.length - 1 ? Math.min(await sizeOf(file), limit) : await sizeOf(file);
    const tail = await findTail(await file.content(), size, missing);
    missing -= tail.lines;
    if (missing > 0 && index > 0) continue;
    await Promise.all(files.splice(0, index).map((older) => older.close()));
    return tail.offset;
  }
  return 0;
}

/** Yields what the query selects. Ends with the log, with the container when it follows, or with the signal. */
export async function* readLog(query: LogQuery): AsyncGenerator<Buffer, void> {
  const { path, follow } = query;
  const formatter = createLogFormatter(query);
  let ended = false;
  void follow?.ended.then(() => {
    ended = true;
  });
  const watcher = follow && watchLog(path, follow.ended, follow.signal);
  const files = await openLogFiles(path);
  const block = Buffer.allocUnsafe(blockBytes);
  let position = 0;
  let rest = Buffer.alloc(0);
  // Without following, the newest file is read as far as it goes now: a program may write faster than a client reads.
  let limit = Number.POSITIVE_INFINITY;
  const limitOf = (): number => (files.length === 1 ? limit : Number.POSITIVE_INFINITY);

  /** Everything of the first file from `position` on. */
  async function* drain(file: FileHandle): AsyncGenerator<Buffer, void> {
    for (;;) {
      const wanted = Math.min(blockBytes, limitOf() - position);
      if (wanted <= 0) return;
      const { bytesRead } = await file.read(block, 0, wanted, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const bytes =
        rest.length === 0
          ? block.subarray(0, bytesRead)
          : Buffer.concat([rest, block.subarray(0, bytesRead)]);
      const whole = bytes.lastIndexOf(newline) + 1;
      const output = formatter.format(bytes.subarray(0, whole));
      rest = Buffer.from(bytes.subarray(whole));
      if (output.length > 0) yield output;
      if (formatter.done || follow?.signal.aborted) return;
    }
  }

  try {
    if (follow === undefined && files.length > 0) limit = await sizeOf(files.at(-1)!);
    if (query.tail !== undefined) position = await seekTail(files, query.tail, limit);
    for (;;) {
      // Asked before reading: what was written until the container ended is then read.
      const last = follow === undefined || ended;
      const file = files[0];
      if (file !== undefined) {
        const content = await file.content();
        yield* drain(content);
        if (formatter.done || follow?.signal.aborted) return;
        if (files.length === 1 && follow !== undefined) {
          if ((await content.stat()).size < position) position = 0;
          if (!(await isCurrent(path, file))) {
            // Replaced: what was written before that is read first.
            yield* drain(content);
            const next = await openNext(path, file);
            if (next !== undefined) files.push(next);
          }
        }
        if (files.length > 1) {
          await files.shift()!.close();
          position = 0;
          rest = Buffer.alloc(0);
          continue;
        }
      } else files.push(...(await openLogFiles(path)));
      if (last) break;
      await watcher?.changed();
      if (follow?.signal.aborted) return;
    }
    const output = formatter.finish();
    if (output.length > 0) yield output;
  } finally {
    watcher?.close();
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Settles at `time` (milliseconds since the epoch): `--until` ends a log that is followed. */
export async function reached(time: number, signal: AbortSignal): Promise<void> {
  const longestMs = 2 ** 31 - 1;
  for (let left = time - Date.now(); left > 0 && !signal.aborted; left = time - Date.now())
    await sleep(Math.min(left, longestMs), undefined, { signal }).catch(() => {});
}
