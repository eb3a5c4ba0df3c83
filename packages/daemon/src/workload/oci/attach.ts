/**
 * conmon's attach socket as tagged output and an input stream.
 *
 * In: the socket's path. Out: AttachedStreams. May import: @noos/linux, workload types.
 */
import { Socket } from 'node:net';
import { connectSeqpacket } from '@noos/linux';
import type { AttachedStreams } from '../types.js';

/** conmon's stdpipe_t (src/utils.h): the first byte of each packet. */
const stdoutPipe = 2;
const stderrPipe = 3;
const lengthBytes = 4;

type OutputListener = (stream: 'stdout' | 'stderr', bytes: Buffer) => void;

/** Cuts a stream of length-prefixed packets; `take` gets each whole packet. */
export function createPacketParser(take: (packet: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const buffer = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let offset = 0;
    while (buffer.length - offset >= lengthBytes) {
      const end = offset + lengthBytes + buffer.readUInt32BE(offset);
      if (buffer.length < end) break;
      take(buffer.subarray(offset + lengthBytes, end));
      offset = end;
    }
    rest = buffer.subarray(offset);
  };
}

/** Output is read once the first listener is set, so that nothing is lost before. */
export function attachSocket(path: string): AttachedStreams {
  const socket = new Socket({
    fd: connectSeqpacket(path),
    readable: true,
    writable: true,
    allowHalfOpen: true,
  });
  const listeners: OutputListener[] = [];
  const parse = createPacketParser((packet) => {
    const stream = packet[0] === stderrPipe ? 'stderr' : packet[0] === stdoutPipe ? 'stdout' : undefined;
    if (stream === undefined) return;
    for (const listener of listeners) listener(stream, packet.subarray(1));
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('end', resolve).once('close', () => resolve());
  });
  // The other side may be gone while we write; its end is reported by `closed`.
  socket.on('error', () => socket.destroy());
  socket.once('end', () => socket.destroy());
  return {
    onOutput(listener) {
      listeners.push(listener);
      if (listeners.length === 1) socket.on('data', parse);
    },
    closed,
    input: socket,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.destroy(),
  };
}
