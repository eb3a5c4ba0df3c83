/**
 * The platform interface over Node: what `platform_*` calls of one unikernel do on target `node`.
 *
 * In: frame devices, disks, start parameters. Out: a `Platform` and the events that wait for the next turn.
 * May import: abi, libos's device types.
 */
import { webcrypto } from 'node:crypto';
import { type Platform, turnEvents } from '@noos/abi';
import { ethernetHeaderBytes, type FrameDevice } from '@noos/libos';
import type { BlockFile } from './block-file.js';
import { createFrameQueue } from './frame-queue.js';
import { formatParameters } from './parameters.js';

/** Bytes of the virtio_net_hdr before each frame (virtio 1.2 §5.1.6). */
export const netHeaderBytes = 12;
/** `getRandomValues` gives at most this much in one call (Web Crypto §10.1.1). */
const entropyChunkBytes = 65_536;
/** A device does not say when it has room: it is tried again after this long. */
const retryMs = 1;
const noCompletion = 2n ** 64n - 1n;

/** Thrown through the wasm frames to end a unikernel that panicked. */
export class Panic extends Error {}

export interface NodePlatformOptions {
  /** Text of the image's own parameters, which come first. */
  imageParameters?: string;
  /** Start parameters by key. */
  parameters: ReadonlyMap<string, string>;
  devices: readonly FrameDevice[];
  disks: readonly BlockFile[];
  /** Receives console bytes; they are the receiver's own. */
  console: (stream: 1 | 2, bytes: Uint8Array) => void;
  entropy?: (bytes: Uint8Array) => void;
}

export interface NodePlatform {
  platform: Platform;
  /** Event bits that the next turn has to handle; taking them clears those that are edges. */
  takeEvents(): number;
  /** True when a turn is due for a reason other than the deadline. */
  hasEvents(): boolean;
  /** Set by the turn loop: called when an event arises between turns. */
  wake: () => void;
  /** The code of `exit`, once called. */
  exitCode(): number | undefined;
  requestStop(): void;
}

function webEntropy(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += entropyChunkBytes)
    webcrypto.getRandomValues(bytes.subarray(at, at + entropyChunkBytes));
}

/** Makes the platform of one unikernel. The devices' `receive` belongs to it from now on. */
export function createNodePlatform(options: NodePlatformOptions): NodePlatform {
  const { devices, disks, entropy = webEntropy } = options;
  const parameters = new TextEncoder().encode(
    (options.imageParameters ?? '') + formatParameters(options.parameters),
  );
  let edges = 0;
  let code: number | undefined;
  let retry: NodeJS.Timeout | undefined;

  const queues = devices.map((device) => {
    const queue = createFrameQueue(device.mtuBytes + ethernetHeaderBytes);
    device.receive = (frame) => {
      if (queue.push(frame)) node.wake();
    };
    return queue;
  });

  const platform: Platform = {
    // A WebAssembly memory gives no page back; what counts for the unikernel is that the bytes are 0.
    memoryRelease: (pages) => void pages.fill(0),
    parametersRead(target) {
      if (target.length >= parameters.length) target.set(parameters);
      return parameters.length;
    },
    netReceive(device, target) {
      const length = queues[device]?.shift(target, netHeaderBytes) ?? 0;
      if (length === 0) return 0;
      target.fill(0, 0, netHeaderBytes);
      return netHeaderBytes + length;
    },
    netTransmit(device, frame) {
      if (devices[device]?.transmit(frame.subarray(netHeaderBytes)) !== false) return 1;
      if (retry === undefined)
        retry = setTimeout(() => {
          retry = undefined;
          edges |= turnEvents.transmitReady;
          node.wake();
        }, retryMs);
      return 0;
    },
    blockSubmit: (device, operation, identifier, sector, sectors, data) =>
      disks[device]?.submit(operation, identifier, sector, sectors, data) ?? 2,
    blockComplete(device, target) {
      const completion = disks[device]?.complete();
      if (completion === undefined) return noCompletion;
      const { identifier, status, data } = completion;
      const fits = data.length <= target.length;
      if (fits) target.set(data);
      return BigInt(identifier) | (BigInt(fits ? status : 1) << 32n);
    },
    consoleWrite: (stream, text) => options.console(stream === 2 ? 2 : 1, new Uint8Array(text)),
    entropyRead: (bytes) => entropy(bytes),
    exit(exitCode) {
      code ??= exitCode & 255;
    },
    panic(message) {
      throw new Panic(new TextDecoder().decode(message));
    },
  };

  const levels = (): number =>
    (queues.some((queue) => queue.length > 0) ? turnEvents.receiveReady : 0) |
    (disks.some((disk) => disk.waiting > 0) ? turnEvents.blockReady : 0);
  const node: NodePlatform = {
    platform,
    takeEvents() {
      const events = edges | levels();
      edges = 0;
      return events;
    },
    hasEvents: () => (edges | levels()) !== 0,
    wake() {},
    exitCode: () => code,
    requestStop() {
      edges |= turnEvents.stop;
      node.wake();
    },
  };
  return node;
}
