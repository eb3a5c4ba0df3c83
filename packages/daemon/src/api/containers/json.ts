/**
 * A container as inspect shows it (API: ContainerInspectResponse).
 *
 * In: a record, its sandbox. Out: JSON with the fields of a version. May import: containers, networks, volumes.
 */
import { join } from 'node:path';
import { containerOf } from '../../containers/configuration/modes.js';
import { parseSecurityOptions } from '../../containers/spec/security.js';
import { systemPaths } from '../../containers/spec/system-paths.js';
import type { Container } from '../../containers/types.js';
import type { ApiVersion } from '../../http/route.js';
import type { Endpoint, EndpointRequest, Sandbox } from '../../networks/types.js';
import { shownMountPoint } from '../../volumes/mounts.js';

/** Since these versions the fields exist or changed. */
const dnsNamesSince: ApiVersion = 44;
const aliasesWithoutIdSince: ApiVersion = 45;
const gatewayPrioritySince: ApiVersion = 48;
const configMacAddressUntil: ApiVersion = 44;

const orNull = <T>(value: T[] | null | undefined): T[] | null => (value?.length ? value : null);
const orEmpty = <T>(value: T[] | null | undefined): T[] => value ?? [];

/** HostConfig with every field dockerd shows, in its order. */
export function hostConfigJson(container: Container, links: readonly string[]): object {
  const host = container.hostConfig;
  const paths = systemPaths(host);
  return {
    Binds: orNull(host.Binds),
    ContainerIDFile: host.ContainerIDFile ?? '',
    LogConfig: { Type: host.LogConfig?.Type ?? 'json-file', Config: host.LogConfig?.Config ?? {} },
    NetworkMode: host.NetworkMode ?? 'default',
    PortBindings: host.PortBindings ?? {},
    RestartPolicy: {
      Name: host.RestartPolicy?.Name ?? 'no',
      MaximumRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    AutoRemove: host.AutoRemove ?? false,
    VolumeDriver: host.VolumeDriver ?? '',
    VolumesFrom: orNull(host.VolumesFrom),
    ConsoleSize: host.ConsoleSize ?? [0, 0],
    ...(host.Annotations ? { Annotations: host.Annotations } : {}),
    CapAdd: orNull(host.CapAdd),
    CapDrop: orNull(host.CapDrop),
    CgroupnsMode: host.CgroupnsMode ?? '',
    Dns: orEmpty(host.Dns),
    DnsOptions: orEmpty(host.DnsOptions),
    DnsSearch: orEmpty(host.DnsSearch),
    ExtraHosts: orNull(host.ExtraHosts),
    GroupAdd: orNull(host.GroupAdd),
    IpcMode: host.IpcMode ?? 'private',
    Cgroup: host.Cgroup ?? '',
    Links: links.length > 0 ? links : null,
    OomScoreAdj: host.OomScoreAdj ?? 0,
    PidMode: host.PidMode ?? '',
    Privileged: host.Privileged ?? false,
    PublishAllPorts: host.PublishAllPorts ?? false,
    ReadonlyRootfs: host.ReadonlyRootfs ?? false,
    SecurityOpt: orNull(host.SecurityOpt),
    ...(host.StorageOpt ? { StorageOpt: host.StorageOpt } : {}),
    ...(host.Tmpfs && Object.keys(host.Tmpfs).length > 0 ? { Tmpfs: host.Tmpfs } : {}),
    UTSMode: host.UTSMode ?? '',
    UsernsMode: host.UsernsMode ?? '',
    ShmSize: host.ShmSize ?? 0,
    ...(host.Sysctls && Object.keys(host.Sysctls).length > 0 ? { Sysctls: host.Sysctls } : {}),
    Runtime: host.Runtime ?? container.runtime,
    Isolation: host.Isolation ?? '',
    CpuShares: host.CpuShares ?? 0,
    Memory: host.Memory ?? 0,
    NanoCpus: host.NanoCpus ?? 0,
    CgroupParent: host.CgroupParent ?? '',
    BlkioWeight: host.BlkioWeight ?? 0,
    BlkioWeightDevice: orEmpty(host.BlkioWeightDevice),
    BlkioDeviceReadBps: host.BlkioDeviceReadBps ?? null,
    BlkioDeviceWriteBps: host.BlkioDeviceWriteBps ?? null,
    BlkioDeviceReadIOps: host.BlkioDeviceReadIOps ?? null,
    BlkioDeviceWriteIOps: host.BlkioDeviceWriteIOps ?? null,
    CpuPeriod: host.CpuPeriod ?? 0,
    CpuQuota: host.CpuQuota ?? 0,
    CpuRealtimePeriod: host.CpuRealtimePeriod ?? 0,
    CpuRealtimeRuntime: host.CpuRealtimeRuntime ?? 0,
    CpusetCpus: host.CpusetCpus ?? '',
    CpusetMems: host.CpusetMems ?? '',
    Devices: orEmpty(host.Devices),
    DeviceCgroupRules: orNull(host.DeviceCgroupRules),
    DeviceRequests: orNull(host.DeviceRequests),
    MemoryReservation: host.MemoryReservation ?? 0,
    MemorySwap: host.MemorySwap ?? 0,
    // The command line sends -1 for none.
    MemorySwappiness: host.MemorySwappiness === -1 ? null : (host.MemorySwappiness ?? null),
    OomKillDisable: host.OomKillDisable ?? false,
    PidsLimit: host.PidsLimit || null,
    Ulimits: host.Ulimits ?? null,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    ...(host.Mounts?.length ? { Mounts: host.Mounts } : {}),
    ...(host.Init === undefined || host.Init === null ? {} : { Init: host.Init }),
    MaskedPaths: paths.masked,
    ReadonlyPaths: paths.readonly,
  };
}

function configJson({ config }: Container, version: ApiVersion): object {
  return {
    Hostname: config.Hostname ?? '',
    Domainname: config.Domainname ?? '',
    User: config.User ?? '',
    AttachStdin: config.AttachStdin ?? false,
    AttachStdout: config.AttachStdout ?? false,
    AttachStderr: config.AttachStderr ?? false,
    ...(config.ExposedPorts ? { ExposedPorts: config.ExposedPorts } : {}),
    Tty: config.Tty ?? false,
    OpenStdin: config.OpenStdin ?? false,
    StdinOnce: config.StdinOnce ?? false,
    Env: orNull(config.Env),
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck ? { Healthcheck: config.Healthcheck } : {}),
    Image: config.Image,
    Volumes: Object.keys(config.Volumes ?? {}).length === 0 ? null : config.Volumes,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    ...(config.NetworkDisabled ? { NetworkDisabled: true } : {}),
    ...(config.MacAddress && version < configMacAddressUntil ? { MacAddress: config.MacAddress } : {}),
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? {},
    ...(config.StopSignal ? { StopSignal: config.StopSignal } : {}),
    ...(config.StopTimeout === undefined ? {} : { StopTimeout: config.StopTimeout }),
    ...(config.Shell ? { Shell: config.Shell } : {}),
  };
}

