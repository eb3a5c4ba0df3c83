/**
 * Unpacks a tar into a directory in overlayfs form, hashing it and keeping what its files do not tell.
 *
 * In: an uncompressed tar. Out: `diff/`, `stream.gz`, `displaced/` below a fresh directory, digest and size.
 * May import: archive, stream-record.
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createExtractor } from '../../archive/extract.js';
import { createReader } from '../../archive/reader.js';
import { below, openRoot } from '../../archive/tree.js';
import type { Digest } from '../types.js';
import { type Displaced, recordStream } from './stream-record.js';

export const differenceName = 'diff';
export const streamName = 'stream.gz';

export interface Unpacked {
  diffId: Digest;
  size: number;
  displaced: Displaced[];
}

export async function unpackDifference(tar: AsyncIterable<Buffer>, directory: string): Promise<Unpacked> {
  const difference = join(directory, differenceName);
  mkdirSync(difference, { mode: 0o755 });
  const hash = createHash('sha256');
  const displaced: Displaced[] = [];
  const rootFd = openRoot(difference);
  const recorder = recordStream(join(directory, streamName));
  /** The content that comes is not in a file of its own: keep it with the headers. */
  let keepContent = false;
  const extractor = createExtractor(rootFd, {
    overlay: true,
    discard(parentFd, name, from) {
      const to = `../displaced/${displaced.length}`;
      mkdirSync(join(directory, 'displaced'), { recursive: true });
      renameSync(below(parentFd, name), join(difference, to));
      displaced.push({ before: recorder.count, from, to });
    },
    onFile(entry, location) {
      keepContent = false;
      if (entry.size > 0) recorder.file(location, entry.size);
    },
  });
  const reader = createReader({
    raw: recorder.bytes,
    entry(entry) {
      keepContent = true;
      extractor.entry(entry);
    },
    content(bytes) {
      if (keepContent) recorder.bytes(bytes);
      else extractor.content(bytes);
    },
    end: extractor.end,
  });
  try {
    for await (const chunk of tar) {
      hash.update(chunk);
      reader.write(chunk);
    }
    reader.finish();
    extractor.finish();
  } finally {
    extractor.close();
    closeSync(rootFd);
    recorder.close();
  }
  return { diffId: `sha256:${hash.digest('hex')}`, size: extractor.size, displaced };
}
