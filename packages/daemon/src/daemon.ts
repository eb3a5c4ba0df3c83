/**
 * Puts the areas together and runs them: one block per area, in the order of their layers.
 *
 * In: the configuration. Out: a running engine. May import: everything.
 */
import { mkdir } from 'node:fs/promises';
import { pingRoutes } from './api/ping.js';
import { volumeRoutes } from './api/volumes.js';
import type { DaemonConfig } from './config/types.js';
import { createEventBus } from './events/bus.js';
import { listen } from './http/listen.js';
import type { Route } from './http/route.js';
import { createApiServer } from './http/server.js';
import { engineVersion } from './identity.js';
import { createLayout } from './layout.js';
import { groupId } from './linux/groups.js';
import { createLogger } from './log.js';
import { lockDataRoot, writePidFile } from './storage/exclusive.js';
import { createVolumes } from './volumes/volumes.js';

export interface RunningDaemon {
  /** Resolves when the daemon has stopped. */
  readonly stopped: Promise<void>;
  /** Graceful: no new requests, containers stopped unless live-restore, everything put away. Idempotent. */
  stop(): Promise<void>;
  /** What SIGHUP does: `config` replaces what can change while running. */
  reload(config: DaemonConfig): Promise<void>;
}

/** Undone in reverse order when a later step of the start fails, and at the end of a graceful stop. */
type Undo = () => Promise<void> | void;

/** Starts everything; resolves when requests are served. */
export async function startDaemon(config: DaemonConfig): Promise<RunningDaemon> {
  const log = createLogger(config.logLevel);
  const layout = createLayout(config.dataRoot, config.execRoot);
  const undo: Undo[] = [];
  const undoAll = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse())
      await Promise.resolve(step()).catch((error: Error) => log.error({ error: error.message }, 'stopping'));
  };
  let finish = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    finish = resolve;
  });
  try {
    await mkdir(layout.dataRoot, { recursive: true, mode: 0o711 });
    await mkdir(layout.runRoot, { recursive: true, mode: 0o711 });
    undo.push(await lockDataRoot(layout.dataRoot));
    undo.push(await writePidFile(config.pidFile));

    const routes: Route[] = [...pingRoutes()];
    const events = createEventBus();

    const volumes = await createVolumes({ layout, events, log });
    routes.push(...volumeRoutes({ volumes }));

    const api = createApiServer({ routes, log, experimental: config.experimental, engineVersion });
    const listeners = await listen(api, {
      hosts: config.hosts,
      tls: config.tls,
      groupId: await groupId(config.group),
      log,
    });
    undo.push(() => listeners.close());
    events.publish('daemon', 'start', { ID: '', Attributes: {} });
    log.info({ dataRoot: layout.dataRoot }, 'Daemon has completed initialization');
  } catch (error) {
    await undoAll();
    throw error;
  }

  let stopping: Promise<void> | undefined;
  return {
    stopped,
    stop() {
      stopping ??= undoAll().then(finish);
      return stopping;
    },
    async reload() {
      log.info('configuration reloaded');
    },
  };
}
