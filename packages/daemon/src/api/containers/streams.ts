/**
 * `/containers/:id/…` that stream or look inside: attach, logs, stats, top, resize, archive, export, changes.
 *
 * In: calls. Out: calls into observation. May import: http, containers, images types, errors.
 */
import { addAbortListener, once } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createTar } from '../../archive/create.js';
import { reached } from '../../containers/logs/read.js';
import type { LogRequest, Observation } from '../../containers/observation.js';
import { emptyStats, sampleStats } from '../../containers/stats/collector.js';
import { joinClient } from '../../containers/streams/client.js';
import { parseDetachKeys } from '../../containers/streams/detach-keys.js';
import { acceptKey, createWebSocket } from '../../containers/streams/websocket.js';
import type { Container, Containers } from '../../containers/types.js';
import { DaemonError } from '../../errors.js';
import type { Call, Route } from '../../http/route.js';
import type { Layers } from '../../images/types.js';
import { parseLogTime } from './log-times.js';
import { terminalSize } from './terminal-size.js';

export interface ContainerStreamsDependencies {
  containers: Pick<Containers, 'get' | 'withRoot'>;
  layers: Pick<Layers, 'changes'>;
  observation: Observation;
}

/** Multiplexed streams have their own media type since this version. */
const multiplexedSince = 42;
const oneShotSince = 41;
const binaryFramesSince = 28;

const streamType = (call: Call, multiplex: boolean): string =>
  `application/vnd.docker.${multiplex && call.version >= multiplexedSince ? 'multiplexed' : 'raw'}-stream`;

