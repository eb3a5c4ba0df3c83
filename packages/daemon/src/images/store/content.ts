/**
 * Blobs by digest on disk, an OCI image layout's `blobs/sha256/<hex>`, and downloads that resume.
 *
 * In: documents, streams of blobs. Out: the same, verified. May import: storage, errors.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DaemonError, errnoOf } from '../../errors.js';
import type { Layout } from '../../layout.js';
import { writeFileAtomic } from '../../storage/atomic-file.js';
import { crashPoint } from '../../storage/crash-point.js';
import { digestOf } from '../layers/chain-id.js';
import type { Content, Digest } from '../types.js';

/** A download that nobody resumed for this long is given up at start. */
const partialLifetimeMs = 24 * 3600 * 1000;
const readBytes = 256 * 1024;

const hexOf = (digest: Digest): string => digest.slice('sha256:'.length);

export function createContent({ layout }: { layout: Layout }): Content {
  const blobs = join(layout.content, 'blobs', 'sha256');
  const partials = join(layout.content, 'partial');
  for (const directory of [blobs, partials]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(blobs)) if (name.endsWith('.tmp')) rmSync(join(blobs, name));
  for (const name of readdirSync(partials))
    if (Date.now() - statSync(join(partials, name)).mtimeMs > partialLifetimeMs) rmSync(join(partials, name));
  /** The end of the stream of each digest that is being downloaded. */
  const busy = new Map<Digest, Promise<void>>();

  async function* stream(
    { digest, size }: { digest: Digest; size: number },
    open: (offset: number) => Promise<AsyncIterable<Buffer>>,
    progress: (bytes: number) => void,
  ): AsyncGenerator<Buffer> {
    const path = join(partials, hexOf(digest));
    const fd = openSync(path, 'a', 0o600);
    const fail = (): DaemonError => {
      ftruncateSync(fd, 0);
      return new DaemonError('system', `filesystem layer verification failed for digest ${digest}`);
    };
    try {
      const hash = createHash('sha256');
      let offset = fstatSync(fd).size;
      if (offset > size) throw fail();
      if (offset > 0) {
        progress(offset);
        for await (const chunk of createReadStream(path, { highWaterMark: readBytes, end: offset - 1 })) {
          hash.update(chunk as Buffer);
          yield chunk as Buffer;
        }
      }
      if (offset < size) {
        for await (const chunk of await open(offset)) {
          if (offset + chunk.length > size) throw fail();
          for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
          hash.update(chunk);
          offset += chunk.length;
          progress(offset);
          crashPoint('pull:in-blob');
          yield chunk;
        }
      }
      if (offset < size) throw new DaemonError('system', 'unexpected EOF');
      if (`sha256:${hash.digest('hex')}` !== digest) throw fail();
    } finally {
      closeSync(fd);
    }
  }

  return {
    async read(digest) {
      try {
        const bytes = await readFile(join(blobs, hexOf(digest)));
        if (digestOf(bytes) !== digest) throw new DaemonError('system', `content ${digest} is damaged`);
        return bytes;
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    async write(bytes) {
      const digest = digestOf(bytes);
      await writeFileAtomic(join(blobs, hexOf(digest)), bytes);
      return digest;
    },
    async keepOnly(needed) {
      const names = new Set([...needed].map(hexOf));
      for (const name of readdirSync(blobs))
        if (!names.has(name)) await rm(join(blobs, name), { force: true });
    },
    remove: (digest) => rm(join(blobs, hexOf(digest)), { force: true }),
    async *download(blob, open, progress = () => {}) {
      for (let other = busy.get(blob.digest); other !== undefined; other = busy.get(blob.digest)) await other;
      let done = (): void => {};
      busy.set(
        blob.digest,
        new Promise((resolve) => {
          done = resolve;
        }),
      );
      try {
        yield* stream(blob, open, progress);
      } finally {
        busy.delete(blob.digest);
        done();
      }
    },
    forget: (digest) => rm(join(partials, hexOf(digest)), { force: true }),
  };
}
