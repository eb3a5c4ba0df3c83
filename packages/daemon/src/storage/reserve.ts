/**
 * Room kept back on the disk, so that removing things, which writes a record first, works when the disk is full.
 *
 * In: the data root, a removal. Out: its result. May import: errors.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.js';

/** Some container records, or the references of some thousand images. */
const reserveBytes = 512 * 1024;
/** By then what was removed is gone from the disk. */
const refillDelayMs = 10_000;
const pathIn = (dataRoot: string): string => join(dataRoot, 'reserve');

/** Takes the room, if there is any; nothing fails for the lack of it. */
export async function fillReserve(dataRoot: string): Promise<void> {
  await writeFile(pathIn(dataRoot), Buffer.alloc(reserveBytes), { mode: 0o600 }).catch(() =>
    rm(pathIn(dataRoot), { force: true }),
  );
}

/** Runs `work`, which frees room in the end; on a full disk once more with the reserve given up for it. */
export async function withReserve<T>(dataRoot: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC') throw error;
  }
  await rm(pathIn(dataRoot), { force: true });
  setTimeout(() => void fillReserve(dataRoot), refillDelayMs).unref();
  return work();
}
