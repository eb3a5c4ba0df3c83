/**
 * What a new daemon finds: containers that ran on, that ended meanwhile, that were half made or half removed.
 *
 * In: records, the runtimes' view. Out: true records; leftovers removed. May import: the parts beside it.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, isUp } from '../context.js';
import { joinedIds } from '../networking/sandbox.js';
import { timestamp } from '../records/time.js';
import type { Container } from '../types.js';
import { handleExit, releaseAll, settleFailedStart } from './exit.js';
import { removeLocked } from './remove.js';
import { restartsAtDaemonStart } from './restart-policy.js';
import { runContainer } from './start.js';

/** dockerd's code for containers whose end nobody saw. */
const lostExitCode = 255;

export interface Restored {
  /** Starts what restart policies ask for; to be called when everything serves. */
  resume(): Promise<void>;
}

export async function restoreContainers(context: Context): Promise<Restored> {
  const { records, registry, layers, networks, mounts, runtimes, log } = context;
  const roots = new Set(await layers.roots());
  for (const container of await records.load())
    if (roots.has(container.id)) registry.add(container);
    else {
      log.info({ container: container.id }, 'removing a container that was never created in full');
      await records.remove(container.id);
    }
  const all = registry.list();
  const wasUp = new Set(
    all.filter((container) => isUp(container) || container.state.status === 'restarting').map(({ id }) => id),
  );
  const running = new Map<string, { pid: number; paused: boolean }>();
  const exits = new Map<string, Parameters<typeof handleExit>[1]>();
  let restoring = true;
  for (const runtime of new Set(runtimes.values())) {
    runtime.onExit((exit) => {
      if (restoring) exits.set(exit.id, exit);
      else void context.locks.run(exit.id, () => handleExit(context, exit));
    });
    const own = all.filter((container) => context.runtimeOf(container) === runtime).map(({ id }) => id);
    for (const [id, found] of await runtime.restore(own)) running.set(id, found);
  }
  await networks.reconcile(new Set(running.keys()));
  await mounts.restore(
    all.map((container) => ({
      id: container.id,
      points: container.mounts,
      running: running.has(container.id) || wasUp.has(container.id),
    })),
    (id) => existsSync(records.directory(id)),
  );
  restoring = false;
  await Promise.all(all.map((container) => context.locks.run(container.id, () => settle(container))));
  const known = new Set(all.map(({ id }) => id));
  for (const id of roots)
    if (!known.has(id)) {
      log.info({ root: id }, 'removing a root file system without container');
      await layers.removeRoot(id);
    }
  await rm(join(context.layout.runRoot, 'subpaths'), { recursive: true, force: true }).catch(() => {});

  /** Makes one record tell the truth. */
  async function settle(container: Container): Promise<void> {
    const { id, state } = container;
    const found = running.get(id);
    try {
      if (found !== undefined) {
        await layers.mountRoot(id);
        const status = found.paused ? 'paused' : 'running';
        if (!isUp(container)) state.startedAt = timestamp();
        Object.assign(state, {
          status,
          pid: found.pid,
          networkIds: joinedIds(container, networks.find(id)),
        });
        context.live(id).startedAtMs = Date.parse(state.startedAt);
        await records.saveState(container);
        for (const observer of context.observers) observer.running?.(container);
        return;
      }
      if (state.status === 'removing' || state.status === 'dead') {
        await releaseAll(context, container);
        const volumes = state.removesVolumes ?? container.hostConfig.AutoRemove ?? false;
        await removeLocked(context, container, { volumes });
        return;
      }
      const exit = exits.get(id);
      if (exit !== undefined && !isUp(container)) {
        // It was started, ran and ended before its record said so.
        state.status = 'running';
        state.startedAt = timestamp(exit.finishedAtMs);
      }
      if (isUp(container)) {
        await layers.mountRoot(id).catch(() => {});
        // Its policy is asked by `resume`, when everything serves.
        context.live(id).keep = true;
        await handleExit(
          context,
          exit ?? { id, exitCode: lostExitCode, oomKilled: false, finishedAtMs: Date.now() },
        );
        context.live(id).keep = false;
      } else await releaseAll(context, container);
      if (state.status === 'restarting') state.status = 'exited';
      if (container.hostConfig.AutoRemove && state.status !== 'created')
        await removeLocked(context, container, { volumes: true });
    } catch (error) {
      log.error({ container: id, error: (error as Error).message }, 'restoring a container');
    }
  }

  return {
    async resume() {
      await Promise.all(
        registry.list().map((container) =>
          context.locks.run(container.id, async () => {
            if (isUp(container) || !restartsAtDaemonStart(container, wasUp.has(container.id))) return;
            container.hasBeenStopped = false;
            try {
              await runContainer(context, container);
            } catch (error) {
              log.error(
                { container: container.id, error: (error as Error).message },
                'starting again failed',
              );
              await settleFailedStart(context, container, error as Error);
            }
          }),
        ),
      );
    },
  };
}
