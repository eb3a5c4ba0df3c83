/**
 * Evaluates an application's top level and takes the memory it leaves: what an image stores.
 *
 * In: the bundle's code. Out: both memories, or `ImageError` with the console's text. Runs in a worker thread, whose
 * stack is large enough for QuickJS to find too deep recursion itself. May import: abi, engine, libos.
 */
import { Worker } from 'node:worker_threads';
import { engineStackMb } from '@noos/engine';
import { ImageError } from './errors.js';
import type { MemoryImage } from './memory-image.js';

export interface EvaluationRequest {
  code: string;
  atStart: boolean;
}

export interface Evaluated {
  engine: MemoryImage;
  libos: MemoryImage;
}

export interface EvaluationResult {
  /** What the top level wrote. */
  console: string;
  /** Absent when it threw. */
  evaluated?: Evaluated;
}

export interface EvaluateOptions {
  /** Keeps the bundle and evaluates it at start, where I/O, timers and randomness are allowed (`--no-snapshot`). */
  atStart?: boolean;
}

/**
 * Evaluates `code` (one ECMAScript module without imports).
 * @throws ImageError `evaluation`; its `console` holds the error and stack
 */
export async function evaluateBundle(
  code: string,
  { atStart = false }: EvaluateOptions = {},
): Promise<Evaluated & { console: string }> {
  const workerData: EvaluationRequest = { code, atStart };
  const worker = new Worker(new URL('evaluate-worker.js', import.meta.url), {
    workerData,
    resourceLimits: { stackSizeMb: engineStackMb },
  });
  const result = await new Promise<EvaluationResult>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  if (result.evaluated === undefined)
    throw new ImageError(
      'evaluation',
      "the application's top level failed while the image was built: correct it, or build with --no-snapshot to run it at start",
      result.console,
    );
  return { ...result.evaluated, console: result.console };
}
