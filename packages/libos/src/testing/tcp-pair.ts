/**
 * Two stacks on one simulated link, for TCP tests. In: a seed, faults. Out: the stacks, transfers, leak checks.
 * May import: simulation, devices, stack.
 */
import assert from 'node:assert/strict';
import { type Faults, withFaults } from '../device/faults.js';
import type { FrameDevice } from '../device/frame-device.js';
import { createRandom } from '../random.js';
import { createSimulation, type Simulation } from '../simulation.js';
import type { Stack } from '../stack/stack.js';
import type { TcpConnection } from '../stack/tcp.js';

export const leftAddress = 0xc0000201;
export const rightAddress = 0xc0000202;

export interface TcpPair {
  simulation: Simulation;
  left: Stack;
  right: Stack;
}

export interface TcpPairOptions {
  seed: number;
  /** Faults of both directions; their seeds come from `seed`. */
  faults?: Omit<Faults, 'seed'>;
  delayMs?: number;
  mtuBytes?: number;
  /** Wraps a device before the stack gets it, e.g. to count or drop frames. `side` 0 is left. */
  wrap?: (device: FrameDevice, side: 0 | 1, simulation: Simulation) => FrameDevice;
}

export async function createTcpPair(options: TcpPairOptions): Promise<TcpPair> {
  const { seed, faults, delayMs = 0.05, mtuBytes = 1500, wrap } = options;
  const simulation = createSimulation(seed);
  const ends = simulation.link({ delayMs, mtuBytes });
  const stacks: Stack[] = [];
  for (const side of [0, 1] as const) {
    let device = ends[side];
    if (faults !== undefined)
      device = withFaults(device, { ...faults, seed: seed * 2 + side }, simulation.clock);
    if (wrap !== undefined) device = wrap(device, side, simulation);
    stacks.push(
      await simulation.stack({
        interfaces: [
          {
            device,
            mac: 0x020000000001 + side,
            ipv4: { address: leftAddress + side, prefixLength: 24 },
          },
        ],
      }),
    );
  }
  return { simulation, left: stacks[0]!, right: stacks[1]! };
}

/** Deterministic bytes. */
export function randomBytes(seed: number, length: number): Uint8Array {
  const words = new Uint32Array((length + 3) >> 2);
  let state = createRandom(seed).below(2 ** 32) | 1;
  for (let index = 0; index < words.length; index++) {
    // xorshift32 (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Writes all of `bytes` as room comes, then ends the direction. */
export function sendAll(connection: TcpConnection, bytes: Uint8Array, end = true): void {
  let sent = 0;
  const pump = (): void => {
    if (sent < bytes.length) sent += connection.write(bytes.subarray(sent));
    if (sent === bytes.length && end) {
      end = false;
      connection.shutdown();
    }
  };
  connection.onWritable = pump;
  pump();
}

export interface Received {
  bytes: Uint8Array;
  length: number;
  finished: boolean;
  /** undefined while open. */
  closed: number | undefined;
}

/** Collects what arrives. */
export function collect(connection: TcpConnection, capacity: number): Received {
  const received: Received = {
    bytes: new Uint8Array(capacity),
    length: 0,
    finished: false,
    closed: undefined,
  };
  connection.onReadable = () => {
    for (let part = connection.read(); part.length > 0; part = connection.read()) {
      received.bytes.set(part, received.length);
      received.length += part.length;
    }
    received.finished = connection.finished();
  };
  connection.onClosed = (error) => {
    received.closed = error;
  };
  return received;
}

/** Asserts that a stack holds no connection, buffer or range any more. */
export function assertNothingHeld(stack: Stack, what: string): void {
  const { exports } = stack;
  assert.deepEqual(
    [exports.connectionsInUse(), exports.ringBytesUsed(), exports.rangesHeld()],
    [0, 0n, 0],
    `${what}: connections, ring bytes, range sets still held`,
  );
}
