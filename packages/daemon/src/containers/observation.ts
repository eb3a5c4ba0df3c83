/**
 * What looks into containers and speaks with them: streams, exec, logs, health, stats, copies. One value for the API.
 *
 * In: containers and their lives. Out: Observation. May import: the folders beside it.
 */
import { readFile } from 'node:fs/promises';
import { DaemonError } from '../errors.js';
import type { EventSink } from '../events/types.js';
import type { Layout } from '../layout.js';
import type { Logger } from '../log.js';
import type { Mounts } from '../volumes/types.js';
import type { AttachedStreams, WorkloadRuntime } from '../workload/types.js';
import type { AppArmor } from './app-armor/app-armor.js';
import { publish as publishOf } from './context.js';
import { type Copies, createCopies } from './copy/archive.js';
import { createTrees } from './copy/tree.js';
import { createExecs, type Execs } from './exec/execs.js';
import { createExecSessions } from './exec/sessions.js';
import { createHealthMonitor } from './health/monitor.js';
import { runProbe } from './health/probe.js';
import { logPathOf } from './logs/location.js';
import { type LogConfig, logDetails, logKeeping } from './logs/options.js';
import { type LogQuery, readLog } from './logs/read.js';
import { createRotator } from './logs/rotation.js';
import { closeOpenLines } from './logs/seal.js';
import { createStatsCollector, type StatsCollector } from './stats/collector.js';
import { parseGroups, readGroupProcesses } from './stats/control-groups.js';
import { listProcesses, type Processes } from './stats/top.js';
import { type ConsoleSource, createConsoles } from './streams/console.js';
import type { Container, Containers } from './types.js';

export interface ObservationDependencies {
  layout: Layout;
  log: Logger;
  events: EventSink;
  containers: Containers;
  mounts: Pick<Mounts, 'prepare' | 'release'>;
  runtimeOf(container: Container): WorkloadRuntime;
  /** Driver and options of containers that name none. */
  logDefaults: LogConfig;
  /** All capabilities that the daemon can give. */
  capabilities: readonly string[];
  appArmor: AppArmor;
}

export interface Observation {
  readonly execs: Execs;
  readonly copies: Copies;
  readonly stats: StatsCollector;
  /** IDs of execs that have not ended; null when there are none, as inspect shows them. */
  execIds(container: string): string[] | null;
  /** Streams of one client, before or after the start. */
  attach(container: Container): Promise<AttachedStreams>;
  resize(container: Container, rows: number, columns: number): Promise<void>;
  /** Throws for drivers that cannot be read. `follow` ends with the container. */
  readLog(container: Container, query: LogRequest): AsyncGenerator<Buffer, void>;
  processes(container: Container, psArguments: string): Promise<Processes>;
  /** Publishes `action` with the container's attributes. */
  publish(container: Container, action: string, more?: Record<string, string>): void;
  close(): void;
}

export type LogRequest = Omit<LogQuery, 'path' | 'details' | 'multiplex' | 'follow'> & {
  details: boolean;
  follow?: AbortSignal | undefined;
};

/** Registers itself as an observer of containers; call before containers are restored. */
export async function createObservation(dependencies: ObservationDependencies): Promise<Observation> {
  const { layout, log, events, containers, mounts, runtimeOf, logDefaults, capabilities, appArmor } =
    dependencies;
  const consoles = createConsoles();
  const rotator = createRotator(log);
  const sessions = createExecSessions();
  const trees = await createTrees({ layout, mounts, containers, log });
  const execs = createExecs({ containers, runtimeOf, sessions, trees, events, capabilities, appArmor });
  /** Settles when the container ends. */
  const endings = new Map<string, { ended: Promise<void>; end(): void }>();

  const publish = (container: Container, action: string, more?: Record<string, string>): void =>
    publishOf({ events }, container, action, more);

  const consoleOf = (container: Container): ConsoleSource => ({
    id: container.id,
    keep: (container.config.StdinOnce ?? false) && !container.config.Tty,
    running: container.state.pid > 0,
    connect: () => runtimeOf(container).attach(container.id),
  });

  function endingOf(id: string): Promise<void> {
    const known = endings.get(id);
    if (known !== undefined) return known.ended;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    endings.set(id, { ended, end });
    return ended;
  }

  async function followRotation(container: Container): Promise<void> {
    const { maxBytes, maxFiles, compress } = logKeeping(container.hostConfig.LogConfig, logDefaults);
    if (maxBytes !== undefined && maxFiles > 1)
      await rotator.add(container.id, { path: logPathOf(layout, container.id), maxFiles, compress });
  }

  const health = createHealthMonitor({
    probe: (container, plan, signal) => runProbe(execs, container, plan, signal),
    setHealth: (id, state) => containers.setHealth(id, state),
    changed: (container, status) => publish(container, `health_status: ${status}`),
    log,
  });

  containers.observe({
    async created(container) {
      await Promise.all([
        consoles.created(consoleOf(container)),
        closeOpenLines(logPathOf(layout, container.id)),
        // Before its first line: the monitor may fill a file at once.
        followRotation(container),
      ]);
    },
    running(container) {
      void followRotation(container);
      // Clients that came while it was starting.
      consoles
        .created(consoleOf(container))
        .catch((error: unknown) => log.warn({ container: container.id, error: String(error) }, 'attach'));
      health.running?.(container);
    },
    paused: (container) => health.paused?.(container),
    stopped(container) {
      rotator.remove(container.id);
      consoles.stopped(container.id);
      health.stopped?.(container);
      endings.get(container.id)?.end();
      endings.delete(container.id);
    },
    removed: (container) => sessions.forget(container.id),
  });

  const requireRunning = (container: Container): void => {
    if (container.state.pid === 0)
      throw new DaemonError('conflict', `container ${container.id} is not running`);
  };

  return {
    execs,
    copies: createCopies(trees),
    stats: createStatsCollector(),
    publish,
    execIds(container) {
      const ids = sessions.of(container).map((session) => session.id);
      return ids.length > 0 ? ids : null;
    },
    attach: (container) => consoles.attach(consoleOf(container)),
    async resize(container, rows, columns) {
      requireRunning(container);
      await runtimeOf(container).resize(container.id, rows, columns);
      publish(container, 'resize', { height: String(rows), width: String(columns) });
    },
    readLog(container, { details, follow, ...query }) {
      const { driver } = logKeeping(container.hostConfig.LogConfig, logDefaults);
      if (driver === 'none')
        throw new DaemonError('notImplemented', 'configured logging driver does not support reading');
      const identity = {
        id: container.id,
        name: container.name,
        imageId: container.image,
        imageName: container.config.Image,
        labels: container.config.Labels ?? {},
        env: container.config.Env ?? [],
      };
      const runs = container.state.pid > 0;
      return readLog({
        ...query,
        path: logPathOf(layout, container.id),
        details: details ? logDetails(container.hostConfig.LogConfig, identity) : '',
        multiplex: !container.config.Tty,
        ...(follow !== undefined && runs
          ? { follow: { ended: endingOf(container.id), signal: follow } }
          : {}),
      });
    },
    async processes(container, psArguments) {
      requireRunning(container);
      const text = await readFile(`/proc/${container.state.pid}/cgroup`, 'utf8');
      const groups = parseGroups(text);
      const processes = await listProcesses(psArguments, await readGroupProcesses(groups));
      publish(container, 'top');
      return processes;
    },
    close() {
      health.close();
      rotator.close();
      sessions.close();
    },
  };
}
