/**
 * Starts conmon, the monitor that outlives the daemon: one for each container and each exec.
 *
 * In: what to monitor. Out: pids and codes of its sync pipe. May import: linux.
 */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { openPipe, spawnProgram } from '@noos/linux';
import { findProgram, searchPath } from '../../linux/find-program.js';

/** Looked up once: the search costs more than the start. */
let conmonFound: string | undefined;

function conmonPath(): string {
  conmonFound ??= findProgram('conmon');
  if (conmonFound === undefined) throw new Error('conmon is not installed: containers need it');
  return conmonFound;
}

/** One line of the sync pipe with `--api-version 1`: a pid or exit code (negative: failed), what the runtime said. */
export interface SyncMessage {
  data: number;
  message?: string;
}

export interface Monitor {
  /** The next line of the sync pipe; undefined when conmon closed it. */
  next(): Promise<SyncMessage | undefined>;
  /** The next line of the attach pipe: the attach socket is there. Only with `attach`. */
  attachable(): Promise<SyncMessage | undefined>;
  /** Lets conmon continue: it waits before it forks and, with `attach`, before it runs the command. */
  proceed(): void;
  /** What conmon wrote to stderr until now. */
  complaints(): string;
  /** Closes our ends of the pipes. */
  release(): void;
}

const complaintLimit = 4096;

/** Lines of a pipe on which a monitor reports; undefined when it was closed. */
export function syncMessages(pipe: Readable): () => Promise<SyncMessage | undefined> {
  const waiting: ((message: SyncMessage | undefined) => void)[] = [];
  const arrived: SyncMessage[] = [];
  let ended = false;
  let rest = '';
  const deliver = () => {
    while (waiting.length > 0 && (arrived.length > 0 || ended)) waiting.shift()!(arrived.shift());
  };
  const end = () => {
    ended = true;
    deliver();
  };
  pipe.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    for (const line of parts) if (line !== '') arrived.push(JSON.parse(line) as SyncMessage);
    deliver();
  });
  pipe.once('end', end).once('error', end).once('close', end);
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      deliver();
    });
}

/** Runs conmon in a session of its own; `attach` adds the pipe that tells when its socket is there. */
export function startMonitor(commandArguments: readonly string[], attach: boolean): Monitor {
  const [complaint, sync, start, attached] = [openPipe(), openPipe(), openPipe(), openPipe()];
  const theirs = [complaint.write, sync.write, start.read, attached.write];
  const [stderr, syncPipe, attachPipe] = [complaint, sync, attached].map(
    ({ read }) => new Socket({ fd: read, readable: true, writable: false }),
  ) as [Socket, Socket, Socket];
  const startPipe = new Socket({ fd: start.write, readable: false, writable: true });
  let complaints = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaints.length < complaintLimit) complaints += text;
  });
  const pipes = [stderr, syncPipe, startPipe, attachPipe];
  for (const pipe of pipes) pipe.on('error', () => pipe.destroy());
  const next = syncMessages(syncPipe);
  const nextAttach = syncMessages(attachPipe);
  const release = () => {
    for (const pipe of pipes) pipe.destroy();
  };
  try {
    spawnProgram(
      [conmonPath(), ...commandArguments],
      {
        PATH: searchPath(),
        _OCI_SYNCPIPE: '3',
        _OCI_STARTPIPE: '4',
        ...(attach ? { _OCI_ATTACHPIPE: '5' } : {}),
      },
      [-1, -1, complaint.write, sync.write, start.read, ...(attach ? [attached.write] : [])],
    );
  } catch (error) {
    complaints += (error as Error).message;
    release();
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
  return {
    next,
    attachable: nextAttach,
    proceed: () => void startPipe.write('0'),
    complaints: () => complaints,
    release,
  };
}
