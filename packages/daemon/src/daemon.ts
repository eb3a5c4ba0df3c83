/**
 * Puts the areas together and runs them: one block per area, in the order of their layers.
 *
 * In: the configuration. Out: a running engine. May import: everything.
 */
import { mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { containerApi } from './api/containers/containers.js';
import { execRoutes } from './api/containers/exec.js';
import { containerStreamRoutes } from './api/containers/streams.js';
import { buildRoutes } from './api/images/build.js';
import { type ImageRouteDeps, imageRoutes, imageUsage } from './api/images/images.js';
import { imageTransferRoutes } from './api/images/transfer.js';
import { networkRoutes } from './api/networks/networks.js';
import { eventRoutes } from './api/system/events.js';
import { engineVersion } from './api/system/identity.js';
import { pingRoutes } from './api/system/ping.js';
import { pluginRoutes } from './api/system/plugins.js';
import { swarmRoutes } from './api/system/swarm.js';
import { systemRoutes } from './api/system/system.js';
import type { EngineCounts } from './api/system/system-info.js';
import { volumeRoutes } from './api/volumes.js';
import { createBuilder } from './build/builder.js';
import { createPullImage } from './build/pull.js';
import { createRunContainer } from './build/steps/run-container.js';
import { ConfigError } from './config/error.js';
import { reloadInto } from './config/reload.js';
import type { DaemonConfig } from './config/types.js';
import { prepareAppArmor } from './containers/app-armor/app-armor.js';
import { createContainers } from './containers/containers.js';
import { countContainers, isUp } from './containers/context.js';
import { logKeeping } from './containers/logs/options.js';
import { createObservation } from './containers/observation.js';
import { readHost } from './containers/spec/host.js';
import { createEmbeddedDns } from './dns/embedded-dns.js';
import { createEventBus } from './events/bus.js';
import { type Listeners, listen } from './http/listen.js';
import type { Route } from './http/route.js';
import { type ApiServerOptions, createApiServer } from './http/server.js';
import { openImageStore } from './images/store/store.js';
import { createImageTransfer } from './images/transfer.js';
import { createLayout } from './layout.js';
import { removeControlGroup } from './linux/control-groups.js';
import { groupId } from './linux/groups.js';
import { takeNotifier } from './linux/service-manager.js';
import { createLogger } from './log.js';
import { createNetworks } from './networks/networks.js';
import { readEngineId } from './storage/engine-id.js';
import { lockRoot, writePidFile } from './storage/exclusive.js';
import { makeDirectory } from './storage/make-directory.js';
import { createMounts } from './volumes/mounts.js';
import { createVolumes } from './volumes/volumes.js';
import { createRuntimes } from './workload/oci/runtimes.js';

export interface RunningDaemon {
  /** Resolves when the daemon has stopped. */
  readonly stopped: Promise<void>;
  /** Graceful: no new requests, containers stopped unless live-restore, everything put away. Idempotent. */
  stop(): Promise<void>;
  /** What SIGHUP does: `config` replaces what can change while running. */
  reload(config: DaemonConfig): void;
}

/** Undone in reverse order when a later step of the start fails, and at the end of a graceful stop. */
type Undo = () => Promise<void> | void;

/** Starts everything; resolves when requests are served. */
export async function startDaemon(initial: DaemonConfig): Promise<RunningDaemon> {
  if (process.getuid?.() !== 0) throw new ConfigError('noos daemon needs to be started with root privileges');
  // Changed in place by a reload; areas read it when they need a value.
  const config = { ...initial };
  const log = createLogger(config.logLevel);
  const notify = takeNotifier(process.env, log);
  const layout = createLayout(config.dataRoot, config.execRoot);
  // One request's forgotten promise must not end the engine for all: it is told, as a panic of a handler is by dockerd.
  process.on('unhandledRejection', (reason) => {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    log.error({ error: error.message, stack: error.stack }, 'a promise was rejected and nobody asked');
  });
  // What nobody caught may have left anything half done: the engine ends, and whoever watches it starts it again (the
  // unit of systemd within a second). Containers continue, and the next one finds them.
  process.on('uncaughtException', (error) => {
    log.fatal(
      { error: error.message, stack: error.stack },
      'an exception that nobody caught ends the engine',
    );
    process.exit(1);
  });
  const undo: Undo[] = [];
  const undoAll = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse())
      try {
        await step();
      } catch (error) {
        log.error({ error: (error as Error).message }, 'stopping');
      }
  };
  const events = createEventBus();
  let engineId = '';
  let listeners: Listeners | undefined;
  let finish = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const logDefaults = { Type: config.logDriver, Config: { ...config.logOptions } };
  try {
    // Options that no container could use end the start.
    logKeeping(logDefaults);
    for (const root of [layout.dataRoot, layout.runRoot]) await makeDirectory(root, 0o711);
    // First in, last out: whoever still waits for an answer gets it before the connection is cut.
    undo.push(() => listeners?.cut());
    // What lies below the exec root without a record of ours is removed: it must be nobody else's.
    for (const root of new Set([layout.dataRoot, layout.runRoot])) undo.push(await lockRoot(root));
    undo.push(await writePidFile(config.pidFile));
    if (config.cgroupParent === undefined) undo.push(() => removeControlGroup(config.instance));

    // What an earlier daemon was in the midst of.
    await rm(layout.temporary, { recursive: true, force: true });
    await mkdir(layout.temporary, { mode: 0o700 });

    engineId = await readEngineId(layout.dataRoot);
    const routes: Route[] = [];

    const { content, layers, images } = await openImageStore({ layout, events, log });
    const transfer = await createImageTransfer({
      ...{ layout, images, layers, content, events, log },
      config: () => ({ ...config, mirrors: config.registryMirrors }),
    });
    undo.push(() => transfer.close());
    const imageUsers: ImageRouteDeps['users'] = (id) =>
      area.containers
        .list()
        .filter(({ image }) => image === id)
        .map((container) => ({ id: container.id, running: isUp(container) }));
    routes.push(
      ...imageRoutes({ images, layers, content, events, temporary: layout.temporary, users: imageUsers }),
    );

    const volumes = await createVolumes({ layout, events, log });
    routes.push(...volumeRoutes({ volumes }));

    const networks = await createNetworks({
      layout,
      events,
      log,
      settings: config,
      createDns: (names) => createEmbeddedDns({ names, log }),
    });
    undo.push(() => networks.shutdown());

    const host = readHost(config);
    const appArmor = await prepareAppArmor(log);
    const runtimes = createRuntimes({ layout, log, config, hybrid: host.controlGroups === 'hybrid' });
    const mounts = createMounts({ layout, volumes, events, log });
    const area = createContainers({
      ...{ config, layout, log, events, images, layers, networks, mounts, runtimes, host, appArmor },
    });
    const { containers } = area;
    const observation = await createObservation({
      ...{ layout, log, events, containers, mounts, runtimeOf: area.runtimeOf },
      logDefaults,
      ...{ capabilities: host.capabilities, appArmor },
    });
    undo.push(() => observation.close());
    const containerRoutes = containerApi({
      ...{ containers, images, layers, networks, events, layout, execIds: observation.execIds },
    });
    routes.push(
      ...containerRoutes.routes,
      ...containerStreamRoutes({ containers, layers, observation }),
      ...execRoutes({ execs: observation.execs }),
      ...networkRoutes({ networks, containers }),
    );
    const restored = await area.restore();
    undo.push(() => (config.liveRestore ? undefined : area.stopAll(config.shutdownTimeoutS)));

    const builder = await createBuilder({
      ...{ images, layers, containers, layout, events },
      pull: createPullImage(transfer, images),
      runContainer: createRunContainer({
        containers,
        attach: (container) => observation.attach(container),
      }),
    });
    routes.push(
      ...buildRoutes({ builder, events }),
      ...imageTransferRoutes({ transfer, applyChanges: builder.applyChanges }),
    );

    const counts = (): EngineCounts => ({
      ...countContainers(containers.list()),
      images: images.list().length,
    });
    routes.push(
      ...pingRoutes(),
      ...eventRoutes({ events }),
      ...systemRoutes({
        config: () => config,
        engineId,
        events,
        counts,
        usage: {
          images: async (version) => imageUsage(images.list(), layers, imageUsers, version),
          containers: (version) => containerRoutes.usage(version),
          volumes: () => volumes.usage(),
          buildCache: async () => [],
          layersSize: async () => layers.list().reduce((sum, { size }) => sum + size, 0),
        },
        login: (credentials, signal) => transfer.login(credentials, signal),
        storageStatus: layers.status(),
        ...{ runtimes, appArmor: appArmor.usable },
      }),
      ...swarmRoutes(),
      ...pluginRoutes(),
    );
    let served: ApiServerOptions['served'];
    if (config.metricsAddress !== undefined) {
      const { createEngineMetrics, serveMetrics } = await import('./metrics/metrics.js');
      const metrics = createEngineMetrics({ events, version: engineVersion, engineId, counts });
      undo.push(await serveMetrics(config.metricsAddress, metrics.text));
      served = metrics.served;
    }
    const api = createApiServer({
      ...{ routes, log, experimental: config.experimental, engineVersion },
      ...(served === undefined ? {} : { served }),
    });
    listeners = await listen(api, {
      hosts: config.hosts,
      tls: config.tls,
      groupId: await groupId(config.group),
      log,
    });
    undo.push(() => listeners?.close());
    await restored.resume();
    log.info({ dataRoot: layout.dataRoot }, 'Daemon has completed initialization');
    await notify('READY=1');
  } catch (error) {
    await undoAll();
    throw error;
  }

  let stopping: Promise<void> | undefined;
  return {
    stopped,
    stop() {
      stopping ??= notify('STOPPING=1').then(undoAll).then(finish);
      return stopping;
    },
    reload(next) {
      const changed = reloadInto(config, next);
      log.level = config.logLevel;
      log.info({ changed }, 'configuration reloaded');
      events.publish('daemon', 'reload', { ID: engineId, Attributes: { name: hostname() } });
    },
  };
}
