/**
 * Target `node` in a thread of its own: the engine needs more stack than the main thread has, and an application that
 * never yields cannot keep this process from ending it.
 *
 * In: an image, options. Out: a running unikernel. May import: errors, run's types. The other side: thread-main.ts.
 */
import { Worker } from 'node:worker_threads';
import { engineStackMb } from '@noos/engine/module';
import { ImageError, type ImageErrorCode } from '@noos/image/file';
import { HostError, type HostErrorCode } from '../errors.js';
import type { PublishedPort } from '../gateway/port-spec.js';
import type { RunningUnikernel, RunOptions } from '../run-options.js';
import { panicExitCode } from './exit-codes.js';

export interface ThreadInput {
  imagePath: string;
  name: string;
  options: Omit<RunOptions, 'console' | 'note'>;
}

export type FromThread =
  | { kind: 'console'; stream: 1 | 2; bytes: Uint8Array }
  | { kind: 'note'; line: string }
  | { kind: 'started'; ports: readonly PublishedPort[] }
  | { kind: 'failed'; name: string; code: string; message: string }
  | { kind: 'exited'; code: number };

export type ToThread = 'stop' | 'kill';

/** How long a killed unikernel has to clean up before its thread is ended. */
const killMs = 300;

function revive({ name, code, message }: FromThread & { kind: 'failed' }): Error {
  if (name === 'HostError') return new HostError(code as HostErrorCode, message);
  if (name === 'ImageError') return new ImageError(code as ImageErrorCode, message);
  return new Error(message);
}

/** As runHere, in a new thread. */
export function runInThread(
  imagePath: string,
  name: string,
  { console, note, ...options }: RunOptions,
): Promise<RunningUnikernel> {
  const input: ThreadInput = { imagePath, name, options };
  const worker = new Worker(new URL('./thread-main.js', import.meta.url), {
    workerData: input,
    resourceLimits: { stackSizeMb: engineStackMb },
  });
  const tell = (message: ToThread): void => worker.postMessage(message);
  return new Promise((resolve, reject) => {
    let resolveExited: (code: number) => void;
    const exited = new Promise<number>((settle) => {
      resolveExited = settle;
    });
    let exitCode = 137;
    worker.on('message', (message: FromThread) => {
      switch (message.kind) {
        case 'console':
          return console(message.stream, message.bytes);
        case 'note':
          return note?.(message.line);
        case 'started':
          return resolve({ ports: message.ports, exited, stop: () => tell('stop'), kill });
        case 'failed':
          return reject(revive(message));
        case 'exited':
          exitCode = message.code;
      }
    });
    worker.on('error', (error) => {
      exitCode = panicExitCode;
      console(2, Buffer.from(`panic: ${error.message}\n`));
      reject(error);
    });
    worker.on('exit', () => resolveExited(exitCode));

    function kill(): void {
      tell('kill');
      setTimeout(() => worker.terminate(), killMs).unref();
    }
  });
}
