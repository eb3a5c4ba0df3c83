/**
 * Native runtimes as child processes that never outlive this one.
 *
 * In: a command. Out: its exit code, its console, its stream socket. May import: errors, the target's types.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import type { ConsoleWriter, TargetRun } from './target.js';

/** Descriptor of the stream socket in the child. */
export const streamFd = 3;

/** util-linux's way to have the kernel end a child when its parent ends, however that happens (prctl(2) PR_SET_PDEATHSIG). */
const setprivPath = '/usr/bin/setpriv';

export interface Child {
  run: TargetRun;
  /** This end of the socket pair whose other end is `streamFd` in the child. */
  stream: Socket;
}

/** 128 + N for signal N, as shells do. */
export function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/**
 * Starts `command` in its own process group (Ctrl-C reaches it only through `stop`), without standard input.
 * Rejects when it cannot be started.
 */
export async function startChild(command: readonly string[], console: ConsoleWriter): Promise<Child> {
  const guarded = existsSync(setprivPath) ? [setprivPath, '--pdeathsig', 'KILL', '--', ...command] : command;
  const [program = '', ...programArguments] = guarded;
  const child: ChildProcess = spawn(program, programArguments, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
  });
  // Before anything else: without descriptors (EMFILE) there are no pipes, only the error.
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.stdout?.on('data', (bytes: Buffer) => console(1, bytes));
  child.stderr?.on('data', (bytes: Buffer) => console(2, bytes));
  await spawned;
  // `close` comes after the last byte of the console, `exit` may come before it.
  const exited = new Promise<number>((resolve) => {
    child.once('close', (code, signal) => resolve(exitCodeOf(code, signal)));
  });
  const stream = child.stdio[streamFd] as Socket;
  stream.on('error', () => {});
  return {
    run: { exited, stop: () => void child.kill('SIGTERM'), kill: () => void child.kill('SIGKILL') },
    stream,
  };
}
