/**
 * One layer's bytes as they come, resumed where the line dropped. Whether they are right the content store checks.
 *
 * In: a repository and a descriptor. Out: chunks. May import: the files beside.
 */
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '../../types.js';
import { RegistryError, worthRetrying } from '../client/errors.js';
import type { Repository } from '../client/repository.js';
import type { LayerProgress } from './progress.js';

export interface RetryPolicy {
  /** Attempts without a single new byte (`max-download-attempts`). */
  attempts: number;
  /** The n-th delay is n times five of these; dockerd's is a second. */
  unitMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 5, unitMs: 1000 };
const delayUnits = 5;
/** A line that gives some bytes each time may drop so often. */
const resumeLimit = 100;

/** Waits as dockerd does, counting down for the user. */
async function countDown(
  units: number,
  { unitMs }: RetryPolicy,
  progress: LayerProgress,
  signal: AbortSignal,
): Promise<void> {
  for (let left = units; left > 0; left--) {
    progress.status(`Retrying in ${left} second${left === 1 ? '' : 's'}`);
    await delay(unitMs, undefined, { signal });
  }
}

const unexpectedEnd = (cause?: unknown): RegistryError =>
  new RegistryError('transport', 'unexpected EOF', undefined, undefined, { cause });

/** The bytes of one answer beyond the first `skip`; a dropped line is a `transport` error. */
async function* chunksOf(body: Readable, skip: number): AsyncGenerator<Buffer> {
  let left = skip;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (left === 0) yield chunk;
      else if (chunk.length > left) {
        yield chunk.subarray(left);
        left = 0;
      } else left -= chunk.length;
    }
  } catch (error) {
    throw error instanceof Error && error.name === 'AbortError' ? error : unexpectedEnd(error);
  }
}

export interface Download {
  repository: Repository;
  descriptor: Descriptor;
  /** Bytes that are here already. */
  offset: number;
  progress: LayerProgress;
  signal: AbortSignal;
  /** Each answer is a piece of the whole. */
  onPiece(): void;
  policy?: RetryPolicy | undefined;
}

/** Everything from `offset` to the blob's end: dropped lines, refused connections and 5xx are tried again. */
export async function* downloadLayer({
  repository,
  descriptor: { digest, size },
  offset,
  progress,
  signal,
  onPiece,
  policy = defaultRetryPolicy,
}: Download): AsyncGenerator<Buffer> {
  let received = offset;
  let fruitless = 0;
  for (let resumes = 0; received < size || resumes === 0; resumes++) {
    const before = received;
    let failure: unknown;
    try {
      const { body, resumed } = await repository.blob(digest, received, signal);
      onPiece();
      for await (const chunk of chunksOf(body, resumed ? 0 : received)) {
        received += chunk.length;
        if (received > size)
          throw new RegistryError('content', `layer ${digest} is larger than the ${size} bytes announced`);
        yield chunk;
      }
      if (received < size) failure = unexpectedEnd();
    } catch (error) {
      failure = error;
    }
    if (failure === undefined) return;
    signal.throwIfAborted();
    fruitless = received > before ? 0 : fruitless + 1;
    if (!worthRetrying(failure) || fruitless >= policy.attempts || resumes >= resumeLimit) throw failure;
    if (fruitless > 0) await countDown(fruitless * delayUnits, policy, progress, signal);
  }
}
