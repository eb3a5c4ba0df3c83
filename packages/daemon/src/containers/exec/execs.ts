/**
 * Exec: processes beside a container's own, for clients and for health checks.
 *
 * In: requests, a running container. Out: processes with streams, records of how they ended.
 * May import: workload, events, errors, the container's tree.
 */
import { DaemonError } from '../../errors.js';
import type { EventSink } from '../../events/types.js';
import type { AttachedStreams, WorkloadRuntime } from '../../workload/types.js';
import type { AppArmor } from '../app-armor/app-armor.js';
import { defaultProfile } from '../app-armor/profile.js';
import { checkProcessTexts } from '../configuration/texts.js';
import { publish as publishOf } from '../context.js';
import type { Trees } from '../copy/tree.js';
import { startExitCode } from '../lifecycle/start-exit-code.js';
import { userBelow } from '../spec/user-files.js';
import type { ProcessUser } from '../spec/users.js';
import { parseDetachKeys } from '../streams/detach-keys.js';
import type { Container, Containers } from '../types.js';
import { execProcess, type OciProcess } from './process.js';
import type { ExecRequest, ExecSession, ExecSessions } from './sessions.js';

export interface ExecsDependencies {
  containers: Pick<Containers, 'get'>;
  runtimeOf(container: Container): WorkloadRuntime;
  sessions: ExecSessions;
  trees: Trees;
  events: EventSink;
  /** All capabilities that the daemon can give. */
  capabilities: readonly string[];
  appArmor: AppArmor;
}

export interface StartedExec {
  session: ExecSession;
  streams: AttachedStreams;
  /** Resolves with the exit code after the session was marked as ended. */
  ended: Promise<number>;
}

export interface Execs {
  /** Checks and records; throws when the container does not run. */
  create(name: string, request: ExecRequest, options?: { urgent?: boolean }): Promise<ExecSession>;
  /** Running or ended; throws notFound. */
  inspect(id: string): ExecSession;
  /** For `start`: the session and its container, which must run. */
  get(id: string): { session: ExecSession; container: Container };
  /** Starts the process; throws Docker's texts and keeps 126 or 127 as the exit code when that fails. */
  start(
    id: string,
    options?: { consoleSize?: [number, number] | undefined; stdin?: boolean },
  ): Promise<StartedExec>;
  resize(id: string, rows: number, columns: number): Promise<void>;
  /** Publishes `exec_detach`. */
  detached(session: ExecSession): void;
}

/** Throws Docker's conflicts for containers that cannot be joined. */
export function checkRunning(container: Container, asked: string): void {
  const { status } = container.state;
  if (status === 'paused')
    throw new DaemonError('conflict', `Container ${asked} is paused, unpause the container before exec`);
  if (status === 'restarting')
    throw new DaemonError(
      'conflict',
      `Container ${container.id} is restarting, wait until the container is running`,
    );
  if (status !== 'running') throw new DaemonError('conflict', `container ${container.id} is not running`);
}

export function createExecs(dependencies: ExecsDependencies): Execs {
  const { containers, runtimeOf, sessions, trees, events, capabilities, appArmor } = dependencies;

  const publish = (
    container: Container,
    action: string,
    session: ExecSession,
    more: Record<string, string> = {},
  ): void => publishOf({ events }, container, action, { execID: session.id, ...more });

  const lookUp = (container: Container, user: string): Promise<ProcessUser> =>
    trees.withTree(container, async (tree) => userBelow(tree.fd, user, container.hostConfig.GroupAdd ?? []));

  function get(id: string): { session: ExecSession; container: Container } {
    const session = sessions.get(id);
    const container = containers.get(session.container);
    checkRunning(container, container.id);
    return { session, container };
  }

  async function launch(
    container: Container,
    session: ExecSession,
    options: { consoleSize: [number, number] | undefined; stdin: boolean },
  ): Promise<StartedExec> {
    const runtime = runtimeOf(container);
    const { request } = session;
    // Looked up also for the container's own user: files that would keep runc waiting are an error here.
    const found = await lookUp(container, request.User || container.config.User || '');
    const user = request.User ? found : undefined;
    const configuration = (await runtime.configuration(container.id)) as { process: OciProcess };
    if (configuration.process.apparmorProfile === defaultProfile) await appArmor.ensureDefault();
    const running = await runtime.exec({
      id: session.id,
      container: container.id,
      terminal: request.Tty ?? false,
      openStdin: options.stdin,
      process: execProcess(configuration.process, {
        command: session.command,
        env: request.Env ?? [],
        workingDirectory: request.WorkingDir || container.config.WorkingDir || '/',
        terminal: request.Tty ?? false,
        consoleSize: options.consoleSize ?? request.ConsoleSize,
        ...(user === undefined ? {} : { user }),
        ...(request.Privileged ? { capabilities } : {}),
      }),
    });
    session.pid = running.pid;
    session.streams = running.streams;
    const ended = running.exited.then((exitCode) => {
      session.running = false;
      session.exitCode = exitCode;
      delete session.streams;
      publish(container, 'exec_die', session, { exitCode: String(exitCode) });
      return exitCode;
    });
    return { session, streams: running.streams, ended };
  }

  return {
    async create(name, request, { urgent = true } = {}) {
      const container = containers.get(name);
      checkRunning(container, name);
      const keys = request.DetachKeys ? parseDetachKeys(request.DetachKeys) : undefined;
      if (request.DetachKeys && keys === undefined)
        throw new DaemonError('system', `Invalid escape keys (${request.DetachKeys}) provided`);
      checkProcessTexts(request);
      const command = request.Cmd ?? [];
      const session = sessions.add({
        container: container.id,
        command,
        request,
        user: request.User || container.config.User || '',
        detachKeys: keys,
        urgent,
      });
      if (urgent) runtimeOf(container).expectExec();
      publish(container, `exec_create: ${command[0]} ${command.slice(1).join(' ')}`, session);
      return session;
    },
    inspect: (id) => sessions.get(id),
    get,
    async start(id, { consoleSize, stdin = false } = {}) {
      const { session, container } = get(id);
      if (session.exitCode !== null) throw new DaemonError('conflict', `exec command ${id} has already run`);
      if (session.running) throw new DaemonError('conflict', `exec command ${id} is already running`);
      session.running = true;
      if (session.urgent) runtimeOf(container).expectExec();
      const { command } = session;
      publish(container, `exec_start: ${command[0]} ${command.slice(1).join(' ')}`, session);
      const launched = launch(container, session, { consoleSize, stdin });
      session.started = launched.then(
        () => {},
        () => {},
      );
      try {
        return await launched;
      } catch (error) {
        session.running = false;
        session.exitCode = startExitCode((error as Error).message, 126);
        throw error;
      }
    },
    async resize(id, rows, columns) {
      const { session, container } = get(id);
      await session.started;
      if (!session.running || session.pid === 0)
        throw new DaemonError('invalid', 'exec process is not started');
      if (session.request.Tty) await runtimeOf(container).execResize(id, rows, columns);
    },
    detached: (session) => publish(containers.get(session.container), 'exec_detach', session),
  };
}
