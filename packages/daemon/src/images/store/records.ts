/**
 * Which images exist and what names them, on disk: `records/<hex>.json` and `references.json`.
 *
 * In: changes. Out: the same after any crash. May import: storage, types.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson, syncDirectory, writeJson } from '../../storage/atomic-file.js';
import { crashPoint } from '../../storage/crash-point.js';
import type { Digest } from '../types.js';

export interface ImageRecord {
  id: Digest;
  parent?: Digest;
  /** RFC 3339: when the name last changed (`docker image inspect`, Metadata.LastTagTime). */
  lastTagged?: string;
  /** Boot in which its layers were written, until they are on disk (settling.ts). */
  unsettled?: string;
}

export interface Records {
  readonly images: Map<Digest, ImageRecord>;
  /** `docker.io/library/busybox:latest` or `…@sha256:…` → image. */
  readonly references: Map<string, Digest>;
  putImage(record: ImageRecord): Promise<void>;
  removeImage(id: Digest): Promise<void>;
  /** Changes names together. */
  putReferences(change: (references: Map<string, Digest>) => void): Promise<void>;
}

export async function openRecords(directory: string): Promise<Records> {
  const recordDirectory = join(directory, 'records');
  mkdirSync(recordDirectory, { recursive: true, mode: 0o700 });
  const referencesPath = join(directory, 'references.json');
  const pathOf = (id: Digest): string => join(recordDirectory, `${id.slice('sha256:'.length)}.json`);
  const images = new Map<Digest, ImageRecord>();
  for (const name of readdirSync(recordDirectory)) {
    const path = join(recordDirectory, name);
    const record = name.endsWith('.json') ? await readJson<ImageRecord>(path) : undefined;
    if (record === undefined) await rm(path, { force: true });
    else images.set(record.id, record);
  }
  const references = new Map(Object.entries((await readJson<Record<string, Digest>>(referencesPath)) ?? {}));
  /** Writes of one document follow each other. */
  let last: Promise<unknown> = Promise.resolve();

  return {
    images,
    references,
    async putImage(record) {
      await writeJson(pathOf(record.id), record);
      images.set(record.id, record);
    },
    async removeImage(id) {
      images.delete(id);
      await rm(pathOf(id), { force: true });
      crashPoint('image:record-removed');
      await syncDirectory(recordDirectory);
    },
    putReferences(change) {
      const write = async (): Promise<void> => {
        const next = new Map(references);
        change(next);
        await writeJson(referencesPath, Object.fromEntries(next));
        crashPoint('image:references-written');
        change(references);
      };
      const written = last.then(write);
      last = written.catch(() => {});
      return written;
    },
  };
}
