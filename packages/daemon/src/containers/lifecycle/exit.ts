/**
 * What follows when a workload ended: everything it held goes, its end is recorded, and perhaps it starts again.
 *
 * In: WorkloadExit. Out: a container that does not run, or runs anew. May import: areas below, the parts beside it.
 */
import { crashPoint } from '../../storage/crash-point.js';
import type { WorkloadExit } from '../../workload/types.js';
import { type Context, isUp, publish } from '../context.js';
import { timestamp } from '../records/time.js';
import type { Container } from '../types.js';
import { removeLocked } from './remove.js';
import { nextPause, restartsAfterExit } from './restart-policy.js';
import { removeShm, runContainer } from './start.js';

/** Frees what a running container holds. Each part is idempotent; a failure is logged and hinders no other. */
export async function releaseAll(context: Context, container: Container): Promise<void> {
  const { id } = container;
  const attempt = (what: string, promise: Promise<unknown>) =>
    promise.catch((error: Error) =>
      context.log.warn({ container: id, error: error.message }, `${what} after the end`),
    );
  await Promise.all([
    attempt('runtime', context.runtimeOf(container).delete(id)),
    attempt('network', context.networks.close(id)),
    attempt('root file system', context.layers.unmountRoot(id)),
    attempt('volumes', context.mounts.release(id, container.mounts)),
    ...(container.hostConfig.IpcMode === 'shareable' ? [attempt('shm', removeShm(context, id))] : []),
  ]);
}

/** Files are stamped by the kernel's tick: up to this long before now. */
const tickMs = 10;

/** When it ended: not before its start nor, as far as can be known, before its last line in the log. */
export const endOfLifeMs = (stampMs: number, startedAtMs: number, nowMs: number): number =>
  Math.max(startedAtMs, Math.min(nowMs, stampMs + tickMs));

/**
 * The end counts for everybody who waits for it, also when the disk or the descriptors do not suffice to write it down:
 * the next engine finds out again that the process is gone.
 */
async function recordEnd(context: Context, container: Container): Promise<void> {
  await context.records
    .saveState(container)
    .catch((error: Error) =>
      context.log.warn({ container: container.id, error: error.message }, 'end of a container not recorded'),
    );
}

/** Under the container's lock. */
export async function handleExit(context: Context, exit: WorkloadExit): Promise<void> {
  const container = context.registry.byId(exit.id);
  if (container === undefined || !isUp(container)) return;
  const { state } = container;
  const live = context.live(container.id);
  // The end of this millisecond: the log's times are finer.
  const seenAtMs = Date.now() + 1;
  await releaseAll(context, container);
  crashPoint('exit:after-release');
  const startedAtMs = Date.parse(state.startedAt);
  const finishedAtMs = endOfLifeMs(exit.finishedAtMs, startedAtMs, seenAtMs);
  const ranMs = finishedAtMs - startedAtMs;
  const restarts = !context.stopping && !live.keep && restartsAfterExit(container, exit.exitCode);
  Object.assign(state, {
    status: restarts ? 'restarting' : 'exited',
    pid: 0,
    exitCode: exit.exitCode,
    oomKilled: exit.oomKilled,
    finishedAt: timestamp(finishedAtMs),
  });
  if (restarts) container.restartCount++;
  await recordEnd(context, container);
  if (exit.oomKilled) publish(context, container, 'oom');
  publish(context, container, 'die', {
    exitCode: String(exit.exitCode),
    execDuration: String(Math.floor(ranMs / 1000)),
  });
  for (const observer of context.observers) observer.stopped?.(container);
  context.waiters.ended(container.id, { StatusCode: exit.exitCode });
  if (restarts) {
    live.pauseMs = nextPause(live.pauseMs, ranMs);
    scheduleRestart(context, container);
  } else if (container.hostConfig.AutoRemove && !live.keep && !context.stopping)
    await removeLocked(context, container, { volumes: true });
}

function scheduleRestart(context: Context, container: Container): void {
  const live = context.live(container.id);
  live.restartTimer = setTimeout(() => {
    delete live.restartTimer;
    void context.locks.run(container.id, () => restartNow(context, container));
  }, live.pauseMs);
}

async function restartNow(context: Context, container: Container): Promise<void> {
  if (container.state.status !== 'restarting' || context.stopping) return;
  try {
    await runContainer(context, container);
  } catch (error) {
    context.log.error({ container: container.id, error: (error as Error).message }, 'restart failed');
    await settleFailedStart(context, container, error as Error);
    const { exitCode } = container.state;
    context.waiters.ended(container.id, {
      StatusCode: exitCode,
      Error: { Message: (error as Error).message },
    });
  }
}

/** After a start that failed. Whoever waits for its next end waits on, as with dockerd. */
export async function settleFailedStart(context: Context, container: Container, error: Error): Promise<void> {
  Object.assign(container.state, {
    status: container.state.status === 'created' ? 'created' : 'exited',
    pid: 0,
    error: error.message,
  });
  await recordEnd(context, container);
  for (const observer of context.observers) observer.stopped?.(container);
}

/** `docker stop` of a container between two lives. */
export async function cancelRestart(context: Context, container: Container): Promise<boolean> {
  if (container.state.status !== 'restarting') return false;
  const live = context.live(container.id);
  clearTimeout(live.restartTimer);
  delete live.restartTimer;
  container.state.status = 'exited';
  await recordEnd(context, container);
  context.waiters.ended(container.id, { StatusCode: container.state.exitCode });
  return true;
}
