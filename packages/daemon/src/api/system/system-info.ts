/**
 * Bodies of `GET /info` and `GET /version` as dockerd shapes them.
 *
 * In: configuration, facts of the host, counts. Out: documents. May import: config, linux, http's versions.
 */
import type { DaemonConfig, RuntimeSetting } from '../../config/types.js';
import { type ApiVersion, currentApiVersion, minimumApiVersion } from '../../http/route.js';
import { formatVersion } from '../../http/version.js';
import { forwardsIPv4, type HostFacts, limitWarnings } from '../../linux/host-facts.js';
import type { ToolVersions } from '../../linux/tool-versions.js';
import { buildFacts, engineVersion } from './identity.js';

export interface EngineCounts {
  running: number;
  paused: number;
  /** Created, exited, dead. */
  stopped: number;
  images: number;
}

export interface InfoParts {
  config: DaemonConfig;
  facts: HostFacts;
  tools: ToolVersions;
  counts: EngineCounts;
  engineId: string;
  openDescriptors: number;
  activeResources: number;
  eventListeners: number;
  storageStatus: readonly (readonly [string, string])[];
  /** Those of the configuration and those found; by the names a container may ask for. */
  runtimes: ReadonlyMap<string, { readonly name: string }>;
  /** Containers are confined by it. */
  appArmor: boolean;
}

/** Loopback is always insecure (moby/registry: InsecureRegistryCIDRs). */
const loopbackCidrs = ['::1/128', '127.0.0.0/8'];

const isCidr = (text: string): boolean => /^[0-9a-fA-F.:]+\/\d{1,3}$/.test(text);
/** Docker shows mirrors with a slash at their end. */
const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);

function registryConfig(config: DaemonConfig): object {
  const mirrors = config.registryMirrors.map(withSlash);
  const index = (Name: string, Secure: boolean, Official: boolean): [string, object] => [
    Name,
    { Name, Mirrors: Official ? mirrors : [], Secure, Official },
  ];
  const insecure = config.insecureRegistries;
  return {
    AllowNondistributableArtifactsCIDRs: [],
    AllowNondistributableArtifactsHostnames: [],
    InsecureRegistryCIDRs: [...loopbackCidrs, ...insecure.filter(isCidr)],
    IndexConfigs: Object.fromEntries([
      index('docker.io', true, true),
      ...insecure.filter((name) => !isCidr(name)).map((name) => index(name, false, false)),
    ]),
    Mirrors: mirrors,
  };
}

function securityOptions({ config, facts, appArmor }: InfoParts): string[] {
  const { version } = facts.cgroups;
  const cgroupns = config.defaultCgroupnsMode ?? (version === '2' ? 'private' : 'host');
  return [
    ...(appArmor ? ['name=apparmor'] : []),
    ...(config.seccompProfile === 'unconfined' ? [] : [`name=seccomp,profile=${config.seccompProfile}`]),
    ...(cgroupns === 'private' ? ['name=cgroupns'] : []),
    ...(config.noNewPrivileges ? ['name=no-new-privileges'] : []),
  ];
}

const runtimeInfo = ({ path, runtimeArgs }: RuntimeSetting): object => ({
  path,
  ...(runtimeArgs.length === 0 ? {} : { runtimeArgs }),
});

/** dockerd's words for a socket that gives root to whoever reaches it (daemon/info.go). */
function exposureWarnings({ hosts, tls }: DaemonConfig): string[] {
  if (tls?.verify) return [];
  const text = (host: string): string =>
    `WARNING: API is accessible on ${tls === undefined ? host.replace(/^tcp:/, 'http:') : host.replace(/^tcp:/, 'https:')} without ${
      tls === undefined ? 'encryption' : 'client certificate verification'
    }.\n         Access to the remote API is equivalent to root access on the host. Refer\n         to the 'Docker daemon attack surface' section in the documentation for\n         more information: https://docs.docker.com/go/attack-surface/`;
  return hosts.filter((host) => host.startsWith('tcp:')).map(text);
}

const inactiveSwarm = {
  NodeID: '',
  NodeAddr: '',
  LocalNodeState: 'inactive',
  ControlAvailable: false,
  Error: '',
  RemoteManagers: null,
};

