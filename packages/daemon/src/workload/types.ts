/**
 * What a container runs as. `oci/` runs processes with runc or crun under conmon; a unikernel kind comes beside it.
 *
 * In: a prepared bundle or image, a namespace or TAP. Out: a pid, streams, an exit. May import: nothing.
 */
import type { Duplex } from 'node:stream';

/** What a kind of workload can do; the API answers 501 or 409 for the rest. */
export interface WorkloadFeatures {
  exec: boolean;
  rootFilesystem: boolean;
  attachment: 'veth' | 'tap';
}

export interface WorkloadSpec {
  id: string;
  /** Content of the bundle's `config.json` (OCI runtime spec). */
  config: object;
  terminal: boolean;
  /** Keep a pipe to standard input. */
  openStdin: boolean;
  /** Standard input ends when the first attached client's does. */
  stdinOnce: boolean;
  /** Absent: no log is kept. conmon's k8s-file format. */
  logPath?: string;
  /** A file that would be larger is replaced by a new one. */
  logLimitBytes?: number;
}

export interface WorkloadExit {
  id: string;
  /** 128 + signal when a signal ended it. */
  exitCode: number;
  oomKilled: boolean;
  /** Milliseconds since the epoch. */
  finishedAtMs: number;
}

/** Standard streams of a running workload or exec. */
export interface AttachedStreams {
  /** Bytes out, tagged; with a terminal everything is stdout. */
  onOutput(listener: (stream: 'stdout' | 'stderr', bytes: Buffer) => void): void;
  /** Resolves when the other side closed: all output was delivered. */
  readonly closed: Promise<void>;
  /** False when full: wait for `drain`. */
  readonly input: Duplex;
  pause(): void;
  resume(): void;
  close(): void;
}

export interface ExecSpec {
  /** 64 hex digits. */
  id: string;
  container: string;
  /** OCI `process` object. */
  process: object;
  terminal: boolean;
  openStdin: boolean;
}

export interface RunningExec {
  pid: number;
  streams: AttachedStreams;
  /** Resolves with the exit code. */
  readonly exited: Promise<number>;
}

/** One kind of workload. All operations name the workload by container ID and work after a daemon restart. */
export interface WorkloadRuntime {
  readonly name: string;
  readonly features: WorkloadFeatures;
  /** Everything up to, not including, the application's first instruction. Undone on failure. */
  create(spec: WorkloadSpec): Promise<{ pid: number }>;
  start(id: string): Promise<void>;
  /** What `create` was given as `config`; for processes that join. */
  configuration(id: string): Promise<object>;
  /** Signal number to the first process, or to all. */
  kill(id: string, signal: number, all?: boolean): Promise<void>;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
  /** OCI `linux.resources`. */
  update(id: string, resources: object): Promise<void>;
  resize(id: string, rows: number, columns: number): Promise<void>;
  /** Connects to the standard streams of a created or running workload. */
  attach(id: string): Promise<AttachedStreams>;
  /** Somebody is about to ask for `exec`, or waits for it: what takes time may begin. Changes nothing. */
  expectExec(): void;
  exec(spec: ExecSpec): Promise<RunningExec>;
  execResize(execId: string, rows: number, columns: number): Promise<void>;
  /** Frees runtime state and control groups of a workload that ended; idempotent. */
  delete(id: string): Promise<void>;
  /** Exits seen from now on, and those that happened while no daemon ran (found by `restore`). */
  onExit(listener: (exit: WorkloadExit) => void): void;
  /** At start: which of `ids` still run, with their pids; exits of the others are reported through onExit. */
  restore(ids: readonly string[]): Promise<ReadonlyMap<string, { pid: number; paused: boolean }>>;
}
