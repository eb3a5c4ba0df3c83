/**
 * Which compressed blob a layer was in which repository: what a push can skip or mount instead of sending.
 *
 * In: pulls and pushes that went well. Out: candidates. A cache: losing it costs an upload. May import: storage.
 */
import { readJson, writeJson } from '../../../storage/atomic-file.js';
import type { Descriptor, Digest } from '../../types.js';

export interface BlobRecord {
  digest: Digest;
  /** Bytes. */
  size: number;
  /** `docker.io/library/busybox`. */
  repository: string;
}

export interface BlobRecords {
  /** Layers of an image and the blobs they are in `repository`. */
  add(
    repository: string,
    diffIds: readonly Digest[],
    blobs: readonly Pick<Descriptor, 'digest' | 'size'>[],
  ): void;
  /** Newest first. */
  of(diffId: Digest): readonly BlobRecord[];
  /** The repository has it no more. */
  forget(diffId: Digest, record: BlobRecord): void;
  /** Writes what changed; called when the daemon stops. */
  flush(): Promise<void>;
}

/** moby keeps 50; a layer that is in more repositories finds one of these. */
const perLayer = 20;
/** Layers remembered; the oldest go first. */
const layerLimit = 5000;
/** Many layers arrive together: one write for all of them. */
const writeDelayMs = 2000;

type Stored = Record<Digest, BlobRecord[]>;

export async function createBlobRecords(path: string): Promise<BlobRecords> {
  const loaded = await readJson<Stored>(path).catch(() => undefined);
  const byLayer = new Map<Digest, BlobRecord[]>(Object.entries(loaded ?? {}) as [Digest, BlobRecord[]][]);
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    if (timer !== undefined) {
      timer = undefined;
      // A cache that cannot be written (full disk) is no reason to fail a pull.
      writing = writing.then(() => writeJson(path, Object.fromEntries(byLayer))).catch(() => {});
    }
    await writing;
  };
  const changed = (): void => {
    timer ??= setTimeout(() => void flush(), writeDelayMs).unref();
  };

  return {
    add(repository, diffIds, blobs) {
      diffIds.forEach((diffId, i) => {
        const blob = blobs[i];
        if (blob === undefined) return;
        const { digest, size } = blob;
        const known = byLayer.get(diffId) ?? [];
        const others = known.filter((record) => record.digest !== digest || record.repository !== repository);
        byLayer.delete(diffId);
        byLayer.set(diffId, [{ digest, size, repository }, ...others].slice(0, perLayer));
      });
      for (const diffId of byLayer.keys()) {
        if (byLayer.size <= layerLimit) break;
        byLayer.delete(diffId);
      }
      changed();
    },
    of: (diffId) => byLayer.get(diffId) ?? [],
    forget(diffId, { digest, repository }) {
      const rest = byLayer
        .get(diffId)
        ?.filter((entry) => entry.digest !== digest || entry.repository !== repository);
      if (rest === undefined || rest.length === 0) byLayer.delete(diffId);
      else byLayer.set(diffId, rest);
      changed();
    },
    flush,
  };
}
