/**
 * `/exec` and `/containers/:id/exec`: processes in running containers.
 *
 * In: calls. Out: calls into exec. May import: http, containers, errors.
 */
import { Type } from '@sinclair/typebox';
import type { Execs, StartedExec } from '../../containers/exec/execs.js';
import type { ExecRequest, ExecSession } from '../../containers/exec/sessions.js';
import { joinClient } from '../../containers/streams/client.js';
import { frame } from '../../containers/streams/multiplex.js';
import { DaemonError } from '../../errors.js';
import type { Call, Route } from '../../http/route.js';
import type { AttachedStreams } from '../../workload/types.js';
import { terminalSize } from './terminal-size.js';

const consoleSize = Type.Optional(Type.Array(Type.Integer({ minimum: 0 })));
const createSchema = Type.Object({
  AttachStdin: Type.Optional(Type.Boolean()),
  AttachStdout: Type.Optional(Type.Boolean()),
  AttachStderr: Type.Optional(Type.Boolean()),
  DetachKeys: Type.Optional(Type.String()),
  Tty: Type.Optional(Type.Boolean()),
  Env: Type.Optional(Type.Array(Type.String())),
  Cmd: Type.Optional(Type.Array(Type.String())),
  Privileged: Type.Optional(Type.Boolean()),
  User: Type.Optional(Type.String()),
  WorkingDir: Type.Optional(Type.String()),
  ConsoleSize: consoleSize,
});
const startSchema = Type.Object({
  Detach: Type.Optional(Type.Boolean()),
  Tty: Type.Optional(Type.Boolean()),
  ConsoleSize: consoleSize,
});

interface StartBody {
  Detach?: boolean;
  Tty?: boolean;
  ConsoleSize?: [number, number];
}

/** Sizes come with the request, and streams are named as multiplexed, since this version. */
const consoleSizeSince = 42;

/** API: ExecInspect. */
const inspect = ({ id, request, command, user, container, ...session }: ExecSession): object => ({
  ID: id,
  Running: session.running,
  ExitCode: session.exitCode,
  ProcessConfig: {
    tty: request.Tty ?? false,
    entrypoint: command[0],
    arguments: command.slice(1),
    privileged: request.Privileged ?? false,
    ...(user === '' ? {} : { user }),
  },
  OpenStdin: request.AttachStdin ?? false,
  OpenStderr: request.AttachStderr ?? false,
  OpenStdout: request.AttachStdout ?? false,
  CanRemove: false,
  ContainerID: container,
  DetachKeys: Buffer.from(session.detachKeys ?? []).toString('base64'),
  Pid: session.pid,
});

/** The process continues without its client; its output is then read and dropped, or it would stop. */
const outliving = ({ streams, ended }: StartedExec): AttachedStreams => ({
  ...streams,
  // The client asks for the exit code as soon as its stream ends.
  closed: Promise.all([streams.closed, ended]).then(() => {}),
  close: () => streams.resume(),
});

export function execRoutes({ execs }: { execs: Execs }): Route[] {
  async function create(call: Call): Promise<void> {
    const { ConsoleSize, ...request } = call.body as ExecRequest;
    if (request.Cmd === undefined || request.Cmd.length === 0)
      throw new DaemonError('invalid', 'No exec command specified');
    const sized = ConsoleSize !== undefined && call.version >= consoleSizeSince;
    const session = await execs.create(call.params.id!, { ...request, ...(sized ? { ConsoleSize } : {}) });
    call.json(201, { Id: session.id });
  }

  async function start(call: Call): Promise<void> {
    const { Detach = false, Tty = false, ConsoleSize } = (call.body ?? {}) as StartBody;
    const { session } = execs.get(call.params.id!);
    const { request } = session;
    const size = Tty && call.version >= consoleSizeSince ? ConsoleSize : undefined;
    if (Detach) {
      const { streams } = await execs.start(session.id, { consoleSize: size });
      streams.onOutput(() => {});
      call.empty(200);
      return;
    }
    const starting = execs.start(session.id, { consoleSize: size, stdin: request.AttachStdin ?? false });
    // Handled below; the connection is taken over meanwhile.
    starting.catch(() => {});
    const kind = !Tty && call.version >= consoleSizeSince && call.headers.upgrade ? 'multiplexed' : 'raw';
    const connection = await call.hijack(`application/vnd.docker.${kind}-stream`);
    let started: StartedExec;
    try {
      started = await starting;
    } catch (error) {
      const text = Buffer.from(`${(error as Error).message}\r\n`);
      connection.end(Tty ? text : frame('stdout', text));
      return;
    }
    const end = await joinClient(connection, outliving(started), {
      stdin: request.AttachStdin ?? false,
      stdout: request.AttachStdout ?? false,
      stderr: request.AttachStderr ?? false,
      multiplex: !Tty,
      terminal: request.Tty ?? false,
      closeStdin: true,
      detachKeys: session.detachKeys,
    });
    if (end === 'detached') execs.detached(session);
  }

  return [
    { method: 'POST', path: '/containers/:id/exec', body: createSchema, handler: create },
    { method: 'POST', path: '/exec/:id/start', body: startSchema, bodyOptional: true, handler: start },
    {
      method: 'POST',
      path: '/exec/:id/resize',
      async handler(call) {
        const { rows, columns } = terminalSize(call);
        await execs.resize(call.params.id!, rows, columns);
        call.empty(200);
      },
    },
    {
      method: 'GET',
      path: '/exec/:id/json',
      async handler(call) {
        call.json(200, inspect(execs.inspect(call.params.id!)));
      },
    },
  ];
}
