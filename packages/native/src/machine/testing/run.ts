/**
 * For tests: machines under TCG whose streams are collected, frames on a stream network.
 *
 * In: options of a machine. Out: what it wrote, how it ended. May import: the machine folder.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { startVm, type Vm, type VmOptions } from '../machine.js';

/** A machine that hangs is killed, so that its test fails instead of waiting. */
export const patienceMs = 15_000;

/** Starts a machine of 32 MiB unless said otherwise. */
export function start(runtime: string, options: Partial<VmOptions> = {}): Vm {
  const vm = startVm({ accelerator: 'tcg', runtime, memoryMib: 32, ...options });
  const timer = setTimeout(vm.kill, patienceMs);
  vm.exited.finally(() => clearTimeout(timer)).catch(() => {});
  return vm;
}

/** Collects a stream; the result gives what has come so far. */
export function text(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('latin1');
}

/** Waits for a condition that the machine brings about. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `no ${what} within ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export interface Finished {
  output: string;
  error: string;
  code: number;
}

/** Collects both streams of a machine until it has ended. */
export async function finish(vm: Vm): Promise<Finished> {
  const output = text(vm.output);
  const error = text(vm.error);
  const { code } = await vm.exited;
  return { output: output(), error: error(), code };
}

/** Frames that arrive on a stream network. */
export function frames(socket: Socket): Buffer[] {
  const list: Buffer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      list.push(rest.subarray(4, 4 + rest.readUInt32BE()));
      rest = rest.subarray(4 + rest.readUInt32BE());
    }
  });
  return list;
}

/** A frame from 02:00:00:00:00:02 to 02:00:00:00:00:01, filled with the low byte of its payload's length. */
export function ethernet(type: number, payloadBytes: number): Buffer {
  const frame = Buffer.alloc(14 + payloadBytes, payloadBytes & 255);
  Buffer.from('020000000001020000000002', 'hex').copy(frame);
  frame.writeUInt16BE(type, 12);
  return frame;
}

/** Writes a frame with its length. */
export function sendFrame(socket: Socket, frame: Buffer): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  socket.write(Buffer.concat([length, frame]));
}
