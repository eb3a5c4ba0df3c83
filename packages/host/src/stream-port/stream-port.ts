/**
 * A frame device over a stream socket, in the framing of QEMU's `-netdev stream`: a 32-bit big-endian length, then
 * the frame.
 *
 * In: a connected socket. Out: frames. May import: libos's device types.
 */
import type { Socket } from 'node:net';
import { ethernetHeaderBytes, type FrameDevice } from '@noos/libos';

const lengthBytes = 4;
/** Frames written within one turn travel as one write of at most about this size. */
const batchBytes = 65_536;
/** Bytes that may wait in the socket before `transmit` refuses. */
const defaultQueueBytes = 1_048_576;

export interface StreamPort extends FrameDevice {
  /** Settles when the socket is closed; with an Error when the peer broke the framing. */
  readonly closed: Promise<Error | undefined>;
  close(): void;
}

/** Wraps `socket`. A frame longer than the MTU allows, or shorter than an Ethernet header, ends the connection. */
export function streamPort(socket: Socket, options: { mtuBytes: number; queueBytes?: number }): StreamPort {
  const { mtuBytes, queueBytes = defaultQueueBytes } = options;
  const maxFrameBytes = mtuBytes + ethernetHeaderBytes;
  let batch = Buffer.allocUnsafe(batchBytes + lengthBytes + maxFrameBytes);
  let batched = 0;
  let failure: Error | undefined;

  function flush(): void {
    if (batched === 0) return;
    const bytes = batch.subarray(0, batched);
    batched = 0;
    if (!socket.writable) return;
    // The socket keeps the bytes until they are written: it gets this buffer, the next frames a new one.
    batch = Buffer.allocUnsafe(batch.length);
    socket.write(bytes);
  }

  const port: StreamPort = {
    mtuBytes,
    transmit(frame) {
      if (!socket.writable || frame.length > maxFrameBytes) return true;
      if (socket.writableLength + batched > queueBytes) return false;
      if (batched === 0) queueMicrotask(flush);
      batched = batch.writeUInt32BE(frame.length, batched);
      batch.set(frame, batched);
      batched += frame.length;
      if (batched >= batchBytes) flush();
      return true;
    },
    receive() {},
    closed: new Promise((resolve) => socket.once('close', () => resolve(failure))),
    close: () => socket.destroy(),
  };

  function fail(message: string): void {
    failure = new Error(message);
    socket.destroy();
  }

  /** The start of a frame whose end has not come yet. */
  const partial = Buffer.allocUnsafe(lengthBytes + maxFrameBytes);
  let partialBytes = 0;

  function deliver(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !socket.destroyed) {
      if (partialBytes === 0 && chunk.length - at >= lengthBytes) {
        const length = chunk.readUInt32BE(at);
        if (!plausible(length)) return;
        if (chunk.length - at >= lengthBytes + length) {
          port.receive(chunk.subarray(at + lengthBytes, at + lengthBytes + length));
          at += lengthBytes + length;
          continue;
        }
      }
      at += gather(chunk, at);
    }
  }

  /** Moves bytes of the chunk into `partial` up to the frame's end and delivers it there; returns how many. */
  function gather(chunk: Buffer, at: number): number {
    const missing = partialBytes < lengthBytes ? lengthBytes : lengthBytes + partial.readUInt32BE(0);
    const taken = chunk.copy(partial, partialBytes, at, at + missing - partialBytes);
    partialBytes += taken;
    if (partialBytes < missing) return taken;
    const length = partial.readUInt32BE(0);
    if (plausible(length) && partialBytes === lengthBytes + length) {
      partialBytes = 0;
      port.receive(partial.subarray(lengthBytes, lengthBytes + length));
    }
    return taken;
  }

  function plausible(length: number): boolean {
    if (length >= ethernetHeaderBytes && length <= maxFrameBytes) return true;
    fail(`frame of ${length} bytes on a stream port: expected ${ethernetHeaderBytes} to ${maxFrameBytes}`);
    return false;
  }

  socket.on('data', deliver);
  socket.on('error', (error) => {
    failure ??= error;
  });
  socket.on('end', () => socket.destroy());
  return port;
}
