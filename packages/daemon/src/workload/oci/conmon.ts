/**
 * Starts conmon, the monitor that outlives the daemon: one for each container and each exec.
 *
 * In: what to monitor. Out: pids and codes of its sync pipe. May import: nothing of the daemon but errors.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export const conmonProgram = 'conmon';

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
  /** Lets conmon go on: it waits before it forks and, with `attach`, before it runs the command. */
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
  const child: ChildProcess = spawn(conmonProgram, commandArguments, {
    detached: true,
    cwd: '/',
    // sync pipe, start pipe, attach pipe
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', attach ? 'pipe' : 'ignore'],
    env: {
      PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      _OCI_SYNCPIPE: '3',
      _OCI_STARTPIPE: '4',
      ...(attach ? { _OCI_ATTACHPIPE: '5' } : {}),
    },
  });
  let complaints = '';
  const pipes: readonly unknown[] = child.stdio;
  const stderr = pipes[2] as Readable;
  const sync = pipes[3] as Readable;
  const start = pipes[4] as Writable;
  const attachPipe = attach ? (pipes[5] as Readable) : undefined;
  stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaints.length < complaintLimit) complaints += text;
  });
  start.on('error', () => {});
  const next = syncMessages(sync);
  const nextAttach = attachPipe === undefined ? undefined : syncMessages(attachPipe);
  const release = () => {
    for (const pipe of [stderr, sync, start, attachPipe]) pipe?.destroy();
  };
  child.once('error', (error) => {
    complaints += error.message;
    release();
  });
  return {
    next,
    attachable: () => nextAttach?.() ?? Promise.resolve(undefined),
    proceed: () => void start.write('0'),
    complaints: () => complaints,
    release,
  };
}
