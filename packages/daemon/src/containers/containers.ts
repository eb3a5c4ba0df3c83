/**
 * Containers: the face of this area put together from its operations.
 *
 * In: the areas below. Out: Containers. May import: the parts beside it.
 */
import { DaemonError } from '../errors.js';
import type { WorkloadRuntime } from '../workload/types.js';
import { signalNumber } from './configuration/signals.js';
import { type ContainerDependencies, type Context, isUp, type Live, publish } from './context.js';
import { createContainer } from './lifecycle/create.js';
import { settleFailedStart } from './lifecycle/exit.js';
import { createLocks } from './lifecycle/locks.js';
import { removeLocked } from './lifecycle/remove.js';
import { restoreContainers } from './lifecycle/restore.js';
import { runContainer } from './lifecycle/start.js';
import { startExitCode } from './lifecycle/start-exit-code.js';
import { killContainer, pause, stopContainer, unpause } from './lifecycle/stop.js';
import { renameContainer, updateContainer } from './lifecycle/update.js';
import { createWaiters } from './lifecycle/waiters.js';
import { removeLink } from './networking/links.js';
import { connectNetwork, disconnectNetwork, noEndpointOf } from './networking/network.js';
import { createRecords } from './records/records.js';
import { createRegistry } from './records/registry.js';
import type { Container, ContainerObserver, Containers } from './types.js';

/** Each kill waits for the end: only a start that came in between makes another one necessary. */
const removeAttempts = 3;

export interface ContainerArea {
  containers: Containers;
  runtimeOf(container: Container): WorkloadRuntime;
  /** Finds what an earlier daemon left; observers must be there. Its result starts what policies ask for. */
  restore(): Promise<{ resume(): Promise<void> }>;
  /** Graceful end of the daemon: stops all, each with its own timeout but not longer than this. */
  stopAll(timeoutS: number): Promise<void>;
}

