/**
 * A block device over a file of the host.
 *
 * In: requests in sectors. Out: completions, later. May import: errors.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { HostError } from '../errors.js';

/** virtio 1.2 §5.2: sectors are 512 bytes whatever the medium's block size. */
export const sectorBytes = 512;
/** Requests in flight before `submit` refuses. */
const queueLength = 64;

export interface Completion {
  identifier: number;
  /** 0 done, 1 I/O error. */
  status: number;
  /** What a read returned. */
  data: Uint8Array;
}

export interface BlockFile {
  readonly sectors: bigint;
  readonly readOnly: boolean;
  /** Results as of `block_submit`: 0, 1 queue full, 3 out of range, 4 read-only. `data` is copied before it returns. */
  submit(operation: number, identifier: number, sector: bigint, sectors: number, data: Uint8Array): number;
  /** Takes the next completion. */
  complete(): Completion | undefined;
  readonly waiting: number;
  close(): Promise<void>;
}

/** Opens `path`, read-only when it may not be written. `ready` is called when a completion waits. */
export async function openBlockFile(path: string, ready: () => void): Promise<BlockFile> {
  let readOnly = false;
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDWR).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EACCES' && error.code !== 'EROFS') throw error;
      readOnly = true;
      return open(path, constants.O_RDONLY);
    });
  } catch (error) {
    throw new HostError(
      'disk-unreadable',
      `cannot open disk ${path} (${(error as NodeJS.ErrnoException).code}): create it with truncate -s 64M ${path}`,
      { cause: error },
    );
  }
  const { size } = await file.stat();
  const sectors = BigInt(Math.floor(size / sectorBytes));
  const completions: Completion[] = [];
  let inFlight = 0;
  const nothing = new Uint8Array(0);

  async function perform(operation: number, position: number, data: Uint8Array): Promise<Uint8Array> {
    if (operation === 2) {
      await file.datasync();
      return nothing;
    }
    for (let done = 0; done < data.length; ) {
      const rest = [data, done, data.length - done, position + done] as const;
      const moved =
        operation === 0 ? (await file.read(...rest)).bytesRead : (await file.write(...rest)).bytesWritten;
      if (moved === 0) throw new Error('end of file');
      done += moved;
    }
    return operation === 0 ? data : nothing;
  }

  return {
    sectors,
    readOnly,
    submit(operation, identifier, sector, sectorCount, data) {
      if (operation > 2) return 3;
      if (operation === 1 && readOnly) return 4;
      const length = operation === 0 ? sectorCount * sectorBytes : data.length;
      if (operation !== 2 && (length === 0 || length % sectorBytes !== 0)) return 3;
      if (operation !== 2 && sector + BigInt(length / sectorBytes) > sectors) return 3;
      if (inFlight + completions.length >= queueLength) return 1;
      inFlight++;
      const bytes = operation === 1 ? new Uint8Array(data) : new Uint8Array(operation === 0 ? length : 0);
      const settle = (status: number, result: Uint8Array): void => {
        inFlight--;
        completions.push({ identifier, status, data: result });
        ready();
      };
      perform(operation, Number(sector) * sectorBytes, bytes).then(
        (result) => settle(0, result),
        () => settle(1, nothing),
      );
      return 0;
    },
    complete: () => completions.shift(),
    get waiting() {
      return completions.length;
    },
    close: () => file.close(),
  };
}
