/**
 * `docker start`: root file system, network and volumes side by side, then the workload; undone when one fails.
 *
 * In: a container that does not run. Out: one that does. May import: areas below, the parts beside it.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mount, mountFlags, unmount, unmountFlags } from '@noos/linux';
import { DaemonError } from '../../errors.js';
import type { Sandbox } from '../../networks/types.js';
import { crashPoint } from '../../storage/crash-point.js';
import type { OciMount } from '../../volumes/types.js';
import { defaultProfile, profileOf } from '../app-armor/profile.js';
import { containerOf, namespacesOf } from '../configuration/modes.js';
import { allSettled, type Context, publish } from '../context.js';
import { logPathOf } from '../logs/location.js';
import { logKeeping } from '../logs/options.js';
import { etcDirectory, etcMounts } from '../networking/etc-files.js';
import { linkEnvironment } from '../networking/link-environment.js';
import { refreshParents } from '../networking/links.js';
import { joinedIds, sandboxRequest } from '../networking/sandbox.js';
import { timestamp } from '../records/time.js';
import type { SystemMounts } from '../spec/mounts.js';
import { createSpec } from '../spec/spec.js';
import { userIn } from '../spec/user-files.js';
import type { Container } from '../types.js';
import { defaultCgroupns } from './create.js';

type Undo = () => Promise<unknown>;

/** Another container of `container:<name>`, which must run. */
function runningOther(context: Context, name: string): Container {
  const other = context.registry.get(name);
  if (other.state.status === 'restarting')
    throw new DaemonError(
      'conflict',
      `Container ${other.id} is restarting, wait until the container is running`,
    );
  if (other.state.pid === 0)
    throw new DaemonError('conflict', `cannot join network of a non running container: ${other.id}`);
  return other;
}

const shmDirectory = (context: Context, id: string): string => join(context.layout.runRoot, 'shm', id);

/** A /dev/shm that others may share lies on the host (`--ipc shareable`). */
async function makeShm(context: Context, container: Container, undo: Undo[]): Promise<string> {
  const path = shmDirectory(context, container.id);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await mount({
    source: 'shm',
    target: path,
    type: 'tmpfs',
    flags: mountFlags.noSuid | mountFlags.noDev | mountFlags.noExec,
    data: `mode=1777,size=${container.hostConfig.ShmSize}`,
  });
  undo.push(() => removeShm(context, container.id));
  return path;
}

export async function removeShm(context: Context, id: string): Promise<void> {
  const path = shmDirectory(context, id);
  await unmount(path, unmountFlags.detach).catch(() => {});
  await rm(path, { recursive: true, force: true });
}

async function shmOf(context: Context, container: Container, undo: Undo[]): Promise<SystemMounts['shm']> {
  const { IpcMode, ShmSize = 0 } = container.hostConfig;
  const other = containerOf(IpcMode);
  if (other !== undefined) {
    const { id, hostConfig } = runningOther(context, other);
    if (hostConfig.IpcMode !== 'shareable')
      throw new DaemonError(
        'invalid',
        `cannot join IPC namespace of container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
      );
    return { bind: shmDirectory(context, id) };
  }
  if (IpcMode === 'host') return existsSync('/dev/shm') ? { bind: '/dev/shm' } : 'none';
  if (IpcMode === 'none') return 'none';
  return IpcMode === 'shareable' ? { bind: await makeShm(context, container, undo) } : { bytes: ShmSize };
}

/** The whole start; the caller holds the container's lock and has checked its state. */
export async function runContainer(context: Context, container: Container): Promise<void> {
  const { layers, networks, mounts, host, appArmor, config } = context;
  const { id, hostConfig } = container;
  const runtime = context.runtimeOf(container);
  const undo: Undo[] = [];
  const undoable = <T>(promise: Promise<T>, step: Undo): Promise<T> => {
    undo.push(step);
    return promise;
  };
  try {
    const appArmorProfile = profileOf(hostConfig, appArmor.usable);
    container.state.appArmorProfile = appArmorProfile ?? '';
    if (appArmorProfile === defaultProfile) await appArmor.ensureDefault();
    const links = linkEnvironment(container, context.registry.byId, networks);
    await runtime.delete(id);
    const sharesNetwork = containerOf(hostConfig.NetworkMode) !== undefined;
    const [root, sandbox, prepared, shm] = await allSettled<
      [string, Sandbox | undefined, Awaited<ReturnType<typeof mounts.prepare>>, SystemMounts['shm']]
    >([
      layers.mountRoot(id).then((path) => {
        undo.push(() => layers.unmountRoot(id));
        return path;
      }),
      sharesNetwork
        ? Promise.resolve(undefined)
        : undoable(networks.open(sandboxRequest(context, container)), () => networks.close(id)),
      mounts.prepare(id, container.mounts, hostConfig.Tmpfs ?? {}).then((result) => {
        undo.push(
          () => mounts.release(id, container.mounts),
          () => result.made(),
        );
        return result;
      }),
      shmOf(context, container, undo),
    ]);
    crashPoint('start:after-network');
    const user = userIn(root, container.config.User ?? '', hostConfig.GroupAdd ?? []);
    const etc = await etcDirectory(context, container, sandbox);
    const namespaces = namespacesOf(hostConfig, {
      running: (name) => runningOther(context, name),
      sandboxPath: sandbox?.path ?? '',
      defaultCgroupns: defaultCgroupns(context),
    });
    const taken = new Set(prepared.mounts.map(({ destination }) => destination));
    const files: OciMount[] = etcMounts(etc, taken, hostConfig.ReadonlyRootfs ?? false);
    const parent = hostConfig.CgroupParent || config.cgroupParent || `/${config.instance}`;
    const keeping = logKeeping(hostConfig.LogConfig);
    const { pid } = await runtime.create({
      id,
      config: createSpec({
        container,
        host,
        root,
        user,
        namespaces,
        hostname: container.config.Hostname ?? '',
        linkEnvironment: links,
        mounts: [...prepared.mounts, ...files],
        shm,
        cgroupsPath: join('/', parent, id),
        // Elsewhere the first process is another's.
        init: namespaces.pid === 'new' && (hostConfig.Init ?? config.init),
        defaultUlimits: config.defaultUlimits,
        appArmorProfile,
        ...(prepared.rootfsPropagation === undefined
          ? {}
          : { rootfsPropagation: prepared.rootfsPropagation }),
      }),
      terminal: container.config.Tty ?? false,
      openStdin: container.config.OpenStdin ?? false,
      stdinOnce: container.config.StdinOnce ?? false,
      ...(keeping.driver === 'none' ? {} : { logPath: logPathOf(context.layout, id) }),
      ...(keeping.maxBytes === undefined ? {} : { logLimitBytes: keeping.maxBytes }),
    });
    undo.push(() => runtime.delete(id));
    crashPoint('start:after-create');
    void prepared.made();
    for (const observer of context.observers) await observer.created?.(container);
    await runtime.start(id);
    crashPoint('start:after-start');
    const now = Date.now();
    context.live(id).startedAtMs = now;
    Object.assign(container.state, {
      status: 'running',
      pid,
      networkIds: joinedIds(container, sandbox),
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: timestamp(now),
    });
    await context.records.saveState(container);
  } catch (error) {
    for (const step of undo.reverse())
      await step().catch((failure: Error) =>
        context.log.warn({ container: id, error: failure.message }, 'undoing start'),
      );
    throw error;
  }
  publish(context, container, 'start');
  await refreshParents(context, container);
  for (const observer of context.observers) observer.running?.(container);
}