export function stateJson({ state }: Container): object {
  const up = state.status === 'running' || state.status === 'paused' || state.status === 'restarting';
  return {
    Status: state.status,
    Running: up,
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: state.status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(state.health === undefined ? {} : { Health: state.health }),
  };
}

/** EndpointSettings of one network; `endpoint` only while the container runs. */
export function endpointJson(
  container: Container,
  request: EndpointRequest,
  endpoint: Endpoint | undefined,
  networkId: string,
  version: ApiVersion,
): object {
  const shortId = container.id.slice(0, 12);
  const aliases = orNull(request.Aliases);
  return {
    IPAMConfig: request.IPAMConfig ?? null,
    Links: orNull(request.Links),
    // dockerd adds it when the container joins the network; Compose 1.x tells by it who has joined.
    Aliases:
      version < aliasesWithoutIdSince && aliases !== null && container.state.status !== 'created'
        ? [...aliases, shortId]
        : aliases,
    ...(version >= dnsNamesSince ? { MacAddress: endpoint?.macAddress ?? '' } : {}),
    DriverOpts: request.DriverOpts ?? null,
    ...(version >= gatewayPrioritySince ? { GwPriority: request.GwPriority ?? 0 } : {}),
    NetworkID: endpoint?.networkId ?? networkId,
    EndpointID: endpoint?.endpointId ?? '',
    Gateway: endpoint?.gateway ?? '',
    IPAddress: endpoint?.address ?? '',
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6Gateway ?? '',
    GlobalIPv6Address: endpoint?.address6 ?? '',
    GlobalIPv6PrefixLen: endpoint?.prefixLength6 ?? 0,
    ...(version < dnsNamesSince
      ? { MacAddress: endpoint?.macAddress ?? '' }
      : { DNSNames: endpoint?.dnsNames.length ? [...endpoint.dnsNames] : null }),
  };
}