export function createContainers(dependencies: ContainerDependencies): ContainerArea {
  const { log, layout, layers } = dependencies;
  const lives = new Map<string, Live>();
  const fallback = dependencies.runtimes.get(dependencies.config.defaultRuntime);
  const context: Context = {
    ...dependencies,
    registry: createRegistry(),
    records: createRecords(layout, log),
    locks: createLocks(),
    waiters: createWaiters(),
    observers: [],
    stopping: false,
    live(id) {
      let live = lives.get(id);
      if (live === undefined) {
        live = { pauseMs: 0, keep: false, removing: false, startedAtMs: 0 };
        lives.set(id, live);
      }
      return live;
    },
    forgetLive: (id) => void lives.delete(id),
    runtimeOf(container) {
      const runtime = dependencies.runtimes.get(container.runtime) ?? fallback;
      if (runtime === undefined) throw new DaemonError('system', `no runtime ${container.runtime}`);
      return runtime;
    },
  };
  const { registry, locks } = context;
  const locked = <T>(name: string, action: (container: Container) => Promise<T>): Promise<T> => {
    const container = registry.get(name);
    return locks.run(container.id, async () => {
      if (registry.byId(container.id) === undefined)
        throw new DaemonError('notFound', `No such container: ${name}`);
      return action(container);
    });
  };

  async function startLocked(container: Container): Promise<void> {
    const { state, id } = container;
    if (state.status === 'paused')
      throw new DaemonError('conflict', 'cannot start a paused container, try unpause instead');
    if (state.status === 'running')
      throw new DaemonError('notModified', `Container ${id} is already running`);
    if (state.status === 'removing' || state.status === 'dead')
      throw new DaemonError('conflict', 'container is marked for removal and cannot be started');
    const live = context.live(id);
    clearTimeout(live.restartTimer);
    delete live.restartTimer;
    const before = container.hasBeenStopped;
    container.hasBeenStopped = false;
    container.restartCount = 0;
    live.pauseMs = 0;
    try {
      await runContainer(context, container);
    } catch (error) {
      container.hasBeenStopped = before;
      state.exitCode = startExitCode((error as Error).message, 128);
      await settleFailedStart(context, container, error as Error);
      if (container.hostConfig.AutoRemove)
        await removeLocked(context, container, { volumes: true }).catch((failure: Error) =>
          context.log.warn({ container: id, error: failure.message }, 'removing after a failed start'),
        );
      // What made the start fail, not what else failed after it.
      throw error;
    }
  }

  async function endForRemoval(container: Container, name: string, force: boolean): Promise<void> {
    if (!force) {
      const { status } = container.state;
      throw new DaemonError(
        'conflict',
        `cannot remove container "${name}": container is ${status}: ${status === 'paused' ? 'unpause and then stop' : 'stop'} the container before removing or force remove`,
      );
    }
    // Whatever ends it meanwhile is as good.
    await killContainer(context, container).catch((error: unknown) => {
      if (!(error instanceof DaemonError && error.kind === 'conflict')) throw error;
    });
  }

  const containers: Containers = {
    observe: (observer: ContainerObserver) => void context.observers.push(observer),
    setHealth(id, health) {
      const container = registry.byId(id);
      if (container !== undefined) container.state.health = health;
    },
    create: (request) => createContainer(context, request),
    get: (name) => registry.get(name),
    list: () => registry.list(),
    start: (name) => locked(name, startLocked),
    stop: (name, options) => stopContainer(context, registry.get(name), options),
    async restart(name, options) {
      const container = registry.get(name);
      const live = context.live(container.id);
      live.keep = true;
      try {
        if (isUp(container) || container.state.status === 'restarting')
          await stopContainer(context, container, options).catch((error: unknown) => {
            if (!(error instanceof DaemonError && error.kind === 'notModified')) throw error;
          });
        await locked(container.id, startLocked);
      } catch (error) {
        throw new DaemonError('system', `Cannot restart container ${name}: ${(error as Error).message}`, {
          cause: error,
        });
      } finally {
        live.keep = false;
      }
      publish(context, container, 'restart');
    },
    async kill(name, signal) {
      // A signal that does not exist is reported before a container that does not.
      const number = signal ? signalNumber(signal) : undefined;
      await killContainer(context, registry.get(name), number);
    },
    pause: (name) => locked(name, (container) => pause(context, container)),
    unpause: (name) => locked(name, (container) => unpause(context, container)),
    rename: (name, to) => locked(name, (container) => renameContainer(context, container, to)),
    connect: (name, network, request) =>
      locked(name, (container) => connectNetwork(context, container, network, request)),
    async disconnect(name, network, force) {
      if (force && !registry.find(name)) throw noEndpointOf(context, name, network);
      await locked(name, (container) => disconnectNetwork(context, container, network, force));
    },
    update: (name, change) => locked(name, (container) => updateContainer(context, container, change)),
    async remove(name, { force = false, volumes = false, link = false } = {}) {
      const container = registry.get(name);
      if (link) return removeLink(context, name);
      const live = context.live(container.id);
      if (live.removing)
        throw new DaemonError('conflict', `removal of container ${name} is already in progress`);
      // A start that was under way may have come first: then it is ended as well.
      for (let attempt = 1; attempt <= removeAttempts; attempt++) {
        if (isUp(container) || container.state.status === 'restarting')
          await endForRemoval(container, name, force);
        const removed = await locks.run(container.id, async () => {
          if (isUp(container)) return false;
          await removeLocked(context, container, { volumes });
          return true;
        });
        if (removed) return;
      }
      throw new DaemonError(
        'system',
        `cannot remove container "${name}": could not kill container: it is still running`,
      );
    },
    async wait(name, condition, signal) {
      const container = registry.get(name);
      const { state } = container;
      if (condition === 'not-running' && !isUp(container) && state.status !== 'restarting')
        return {
          StatusCode: state.exitCode,
          ...(state.error === '' ? {} : { Error: { Message: state.error } }),
        };
      return context.waiters.wait(container.id, condition, signal);
    },
    async withRoot(name, use) {
      const { id } = registry.get(name);
      const root = await layers.mountRoot(id);
      try {
        return await use(root);
      } finally {
        await layers.unmountRoot(id);
      }
    },
  };

  return {
    containers,
    runtimeOf: context.runtimeOf,
    restore: () => restoreContainers(context),
    async stopAll(timeoutS) {
      context.stopping = true;
      await Promise.all(
        registry.list().map((container) =>
          stopContainer(context, container, {
            timeout: Math.min(timeoutS, container.config.StopTimeout ?? timeoutS),
          }).catch((error: unknown) => {
            if (!(error instanceof DaemonError && error.kind === 'notModified'))
              log.error({ container: container.id, error: (error as Error).message }, 'stopping');
          }),
        ),
      );
    },
  };
}