/** Writes everything at the pace of the client; ends quietly when it goes away. */
async function send(source: AsyncIterable<Buffer>, to: Writable): Promise<void> {
  for await (const bytes of source) {
    if (to.destroyed) return;
    if (!to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
  }
}

function detachKeys(call: Call): Uint8Array | undefined {
  const text = call.query.get('detachKeys');
  if (!text) return undefined;
  const keys = parseDetachKeys(text);
  if (keys === undefined) throw new DaemonError('invalid', `Invalid detach keys (${text}) provided`);
  return keys;
}

function checkAttachable(container: Container, asked: string): void {
  const { status } = container.state;
  if (status === 'paused')
    throw new DaemonError('conflict', `container ${asked} is paused, unpause the container before attach`);
  if (status === 'restarting')
    throw new DaemonError(
      'conflict',
      `container ${asked} is restarting, wait until the container is running`,
    );
}

export function containerStreamRoutes(dependencies: ContainerStreamsDependencies): Route[] {
  const { containers, layers, observation } = dependencies;

  /** The session of one client; `open` takes the connection over once nothing can be refused any more. */
  async function attach(
    call: Call,
    use: { stdin: boolean; stdout: boolean; stderr: boolean },
    multiplex: boolean,
    open: () => Promise<Duplex>,
  ): Promise<void> {
    const container = containers.get(call.params.id!);
    const keys = detachKeys(call);
    checkAttachable(container, call.params.id!);
    const { Tty = false, OpenStdin = false, StdinOnce = false } = container.config;
    const backlog = call.flag('logs')
      ? observation.readLog(container, {
          stdout: use.stdout,
          stderr: use.stderr,
          timestamps: false,
          details: false,
        })
      : undefined;
    const streams = call.flag('stream') ? await observation.attach(container) : undefined;
    try {
      const connection = await open();
      if (backlog !== undefined) await send(backlog, connection);
      observation.publish(container, 'attach');
      if (streams === undefined) {
        connection.end();
        return;
      }
      const end = await joinClient(connection, streams, {
        ...use,
        stdin: use.stdin && OpenStdin,
        multiplex,
        terminal: Tty,
        closeStdin: StdinOnce,
        detachKeys: keys,
      });
      if (end === 'detached') observation.publish(container, 'detach');
    } finally {
      streams?.close();
    }
  }

  function attachRaw(call: Call): Promise<void> {
    const multiplex = !containers.get(call.params.id!).config.Tty;
    const use = { stdin: call.flag('stdin'), stdout: call.flag('stdout'), stderr: call.flag('stderr') };
    return attach(call, use, multiplex, () =>
      call.hijack(streamType(call, multiplex && call.headers.upgrade !== undefined)),
    );
  }

  function attachWebSocket(call: Call): Promise<void> {
    const key = call.headers['sec-websocket-key'];
    if (key === undefined || call.headers.upgrade?.toLowerCase() !== 'websocket')
      throw new DaemonError('invalid', 'not websocket protocol');
    const chosen = call.version >= multiplexedSince;
    const use = {
      stdin: !chosen || call.flag('stdin'),
      stdout: !chosen || call.flag('stdout'),
      stderr: !chosen || call.flag('stderr'),
    };
    return attach(call, use, false, async () => {
      call.response.setHeader('Sec-WebSocket-Accept', acceptKey(key));
      const connection = await call.hijack(streamType(call, false));
      return createWebSocket(connection, call.version >= binaryFramesSince ? 'binary' : 'text');
    });
  }

  async function logs(call: Call): Promise<void> {
    const [stdout, stderr] = [call.flag('stdout'), call.flag('stderr')];
    if (!stdout && !stderr)
      throw new DaemonError('invalid', 'Bad parameters: you must choose at least one stream');
    const since = parseLogTime(call.query.get('since'));
    const untilText = call.query.get('until');
    const until = untilText === '0' ? undefined : parseLogTime(untilText);
    const container = containers.get(call.params.id!);
    if (container.state.status === 'dead' || container.state.status === 'removing')
      throw new DaemonError(
        'conflict',
        'can not get logs from container which is dead or marked for removal',
      );
    const tail = call.query.get('tail') ?? '';
    const stop = new AbortController();
    addAbortListener(call.signal, () => stop.abort());
    const request: LogRequest = {
      stdout,
      stderr,
      timestamps: call.flag('timestamps'),
      details: call.flag('details'),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(/^\+?\d+$/.test(tail) ? { tail: Number(tail) } : {}),
      ...(call.flag('follow') ? { follow: stop.signal } : {}),
    };
    const source = observation.readLog(container, request);
    const response = call.stream(200, streamType(call, !container.config.Tty));
    const finished = new AbortController();
    if (until !== undefined && request.follow !== undefined)
      void reached(until.seconds * 1000 + until.nanos / 1e6, finished.signal).then(() => stop.abort());
    try {
      await send(source, response);
    } finally {
      finished.abort();
      response.end();
    }
  }

  async function stats(call: Call): Promise<void> {
    const container = containers.get(call.params.id!);
    const oneShot = call.version >= oneShotSince && call.flag('one-shot');
    const runs = container.state.pid > 0;
    if (!call.flag('stream', true)) {
      if (!runs) return call.json(200, emptyStats(container));
      const first = await sampleStats(container);
      if (oneShot) return call.json(200, first);
      const second = await new Promise<object>((resolve) => {
        let samples = 0;
        const stop = observation.stats.follow(container, (sample) => {
          if (++samples < 2) return;
          stop();
          resolve(sample);
        });
        addAbortListener(call.signal, () => {
          stop();
          resolve(first);
        });
      });
      return call.json(200, second);
    }
    const response = call.stream(200, 'application/json');
    const stop = observation.stats.follow(container, (sample) => {
      // A client that does not read gets the samples it can take.
      if (!response.writableNeedDrain) response.write(`${JSON.stringify(sample)}\n`);
    });
    await new Promise<void>((resolve) => {
      addAbortListener(call.signal, () => resolve());
    });
    stop();
    response.end();
  }

  /** Sends an archive; a failure after the first byte cuts the connection. */
  async function sendArchive(call: Call, archive: Readable): Promise<void> {
    const response = call.stream(200, 'application/x-tar');
    await pipeline(archive, response).catch((error: unknown) => {
      if (!response.destroyed) throw error;
    });
  }

  const place = (call: Call) => {
    const path = call.query.get('path') ?? '';
    if (path === '') throw new DaemonError('invalid', 'bad parameter: path cannot be empty');
    return { container: containers.get(call.params.id!), asked: call.params.id!, path };
  };
  const setStat = (call: Call, stat: object) =>
    call.response.setHeader(
      'X-Docker-Container-Path-Stat',
      Buffer.from(JSON.stringify(stat)).toString('base64'),
    );

  return [
    { method: 'POST', path: '/containers/:id/attach', handler: attachRaw },
    { method: 'GET', path: '/containers/:id/attach/ws', handler: async (call) => attachWebSocket(call) },
    { method: 'GET', path: '/containers/:id/logs', handler: logs },
    { method: 'GET', path: '/containers/:id/stats', handler: stats },
    {
      method: 'GET',
      path: '/containers/:id/top',
      async handler(call) {
        const container = containers.get(call.params.id!);
        call.json(200, await observation.processes(container, call.query.get('ps_args') ?? ''));
      },
    },
    {
      method: 'POST',
      path: '/containers/:id/resize',
      async handler(call) {
        const { rows, columns } = terminalSize(call);
        await observation.resize(containers.get(call.params.id!), rows, columns);
        call.empty(200);
      },
    },
    {
      method: 'HEAD',
      path: '/containers/:id/archive',
      async handler(call) {
        setStat(call, await observation.copies.stat(place(call)));
        call.empty(200);
      },
    },
    {
      method: 'GET',
      path: '/containers/:id/archive',
      async handler(call) {
        const from = place(call);
        await observation.copies.read(from, async (stat, archive) => {
          setStat(call, stat);
          observation.publish(from.container, 'archive-path');
          await sendArchive(call, archive);
        });
      },
    },
    {
      method: 'PUT',
      path: '/containers/:id/archive',
      async handler(call) {
        const to = place(call);
        await observation.copies.write(to, call.input, {
          keepKinds: call.flag('noOverwriteDirNonDir'),
          ownedByUser: call.flag('copyUIDGID'),
        });
        observation.publish(to.container, 'extract-to-dir');
        call.empty(200);
      },
    },
    {
      method: 'GET',
      path: '/containers/:id/export',
      async handler(call) {
        const container = containers.get(call.params.id!);
        if (container.state.status === 'dead' || container.state.status === 'removing')
          throw new DaemonError(
            'conflict',
            `You cannot export container ${container.id} which is ${container.state.status === 'dead' ? 'dead' : 'being removed'}`,
          );
        await containers.withRoot(container.id, async (root) => {
          await sendArchive(call, createTar(root));
          observation.publish(container, 'export');
        });
      },
    },
    {
      method: 'GET',
      path: '/containers/:id/changes',
      async handler(call) {
        const changes = await layers.changes(containers.get(call.params.id!).id);
        call.json(200, changes.length > 0 ? changes : null);
      },
    },
  ];
}