/** Networks by name, with what the sandbox got. */
export function networksJson(
  container: Container,
  sandbox: Sandbox | undefined,
  idOf: (name: string) => { id: string; name: string } | undefined,
  version: ApiVersion,
): Record<string, object> {
  const byNetwork = new Map(Object.values(sandbox?.endpoints ?? {}).map((end) => [end.networkId, end]));
  return Object.fromEntries(
    Object.entries(container.endpoints).map(([key, request]) => {
      const network = idOf(container.state.networkIds?.[key] ?? key);
      const endpoint = network === undefined ? undefined : byNetwork.get(network.id);
      const known = sandbox === undefined ? '' : (network?.id ?? '');
      return [network?.name ?? key, endpointJson(container, request, endpoint, known, version)];
    }),
  );
}

/** Before the first start what was asked for, then what was applied. */
const shownAppArmor = ({ state, hostConfig }: Container): string =>
  state.appArmorProfile ?? parseSecurityOptions(hostConfig.SecurityOpt ?? []).appArmor ?? '';

export interface InspectInput {
  container: Container;
  /** HostConfig.Links as they are now. */
  links: readonly string[];
  sandbox: Sandbox | undefined;
  /** Directory of the record. */
  directory: string;
  logPath: string;
  /** Of the container whose network this one shares. */
  sharedDirectory: string | undefined;
  graph: object;
  execIds: readonly string[] | null;
  idOf(name: string): { id: string; name: string } | undefined;
  sizes?: { rw: number; root: number } | undefined;
  version: ApiVersion;
}

export function inspectJson(input: InspectInput): object {
  const { container, sandbox, version } = input;
  const shared =
    input.sharedDirectory ?? (containerOf(container.hostConfig.NetworkMode) ? '' : input.directory);
  const etc = (name: string) => (container.state.startedAt.startsWith('0001') ? '' : join(shared, name));
  const networks = networksJson(container, sandbox, input.idOf, version);
  const bridge = (networks.bridge ?? {}) as Record<string, unknown>;
  return {
    Id: container.id,
    Created: container.created,
    Path: container.path,
    Args: container.args,
    State: stateJson(container),
    Image: container.image,
    ResolvConfPath: etc('resolv.conf'),
    HostnamePath: etc('hostname'),
    HostsPath: etc('hosts'),
    LogPath: container.hostConfig.LogConfig?.Type === 'none' ? '' : input.logPath,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: container.driver,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: shownAppArmor(container),
    ExecIDs: input.execIds,
    HostConfig: hostConfigJson(container, input.links),
    GraphDriver: { Data: input.graph, Name: container.driver },
    ...(input.sizes === undefined ? {} : { SizeRw: input.sizes.rw, SizeRootFs: input.sizes.root }),
    Mounts: container.mounts.map(shownMountPoint),
    Config: configJson(container, version),
    NetworkSettings: {
      Bridge: '',
      SandboxID: sandbox === undefined ? '' : sandbox.id,
      SandboxKey: sandbox?.path ?? '',
      Ports: sandbox?.ports ?? {},
      HairpinMode: false,
      LinkLocalIPv6Address: '',
      LinkLocalIPv6PrefixLen: 0,
      SecondaryIPAddresses: null,
      SecondaryIPv6Addresses: null,
      EndpointID: bridge.EndpointID ?? '',
      Gateway: bridge.Gateway ?? '',
      GlobalIPv6Address: bridge.GlobalIPv6Address ?? '',
      GlobalIPv6PrefixLen: bridge.GlobalIPv6PrefixLen ?? 0,
      IPAddress: bridge.IPAddress ?? '',
      IPPrefixLen: bridge.IPPrefixLen ?? 0,
      IPv6Gateway: bridge.IPv6Gateway ?? '',
      MacAddress: bridge.MacAddress ?? '',
      Networks: networks,
    },
  };
}
