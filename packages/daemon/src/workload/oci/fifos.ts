/**
 * Standard streams as FIFOs: both ends opened here, one for us, one for a child. Unlike Node's own `pipe`, which is a
 * socket, they can be opened again by path (`/dev/stdout`).
 *
 * In: a directory. Out: file descriptors. May import: @noos/linux.
 */
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { makeNode } from '@noos/linux';
import type { AttachedStreams } from '../types.js';

const ownerOnly = 0o600;

interface Fifo {
  ours: number;
  /** Blocking, as programs expect; closed by the caller once the child has it. */
  child: number;
}

/** A FIFO that has no name any more. `direction` is what the child does with its end. */
function openFifo(path: string, direction: 'reads' | 'writes'): Fifo {
  makeNode(path, constants.S_IFIFO | ownerOnly);
  // With both ends held for a moment no open blocks.
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const child = openSync(path, direction === 'reads' ? constants.O_RDONLY : constants.O_WRONLY);
    const ours = openSync(
      path,
      (direction === 'reads' ? constants.O_WRONLY : constants.O_RDONLY) | constants.O_NONBLOCK,
    );
    return { ours, child };
  } finally {
    closeSync(both);
    unlinkSync(path);
  }
}

export interface FifoStreams {
  streams: AttachedStreams;
  /** For the child: standard input (-1 without one), output, error. */
  child: readonly [number, number, number];
  /** Once the child was spawned, or could not be. */
  releaseChild(): void;
  /** The process ended: what others still hold open is not waited for long. */
  ended(): void;
}

/** Silence after the process's end that is taken for the end of its output. */
const graceMs = 200;

export function openFifoStreams(directory: string, openStdin: boolean): FifoStreams {
  const stdin = openStdin ? openFifo(join(directory, 'stdin'), 'reads') : undefined;
  const outputs = (['stdout', 'stderr'] as const).map((name) => ({
    name,
    ...openFifo(join(directory, name), 'writes'),
  }));
  const input: Duplex =
    stdin === undefined
      ? new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
      : new Socket({ fd: stdin.ours, readable: false, writable: true });
  input.on('error', () => input.destroy());
  const sockets = outputs.map(({ name, ours }) => ({
    name,
    socket: new Socket({ fd: ours, readable: true, writable: false }),
  }));
  const listeners: ((stream: 'stdout' | 'stderr', bytes: Buffer) => void)[] = [];
  let lastDataMs = 0;
  let flowing = false;
  let paused = false;
  const flow = () => {
    if (flowing) return;
    flowing = true;
    for (const { name, socket } of sockets)
      socket.on('data', (bytes: Buffer) => {
        lastDataMs = Date.now();
        for (const listener of listeners) listener(name, bytes);
      });
  };
  const closed = Promise.all(
    sockets.map(
      ({ socket }) =>
        new Promise<void>((resolve) => {
          socket.on('error', () => socket.destroy());
          socket.once('end', resolve).once('close', () => resolve());
        }),
    ),
  ).then(() => {
    input.destroy();
    for (const { socket } of sockets) socket.destroy();
  });
  const each = (action: (socket: Socket) => void) => {
    for (const { socket } of sockets) action(socket);
  };
  return {
    child: [stdin?.child ?? -1, outputs[0]!.child, outputs[1]!.child],
    releaseChild() {
      if (stdin !== undefined) closeSync(stdin.child);
      for (const { child } of outputs) closeSync(child);
    },
    ended() {
      const timer = setInterval(() => {
        if (paused || !flowing || Date.now() - lastDataMs < graceMs) return;
        each((socket) => socket.destroy());
        clearInterval(timer);
      }, graceMs);
      void closed.then(() => clearInterval(timer));
    },
    streams: {
      onOutput(listener) {
        listeners.push(listener);
        flow();
      },
      closed,
      input,
      pause() {
        paused = true;
        each((socket) => void socket.pause());
      },
      resume() {
        paused = false;
        each((socket) => void socket.resume());
      },
      /** The process continues; what it writes is dropped. */
      close() {
        listeners.length = 0;
        input.end();
        flow();
        paused = false;
        each((socket) => void socket.resume());
      },
    },
  };
}
