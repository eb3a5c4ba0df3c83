/**
 * Evaluates an application's top level and takes the memory it leaves: what an image stores.
 *
 * In: the bundle's code. Out: both memories, or `ImageError` with the console's text. Runs in a worker thread, whose
 * stack is large enough for QuickJS to find too deep recursion itself. May import: abi, engine, libos.
 */
import { Worker } from 'node:worker_threads';
import { engineStackMb } from '@noos/engine/module';
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
  if (result.evaluated === undefined) throw evaluationError(result.console);
  return { ...result.evaluated, console: result.console };
}

/** Errors of the runtime whose message already says what to do. */
const selfExplaining = /^(?:ApplicationError|BuildTimeError): /;

/**
 * Makes one line of what the runtime logged when the top level threw: where, what, what to do. What the application
 * logged before stays in `console`.
 */
export function evaluationError(console: string): ImageError {
  const [before = '', thrown] = console.split(/^Uncaught in the top level: /m);
  if (thrown === undefined)
    return new ImageError(
      'evaluation',
      'the bundle could not be evaluated while the image was built',
      console,
    );
  const [what = '', ...stack] = thrown.trimEnd().split('\n');
  if (what.startsWith('ApplicationError: '))
    return new ImageError('evaluation', what.replace(selfExplaining, ''), before);
  const place = stack.map((line) => /^\s+at (?:.*\()?([^()]+:\d+:\d+)\)?$/.exec(line)?.[1]).find(Boolean);
  const text = selfExplaining.test(what)
    ? what.replace(selfExplaining, '')
    : `the top level threw ${what}: correct it, or use --no-snapshot, which evaluates it at start and logs its stack`;
  return new ImageError('evaluation', place === undefined ? text : `${place}: ${text}`, before);
}
