/**
 * Progress of layers, thinned: a message a layer every tenth of a second, never one after its last word.
 *
 * In: bytes so far. Out: ProgressMessage values as the CLI draws them. May import: progress (types).
 */
import { Readable } from 'node:stream';
import type { ProgressMessage } from '../../../protocol/progress.js';

export type Report = (message: ProgressMessage) => void;

/** dockerd's rate (pkg/progress: at most 10 a second). */
const intervalMs = 100;

export interface LayerProgress {
  status(text: string): void;
  /** `Downloading`, `Extracting`, `Pushing`, `Loading layer`. */
  bytes(action: string, current: number, total: number): void;
}

/** The twelve digits the CLI shows. */
export const shortId = (digest: string): string => digest.slice(digest.indexOf(':') + 1).slice(0, 12);

/** `id`: "" for what is no layer. */
export function layerProgress(id: string, report: Report): LayerProgress {
  let lastMs = Number.NEGATIVE_INFINITY;
  const named = id === '' ? {} : { id };
  return {
    status: (status) => report({ status, progressDetail: {}, ...named }),
    bytes(status, current, total) {
      const now = performance.now();
      if (now - lastMs < intervalMs) return;
      lastMs = now;
      report({ status, progressDetail: total > 0 ? { current, total } : { current }, ...named });
    },
  };
}

/** The same bytes; `onBytes` hears how many have passed. */
export function counted(source: Readable, onBytes: (current: number) => void): Readable {
  async function* pass(): AsyncGenerator<Buffer> {
    let current = 0;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      current += chunk.length;
      onBytes(current);
      yield chunk;
    }
  }
  return Readable.from(pass(), { objectMode: false });
}
