/**
 * Layers on their way into the graph: each at most once, whoever asks; downloaded and unpacked side by side, put in
 * place lowest first.
 *
 * In: layers of an image that are missing. Out: layers in the graph. May import: content and layers, the files beside.
 */
import { Readable } from 'node:stream';
import { decompress } from '../../../archive/decompress.js';
import { DaemonError, errnoOf } from '../../../errors.js';
import { crashPoint } from '../../../storage/crash-point.js';
import type { Content, Descriptor, Digest, Hold, Layers } from '../../types.js';
import { RegistryError } from '../client/errors.js';
import type { Limiter } from '../client/limiter.js';
import type { Repository } from '../client/repository.js';
import { downloadLayer, type RetryPolicy } from './download.js';
import { type LayerProgress, layerProgress, type Report, shortId } from './progress.js';

export interface LayerJob {
  repository: Repository;
  descriptor: Descriptor;
  diffId: Digest;
  chainId: Digest;
  parent: Digest | undefined;
  /** A layer of the same image with the same content, asked for before: taken from the graph when it is there. */
  twin: Digest | undefined;
}

export interface Transfers {
  /**
   * Joins the transfer of this layer or starts it; resolves with a hold on it when it is in the graph. Aborting the
   * last interested signal ends it.
   */
  fetch(job: LayerJob, report: Report, signal: AbortSignal): Promise<Hold>;
}

interface Transfer {
  result: Promise<void>;
  watchers: Set<Report>;
  controller: AbortController;
}

/** What came is wrong, as against: it did not come, or could not be written. */
const isContentError = (error: unknown): boolean =>
  !(error instanceof RegistryError) && (errnoOf(error) === undefined || /^Z_/.test(errnoOf(error)!));

/** Errors of zlib are about bytes that cannot be what the digest names. */
const damaged = (digest: Digest, error: unknown): unknown =>
  /^Z_/.test(errnoOf(error) ?? '')
    ? new DaemonError(
        'system',
        `filesystem layer verification failed for digest ${digest}: ${(error as Error).message}`,
        { cause: error },
      )
    : error;

export function createTransfers(parts: {
  content: Content;
  layers: Layers;
  downloads: Limiter;
  retry?: RetryPolicy | undefined;
}): Transfers {
  const { content, layers, downloads, retry } = parts;
  const running = new Map<Digest, Transfer>();

  /** Resolves when the layer is in the graph: whoever brings it, not whoever asked first. */
  const present = async (chainId: Digest | undefined): Promise<void> => {
    if (chainId !== undefined && layers.find(chainId) === undefined) await running.get(chainId)?.result;
  };

  /** Compressed bytes, verified, with what the user sees of it. */
  async function* bytesOf(
    job: LayerJob,
    progress: LayerProgress,
    signal: AbortSignal,
    onPiece: () => void,
  ): AsyncGenerator<Buffer> {
    const { descriptor, repository } = job;
    yield* content.download(
      descriptor,
      async (offset) => {
        if (offset > 0) onPiece();
        return downloadLayer({ repository, descriptor, offset, progress, signal, onPiece, policy: retry });
      },
      (received) => progress.bytes('Downloading', received, descriptor.size),
    );
    progress.status('Verifying Checksum');
    progress.status('Download complete');
  }

  const prepare = async (job: LayerJob, progress: LayerProgress, signal: AbortSignal) => {
    const { descriptor, diffId, twin } = job;
    if (twin !== undefined) {
      await present(twin);
      return layers.prepare(await layers.tar(twin), diffId);
    }
    const release = await downloads.acquire(signal, () => progress.status('Waiting'));
    try {
      // What was put together of several parts and is wrong may be right when it comes in one.
      for (let pieces = 0; ; pieces = 0) {
        try {
          const bytes = bytesOf(job, progress, signal, () => pieces++);
          const source = Readable.from(bytes, { objectMode: false });
          const prepared = await layers.prepare(await decompress(source), diffId);
          crashPoint('pull:after-layer');
          progress.bytes('Extracting', descriptor.size, descriptor.size);
          return prepared;
        } catch (error) {
          if (!isContentError(error) || signal.aborted) throw error;
          await content.forget(descriptor.digest);
          if (pieces < 2) throw damaged(descriptor.digest, error);
        }
      }
    } finally {
      release();
    }
  };

  const run = async (
    job: LayerJob,
    report: Report,
    signal: AbortSignal,
    onCommit: () => void,
  ): Promise<void> => {
    const parentReady = present(job.parent);
    // It may fail before anybody waits for it here.
    parentReady.catch(() => {});
    const progress = layerProgress(
      shortId(job.descriptor.digest),
      job.twin === undefined ? report : () => {},
    );
    const prepared = await prepare(job, progress, signal);
    try {
      await parentReady;
      signal.throwIfAborted();
      await prepared.commit(job.parent);
      onCommit();
      crashPoint('pull:after-commit');
      await content.forget(job.descriptor.digest);
      progress.status('Pull complete');
    } finally {
      await prepared.discard();
    }
  };

  const start = (job: LayerJob): Transfer => {
    const watchers = new Set<Report>();
    const controller = new AbortController();
    const tell: Report = (message) => {
      for (const watcher of watchers) watcher(message);
    };
    let hold: Hold | undefined;
    const result = run(job, tell, controller.signal, () => {
      hold = layers.hold(job.chainId);
    });
    const transfer = { result, watchers, controller };
    const release = job.repository.retain();
    const ended = (): void => {
      release();
      // By then everybody who waited has a hold of their own.
      setImmediate(() => hold?.release());
      if (running.get(job.chainId) === transfer) running.delete(job.chainId);
    };
    // Also a handler for when nobody waits any more: whoever does hears of a failure.
    result.then(ended, ended);
    return transfer;
  };

  return {
    async fetch(job, report, signal) {
      signal.throwIfAborted();
      let transfer = running.get(job.chainId);
      if (transfer === undefined || transfer.controller.signal.aborted) {
        transfer = start(job);
        running.set(job.chainId, transfer);
      }
      const { watchers, controller, result } = transfer;
      watchers.add(report);
      let leave = (): void => {};
      // Alone: what was begun is undone first. Among others: it continues without us.
      const left = new Promise<never>((_resolve, reject) => {
        leave = () => {
          watchers.delete(report);
          if (watchers.size === 0) controller.abort(signal.reason);
          else reject(signal.reason);
        };
      });
      signal.addEventListener('abort', leave, { once: true });
      try {
        await Promise.race([result, left]);
        return layers.hold(job.chainId);
      } finally {
        signal.removeEventListener('abort', leave);
        watchers.delete(report);
      }
    },
  };
}
