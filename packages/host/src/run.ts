/**
 * Runs one unikernel, which is also all that the command line needs of this package (`@noos/host/run`): an image, a target, a network, until it has ended and nothing of it is left.
 *
 * In: the path of an image, options. Out: `RunningUnikernel`, or HostError / ImageError before anything is started.
 * May import: targets, network, tap, image.
 */
import { readFileSync } from 'node:fs';
import { ImageError, type Manifest, readImage } from '@noos/image/file';
import { HostError } from './errors.js';
import { parseNetwork } from './gateway/address.js';
import { probeFirstAnswer } from './probe.js';
import type { RunningUnikernel, RunOptions } from './run-options.js';
import { targetNames } from './targets/target.js';

export { HostError } from './errors.js';
export { formatEndpoint, type PublishedPort, parsePort } from './gateway/port-spec.js';
export type { RunOptions } from './run-options.js';
export type { StaticAddress, TargetName } from './targets/target.js';

/** Reads and checks an image; every byte of it is covered by its digest. */
export function checkImage(path: string): Manifest {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new HostError('image-unreadable', `cannot read ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  try {
    return readImage(bytes).manifest;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw new ImageError(error.code, `${path}: ${error.message}`);
  }
}

/** Throws `unknown-target` or `bad-option` for options that cannot go together. */
export function checkRunOptions(options: Omit<RunOptions, 'console'>): void {
  if (!targetNames.includes(options.target))
    throw new HostError(
      'unknown-target',
      `unknown target ${options.target}: choose ${targetNames.slice(0, -1).join(', ')} or ${targetNames.at(-1)}`,
    );
  parseNetwork(options.network?.cidr ?? '10.99.0.0/24');
  if (options.tap === undefined) return;
  if (options.ports !== undefined && options.ports.length > 0)
    throw new HostError('bad-option', 'ports are published by the user-mode network: leave out -p, or --tap');
}

/** Starts the image at `imagePath`. What fails before the start leaves nothing behind. */
export async function runUnikernel(imagePath: string, options: RunOptions): Promise<RunningUnikernel> {
  const startMs = performance.now();
  checkRunOptions(options);
  const manifest = checkImage(imagePath);
  // Only the target's side is loaded: most of this package runs in the thread of target node.
  const start =
    options.target === 'node'
      ? (await import('./node/thread.js')).runInThread
      : (await import('./run-here.js')).runHere;
  const running = await start(imagePath, manifest.name, options);
  const probed = running.ports.find((port) => port.protocol === 'tcp');
  if (options.probe !== true || probed === undefined) return running;
  return { ...running, firstAnswer: probeFirstAnswer(probed, startMs, running.exited) };
}