export function describeInfo(parts: InfoParts, version: ApiVersion): object {
  const { config, facts, tools, counts } = parts;
  const { cgroups } = facts;
  const forwarding = forwardsIPv4();
  const warnings = [...exposureWarnings(config), ...limitWarnings(cgroups, forwarding)];
  return {
    ID: parts.engineId,
    Containers: counts.running + counts.paused + counts.stopped,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: counts.images,
    Driver: 'overlay2',
    DriverStatus: parts.storageStatus,
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'macvlan', 'null'],
      Authorization: null,
      Log: ['json-file', 'local', 'none'],
    },
    MemoryLimit: cgroups.memory,
    SwapLimit: cgroups.swap,
    ...(version < 42 ? { KernelMemory: false } : {}),
    CpuCfsPeriod: cgroups.cpuCfsPeriod,
    CpuCfsQuota: cgroups.cpuCfsQuota,
    CPUShares: cgroups.cpuShares,
    CPUSet: cgroups.cpuset,
    PidsLimit: cgroups.pids,
    IPv4Forwarding: forwarding,
    // Rules of nftables see bridged packets where they are routed: no need of br_netfilter, so nothing is missing.
    ...(version < 50 ? { BridgeNfIptables: true, BridgeNfIp6tables: true } : {}),
    Debug: config.debug,
    NFd: parts.openDescriptors,
    OomKillDisable: cgroups.oomKillDisable,
    NGoroutines: parts.activeResources,
    SystemTime: new Date().toISOString(),
    LoggingDriver: config.logDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: cgroups.version,
    NEventsListener: parts.eventListeners,
    KernelVersion: facts.kernelVersion,
    OperatingSystem: facts.operatingSystem,
    OSVersion: facts.osVersion,
    OSType: 'linux',
    Architecture: facts.machine,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registryConfig(config),
    NCPU: facts.cpus,
    MemTotal: facts.memory,
    GenericResources: null,
    DockerRootDir: config.dataRoot,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: facts.name,
    Labels: config.labels,
    ExperimentalBuild: config.experimental,
    ServerVersion: engineVersion,
    Runtimes: Object.fromEntries(
      [...parts.runtimes].map(([name, { name: program }]) => [
        name,
        runtimeInfo(config.runtimes[name] ?? { path: program, runtimeArgs: [] }),
      ]),
    ),
    DefaultRuntime: config.defaultRuntime,
    Swarm: inactiveSwarm,
    LiveRestoreEnabled: config.liveRestore,
    Isolation: '',
    InitBinary: config.initPath.replace(/^.*\//, ''),
    ContainerdCommit: { ID: '', Expected: '' },
    RuncCommit: { ID: tools.runtime.commit, Expected: tools.runtime.commit },
    InitCommit: { ID: tools.init.commit, Expected: tools.init.commit },
    SecurityOptions: securityOptions(parts),
    ...(config.defaultAddressPools.length === 0
      ? {}
      : {
          DefaultAddressPools: config.defaultAddressPools.map(({ base, size }) => ({
            Base: base,
            Size: size,
          })),
        }),
    ...(version >= 49 ? { FirewallBackend: { Driver: 'nftables' } } : {}),
    CDISpecDirs: [],
    Warnings: warnings.length === 0 ? null : warnings,
  };
}

export function describeVersion(parts: {
  facts: HostFacts;
  tools: ToolVersions;
  experimental: boolean;
}): object {
  const { facts, tools, experimental } = parts;
  const engine = {
    ApiVersion: formatVersion(currentApiVersion),
    MinAPIVersion: formatVersion(minimumApiVersion),
    GitCommit: buildFacts.commit,
    // The command line prints the line in any case.
    GoVersion: `none (Node.js ${process.version})`,
    Os: 'linux',
    Arch: facts.goArchitecture,
    KernelVersion: facts.kernelVersion,
    BuildTime: buildFacts.time,
  };
  const tool = (Name: string, { version: Version, commit }: { version: string; commit: string }) => ({
    Name,
    Version,
    // Debian's builds of some do not say it.
    Details: commit === '' ? {} : { GitCommit: commit },
  });
  return {
    Platform: { Name: 'Noos' },
    Version: engineVersion,
    ...engine,
    ...(experimental ? { Experimental: true } : {}),
    Components: [
      {
        Name: 'Engine',
        Version: engineVersion,
        Details: { ...engine, Experimental: String(experimental), NodeVersion: process.version },
      },
      tool('runc', tools.runtime),
      tool('conmon', tools.monitor),
      tool('tini', tools.init),
    ],
  };
}
