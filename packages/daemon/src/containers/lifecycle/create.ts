/**
 * `docker create`: a checked request becomes a record, a root file system and references to volumes.
 *
 * In: ContainerCreate. Out: a container, or nothing at all. May import: areas below, the parts beside it.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { DaemonError } from '../../errors.js';
import { formatPlatform, parsePlatform, platformRank } from '../../images/documents/platform.js';
import type { Platform } from '../../images/types.js';
import { crashPoint } from '../../storage/crash-point.js';
import { commandOf, mergeConfig } from '../configuration/merge.js';
import { containerOf, networkOfMode } from '../configuration/modes.js';
import { checkConfig, checkEngineSettings, checkHostConfig } from '../configuration/validate.js';
import { allSettled, type Context, publish } from '../context.js';
import { logKeeping } from '../logs/options.js';
import { resolveLinks } from '../networking/links.js';
import { sandboxRequest } from '../networking/sandbox.js';
import { checkName, randomName } from '../records/names.js';
import { newState } from '../records/records.js';
import { timestamp } from '../records/time.js';
import type { Container, ContainerCreate, HostConfig } from '../types.js';
import { makeWorkingDirectory } from './working-directory.js';

const shortIdLength = 12;

function newId(context: Context): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    // As moby: a short ID of digits only could be taken for a number by shells and YAML.
    if (!/^\d+$/.test(id.slice(0, shortIdLength)) && context.registry.byId(id) === undefined) return id;
  }
}

/** What dockerd stores for what the request leaves out. */
function completeHostConfig(context: Context, request: HostConfig): HostConfig {
  const { config } = context;
  return {
    ...request,
    NetworkMode: networkOfMode(request.NetworkMode),
    RestartPolicy: {
      Name: request.RestartPolicy?.Name || 'no',
      MaximumRetryCount: request.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    LogConfig: request.LogConfig?.Type
      ? { Type: request.LogConfig.Type, Config: request.LogConfig.Config ?? {} }
      : { Type: config.logDriver, Config: { ...config.logOptions, ...request.LogConfig?.Config } },
    IpcMode: request.IpcMode || config.defaultIpcMode,
    CgroupnsMode: request.CgroupnsMode || (request.Privileged ? 'host' : defaultCgroupns(context)),
    ShmSize: request.ShmSize || config.defaultShmSize,
    SecurityOpt: securityOptions(request),
    Runtime: request.Runtime || config.defaultRuntime,
  };
}

/** moby, generateSecurityOpt: what shares the host's namespaces or is privileged has no label of its own. */
function securityOptions({ SecurityOpt, IpcMode, PidMode, Privileged }: HostConfig): string[] {
  const own = SecurityOpt ?? [];
  const labelled = own.some((option) => option.startsWith('label='));
  const unconfined = IpcMode === 'host' || PidMode === 'host' || Privileged;
  return unconfined && !labelled ? [...own, 'label=disable'] : own;
}

/** Private on cgroup v2, as dockerd's. */
export const defaultCgroupns = ({ config, host }: Context): string =>
  config.defaultCgroupnsMode || (host.controlGroups === 'v2' ? 'private' : 'host');

/** Not found: the command line pulls the image for that platform then. */
function checkPlatform(name: string, offered: Platform, wanted: string): void {
  if (platformRank(offered, parsePlatform(wanted)) === undefined)
    throw new DaemonError(
      'notFound',
      `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(parsePlatform(wanted))})`,
    );
}

export async function createContainer(
  context: Context,
  request: ContainerCreate,
): Promise<{ id: string; warnings: string[] }> {
  const { images, layers, mounts, networks, records, registry } = context;
  const image = request.config.Image === '' ? undefined : images.get(request.config.Image);
  if (image !== undefined && request.platform !== undefined)
    checkPlatform(request.config.Image, image.config, request.platform);
  const hostConfig = completeHostConfig(context, request.hostConfig);
  const { warnings } = checkHostConfig(hostConfig, context.host);
  checkConfig(request.config, hostConfig);
  if (!context.runtimes.has(hostConfig.Runtime!))
    throw new DaemonError('invalid', `unknown or invalid runtime name: ${hostConfig.Runtime}`);
  logKeeping(hostConfig.LogConfig);
  const merged = mergeConfig(request.config, image?.config.config);
  checkEngineSettings(merged);
  const command = commandOf(merged);
  const id = newId(context);
  const name = request.name ? checkName(request.name) : randomName(registry.taken);
  for (const mode of ['NetworkMode', 'PidMode', 'IpcMode'] as const) {
    const other = containerOf(hostConfig[mode]);
    if (other === undefined) continue;
    const found = registry.find(other);
    // Not "not found": the command line would take it for the image and pull.
    if (found === undefined) throw new DaemonError('invalid', `No such container: ${other}`);
    // By ID, as dockerd: it may be renamed, and its name given to another one.
    hostConfig[mode] = `container:${found.id}`;
  }
  const links = resolveLinks(hostConfig, registry);
  delete hostConfig.Links;
  registry.reserve(name, id);
  const undo: (() => Promise<unknown> | unknown)[] = [() => registry.release(name)];
  const hold = image === undefined ? undefined : images.hold(image.id);
  try {
    const networkContainer = containerOf(hostConfig.NetworkMode);
    const shared = networkContainer === undefined ? undefined : registry.get(networkContainer);
    const container: Container = {
      id,
      name,
      created: timestamp(),
      image: image?.id ?? '',
      config: {
        ...merged,
        Hostname:
          merged.Hostname ||
          (shared?.config.Hostname ??
            (networkOfMode(hostConfig.NetworkMode) === 'host' ? hostname() : id.slice(0, shortIdLength))),
        Domainname: merged.Domainname || shared?.config.Domainname || '',
      },
      hostConfig,
      path: command.path,
      args: command.args,
      mounts: [],
      ...(links.length > 0 ? { links } : {}),
      endpoints: merged.NetworkDisabled
        ? {}
        : wantedEndpoints(hostConfig, request.endpoints, merged.MacAddress),
      state: newState(),
      restartCount: 0,
      hasBeenStopped: false,
      driver: 'overlay2',
      runtime: hostConfig.Runtime!,
      ...(merged.Healthcheck === undefined ? {} : { healthcheck: merged.Healthcheck }),
    };
    if (shared === undefined) networks.validate(sandboxRequest(context, container));
    const tmpfs = hostConfig.Tmpfs ?? {};
    const points = await mounts.plan({
      container: id,
      binds: hostConfig.Binds ?? [],
      mounts: hostConfig.Mounts ?? [],
      tmpfs,
      volumesFrom: hostConfig.VolumesFrom ?? [],
      volumeDriver: hostConfig.VolumeDriver ?? '',
      volumes: Object.keys(merged.Volumes ?? {}),
      mountsOf: (other) => registry.get(other).mounts,
    });
    undo.push(() => mounts.forget(id, points, true));
    const planned: Container = { ...container, mounts: points };
    crashPoint('create:after-volumes');
    undo.push(() => layers.removeRoot(id));
    undo.push(() => records.remove(id));
    // Until both are there the request was not answered: the next start of the daemon removes one without the other.
    // The image's own directory is in the image.
    const directory = merged.WorkingDir !== image?.config.config?.WorkingDir ? merged.WorkingDir : '';
    if (directory || mounts.needsPopulation(points)) {
      await layers.createRoot(id, image?.chain.at(-1));
      crashPoint('create:after-root');
      const root = await layers.mountRoot(id);
      try {
        if (directory) makeWorkingDirectory(root, directory);
        await mounts.populate(id, points, root);
      } finally {
        await layers.unmountRoot(id);
      }
      await records.create(planned);
    } else await allSettled([layers.createRoot(id, image?.chain.at(-1)), records.create(planned)]);
    crashPoint('create:after-record');
    registry.add(planned);
    publish(context, planned, 'create');
    return { id, warnings };
  } catch (error) {
    for (const step of undo.reverse())
      await Promise.resolve(step()).catch((failure: Error) =>
        context.log.warn({ container: id, error: failure.message }, 'undoing create'),
      );
    throw error;
  } finally {
    hold?.release();
  }
}

/** The endpoints of the request, and that of the network mode when none is named. */
function wantedEndpoints(
  hostConfig: HostConfig,
  requested: ContainerCreate['endpoints'],
  macAddress: string | undefined,
): Container['endpoints'] {
  if (containerOf(hostConfig.NetworkMode) !== undefined) return {};
  const mode = networkOfMode(hostConfig.NetworkMode);
  const named = Object.entries(requested ?? {}).map(
    ([name, one]) => [networkOfMode(name), one ?? {}] as const,
  );
  const first = named.find(([name]) => name === mode)?.[1] ?? {};
  const endpoints: Container['endpoints'] = {
    [mode]: { ...first, ...(macAddress && !first.MacAddress ? { MacAddress: macAddress } : {}) },
  };
  for (const [name, endpoint] of named) if (name !== mode) endpoints[name] = endpoint;
  return endpoints;
}
