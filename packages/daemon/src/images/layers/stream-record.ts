/**
 * What a layer's tar was apart from its files' content, so that it can be made again byte for byte: the idea of
 * tar-split. Content is read from the unpacked files; headers, padding and deletions are kept here.
 *
 * In: the pieces of a tar in order. Out: a compressed file; later the tar. May import: archive.
 *
 * Format: a gzip stream (several members) of records: 0, length u32, bytes; or 1, size u48, length of path u16, path
 * (big-endian). `displaced` tells where content went that a later entry of the same layer replaced.
 */
import { closeSync, createReadStream, openSync, readSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip, gzipSync } from 'node:zlib';

/** Content up to record number `before` that was at `from` (or below it) lies at `to`. */
export interface Displaced {
  before: number;
  from: string;
  to: string;
}

const kinds = { bytes: 0, file: 1 } as const;
const memberBytes = 512 * 1024;
const readBytes = 512 * 1024;

export interface StreamRecorder {
  bytes(bytes: Buffer): void;
  /** The next `size` bytes are the content of the file at `location`. */
  file(location: string, size: number): void;
  /** Records written so far. */
  readonly count: number;
  close(): void;
}

export function recordStream(path: string): StreamRecorder {
  const fd = openSync(path, 'wx', 0o600);
  let waiting: Buffer[] = [];
  let length = 0;
  let count = 0;
  const flush = (): void => {
    if (length > 0) writeSync(fd, gzipSync(Buffer.concat(waiting), { level: 1 }));
    waiting = [];
    length = 0;
  };
  const add = (...parts: Buffer[]): void => {
    count++;
    for (const part of parts) {
      waiting.push(part);
      length += part.length;
    }
    if (length >= memberBytes) flush();
  };
  return {
    bytes(bytes) {
      const head = Buffer.alloc(5);
      head.writeUInt8(kinds.bytes, 0);
      head.writeUInt32BE(bytes.length, 1);
      // The reader's chunk would stay in memory as a whole.
      add(head, Buffer.from(bytes));
    },
    file(location, size) {
      const name = Buffer.from(location);
      const head = Buffer.alloc(9);
      head.writeUInt8(kinds.file, 0);
      head.writeUIntBE(size, 1, 6);
      head.writeUInt16BE(name.length, 7);
      add(head, name);
    },
    get count() {
      return count;
    },
    close() {
      try {
        flush();
      } finally {
        closeSync(fd);
      }
    },
  };
}

type Record = { bytes: Buffer } | { location: string; size: number };

async function* readRecords(path: string): AsyncGenerator<Record> {
  const input = createReadStream(path);
  const source = input.pipe(createGunzip({ chunkSize: 256 * 1024 }));
  input.on('error', (error) => source.destroy(error));
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 9 || (bytes.length - at >= 5 && bytes[at] === kinds.bytes)) {
      if (bytes[at] === kinds.bytes) {
        const end = at + 5 + bytes.readUInt32BE(at + 1);
        if (end > bytes.length) break;
        yield { bytes: bytes.subarray(at + 5, end) };
        at = end;
      } else {
        const end = at + 9 + bytes.readUInt16BE(at + 7);
        if (end > bytes.length) break;
        yield { location: bytes.toString('utf8', at + 9, end), size: bytes.readUIntBE(at + 1, 6) };
        at = end;
      }
    }
    rest = bytes.subarray(at);
  }
  if (rest.length > 0) throw new Error(`${path} is damaged`);
}

function placeOf(location: string, index: number, displaced: readonly Displaced[]): string {
  for (const { before, from, to } of displaced)
    if (index < before && (location === from || location.startsWith(`${from}/`)))
      return join(to, location.slice(from.length));
  return location;
}

const tooShort = (path: string): Error => new Error(`${path} of a layer is too short`);

/** Small files are read at once: a turn of the event loop costs more than they do. */
function readWhole(path: string, size: number): Buffer {
  const buffer = Buffer.allocUnsafe(size);
  const fd = openSync(path, 'r');
  try {
    for (let at = 0; at < size; ) {
      const count = readSync(fd, buffer, at, size - at, null);
      if (count === 0) throw tooShort(path);
      at += count;
    }
  } finally {
    closeSync(fd);
  }
  return buffer;
}

async function* readPieces(path: string, size: number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (let left = size; left > 0; ) {
      const buffer = Buffer.allocUnsafe(Math.min(left, readBytes));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) throw tooShort(path);
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** The tar again; `directory` holds the unpacked files, `displaced` is relative to it. */
export async function* replayStream(
  path: string,
  directory: string,
  displaced: readonly Displaced[],
): AsyncGenerator<Buffer> {
  let index = 0;
  for await (const record of readRecords(path)) {
    if ('bytes' in record) yield record.bytes;
    else {
      const place = join(directory, placeOf(record.location, index, displaced));
      if (record.size <= readBytes) yield readWhole(place, record.size);
      else yield* readPieces(place, record.size);
    }
    index++;
  }
}
