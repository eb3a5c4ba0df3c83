/**
 * Exec instances: what was asked for, what runs, how it ended.
 *
 * In: API: ExecConfig. Out: records by ID. May import: errors.
 */
import { randomBytes } from 'node:crypto';
import { DaemonError } from '../../errors.js';
import type { AttachedStreams } from '../../workload/types.js';

/** API: ExecConfig. */
export interface ExecRequest {
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  DetachKeys?: string;
  Tty?: boolean;
  Env?: string[];
  Cmd?: string[];
  Privileged?: boolean;
  User?: string;
  WorkingDir?: string;
  /** Rows, columns. */
  ConsoleSize?: [number, number];
}

export interface ExecSession {
  readonly id: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly request: ExecRequest;
  readonly user: string;
  readonly detachKeys: Uint8Array | undefined;
  /** Somebody waits for it, unlike for a health check. */
  readonly urgent: boolean;
  running: boolean;
  pid: number;
  exitCode: number | null;
  streams?: AttachedStreams;
  /** Settles once the process runs or could not be started. */
  started?: Promise<void>;
}

/** Sessions that ended are forgotten after this, at the latest after twice as long (moby daemon/exec.go, execCommandGC). */
const keptMs = 5 * 60_000;

export interface ExecSessions {
  add(session: Omit<ExecSession, 'id' | 'running' | 'pid' | 'exitCode'>): ExecSession;
  /** Throws notFound `No such exec instance: <id>`. */
  get(id: string): ExecSession;
  /** Those of a container that have not ended. */
  of(container: string): ExecSession[];
  /** The container is gone. */
  forget(container: string): void;
  close(): void;
}

export function createExecSessions(): ExecSessions {
  const sessions = new Map<string, ExecSession>();
  const ended = new Set<string>();
  const timer = setInterval(() => {
    for (const id of ended) sessions.delete(id);
    ended.clear();
    for (const session of sessions.values()) if (session.exitCode !== null) ended.add(session.id);
  }, keptMs).unref();
  return {
    add(parts) {
      const session = {
        ...parts,
        id: randomBytes(32).toString('hex'),
        running: false,
        pid: 0,
        exitCode: null,
      };
      sessions.set(session.id, session);
      return session;
    },
    get(id) {
      const session = sessions.get(id);
      if (session === undefined) throw new DaemonError('notFound', `No such exec instance: ${id}`);
      return session;
    },
    of: (container) =>
      [...sessions.values()].filter(
        (session) => session.container === container && session.exitCode === null,
      ),
    forget(container) {
      for (const session of sessions.values())
        if (session.container === container) sessions.delete(session.id);
    },
    close: () => clearInterval(timer),
  };
}
