/**
 * Joins one client's connection to the standard streams of a container or an exec.
 *
 * In: a hijacked connection, attached streams. Out: bytes both ways, at the pace of the slower side.
 * May import: workload types.
 */
import { once } from 'node:events';
import { type Duplex, finished } from 'node:stream';
import type { AttachedStreams } from '../../workload/types.js';
import { createDetachScanner, defaultDetachKeys } from './detach-keys.js';
import { frameHeader, type OutputStream } from './multiplex.js';

export interface ClientOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Frames with stream types; false on a terminal and on websockets. */
  multiplex: boolean;
  terminal: boolean;
  /** The end of the client's input ends the other side's; otherwise it ends the session (never on a terminal). */
  closeStdin: boolean;
  detachKeys?: Uint8Array | undefined;
}

export type SessionEnd =
  /** The other side closed: all its output was handed to the connection. */
  | 'closed'
  /** The client typed the detach keys. */
  | 'detached'
  /** The client's connection or input ended. */
  | 'left';

/** Output that waits for a slow client before the source is paused (moby bytespipe: blockThreshold). */
const waitingLimitBytes = 1_000_000;

/** How long a connection may stay half open after our side has ended. */
const lingerMs = 10_000;

/** Sends output to the connection; pauses the source while the client does not keep up. */
function forwardOutput(connection: Duplex, streams: AttachedStreams, options: ClientOptions): void {
  let corked = false;
  let paused = false;
  const uncork = () => {
    corked = false;
    connection.uncork();
  };
  connection.on('drain', () => {
    if (!paused) return;
    paused = false;
    streams.resume();
  });
  streams.onOutput((stream: OutputStream, bytes: Buffer) => {
    if (!options[stream] || connection.writableEnded || connection.destroyed) return;
    // What arrives in one turn leaves in one writev.
    if (!corked) {
      corked = true;
      connection.cork();
      process.nextTick(uncork);
    }
    if (options.multiplex) connection.write(frameHeader(stream, bytes.length));
    connection.write(bytes);
    if (!paused && connection.writableLength > waitingLimitBytes) {
      paused = true;
      streams.pause();
    }
  });
}

/** Sends the client's input on; calls `left` when it ends without meaning the end of standard input. */
function forwardInput(
  connection: Duplex,
  streams: AttachedStreams,
  options: ClientOptions,
  done: (end: SessionEnd) => void,
): void {
  const scan = options.terminal ? createDetachScanner(options.detachKeys ?? defaultDetachKeys) : undefined;
  // Standard input may be gone (EPIPE): output still comes.
  streams.input.on('error', () => {});
  streams.input.on('drain', () => connection.resume());
  connection.on('data', (chunk: Buffer) => {
    if (!options.stdin) return;
    const { pass, detached } = scan?.(chunk) ?? { pass: chunk, detached: false };
    if (pass.length > 0 && streams.input.writable && !streams.input.write(pass)) connection.pause();
    if (detached) done('detached');
  });
  // Not by `end`: a client without input has ended it before the process runs.
  finished(connection, { writable: false }, (error) => {
    if (error || !options.stdin) return;
    if (options.closeStdin && !options.terminal) streams.input.end();
    else done('left');
  });
}

/** Ends our side and waits, within bounds, until what was written has left and the client has closed too. */
async function hangUp(connection: Duplex): Promise<void> {
  if (connection.destroyed) return;
  // Unread input at close would reset the connection and with it output the client has not read yet.
  connection.resume();
  const closed = once(connection, 'close').catch(() => {});
  const timer = setTimeout(() => connection.destroy(), lingerMs);
  connection.once('finish', () => timer.refresh());
  connection.end();
  if (connection.readableEnded) connection.once('finish', () => connection.destroy());
  void closed.then(() => clearTimeout(timer));
}

/** Serves the client until one side is done; then the connection ends and the streams are let go. */
export function joinClient(
  connection: Duplex,
  streams: AttachedStreams,
  options: ClientOptions,
): Promise<SessionEnd> {
  return new Promise((resolve) => {
    let over = false;
    const done = (end: SessionEnd) => {
      if (over) return;
      over = true;
      streams.close();
      void hangUp(connection);
      resolve(end);
    };
    connection.on('error', () => connection.destroy());
    const gone = () => {
      if (options.stdin && options.closeStdin && !options.terminal) streams.input.end();
      done('left');
    };
    if (connection.closed) process.nextTick(gone);
    else connection.on('close', gone);
    forwardOutput(connection, streams, options);
    forwardInput(connection, streams, options, done);
    // Output handed over in the same turn is written before the end.
    void streams.closed.then(() => done('closed'));
  });
}
