/**
 * Target `node`: the image's WebAssembly on this process's V8.
 *
 * In: an image and its attachment. Out: a started unikernel. May import: node/, image, errors.
 * Run it in a thread with `engineStackMb` of stack (node-thread.ts does): deep JavaScript recursion needs it.
 */
import { readFileSync } from 'node:fs';
import type { Platform, Unikernel } from '@noos/abi';
import { readImage, restore } from '@noos/image';
import { type FrameDevice, frameCable } from '@noos/libos';
import { type BlockFile, openBlockFile } from '../node/block-file.js';
import { createNodePlatform } from '../node/node-platform.js';
import { runTurns } from '../node/turn-loop.js';
import { openTapPort } from './tap-port.js';
import { networkParameters, type TargetOptions, type TargetRun } from './target.js';

/** Sees every input of a unikernel, and its outputs: what a recorder wraps. */
export interface Observer {
  /** Wraps what the platform gives. */
  platform(platform: Platform): Platform;
  /** Wraps `start` and `turn`, whose arguments are inputs too. */
  unikernel(unikernel: Unikernel): Unikernel;
}

interface Link {
  device: FrameDevice;
  disconnect: () => void;
}

async function link(options: TargetOptions): Promise<Link> {
  const { attachment } = options;
  if (attachment.kind === 'switch') {
    const [device, port] = frameCable(attachment.mtuBytes);
    return { device, disconnect: attachment.connect(port) };
  }
  const port = await openTapPort(attachment.name, options.console);
  return { device: port.device, disconnect: port.close };
}

/** Starts in this thread. The image is read and checked here again: nothing runs from a damaged one. */
export async function startNode(options: TargetOptions, observer?: Observer): Promise<TargetRun> {
  const image = readImage(readFileSync(options.imagePath));
  const { device, disconnect } = await link(options);
  const disks: BlockFile[] = [];
  const parameters = networkParameters(options, device.mtuBytes);
  for (const [index, path] of options.diskPaths.entries()) {
    const disk = await openBlockFile(path, () => node.wake());
    disks.push(disk);
    parameters.set(`block.${index}.sectors`, String(disk.sectors));
    parameters.set(`block.${index}.readOnly`, disk.readOnly ? '1' : '0');
  }
  if (options.memoryBytes !== undefined) parameters.set('memory.engine', String(options.memoryBytes));
  for (const [key, value] of options.parameters) parameters.set(key, value);
  const node = createNodePlatform({
    imageParameters: image.parameters,
    parameters,
    devices: [device],
    disks,
    console: options.console,
  });
  const { unikernel } = restore(image, observer?.platform(node.platform) ?? node.platform);
  const { exited, kill } = runTurns(observer?.unikernel(unikernel) ?? unikernel, node);
  const ended = exited.finally(async () => {
    disconnect();
    for (const disk of disks) await disk.close();
  });
  return { exited: ended, stop: () => node.requestStop(), kill };
}
