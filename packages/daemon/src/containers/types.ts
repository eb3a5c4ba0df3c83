/**
 * The container's record, as the area keeps it and others read it.
 *
 * In: API bodies (ContainerConfig, HostConfig, NetworkingConfig). Out: records. May import: types of the areas below.
 */
import type { HealthcheckConfig, ImageRunConfig } from '../images/types.js';
import type { EndpointRequest, PortMap } from '../networks/types.js';
import type { MountPoint, MountRequest } from '../volumes/types.js';

/** API: ContainerConfig. */
export interface ContainerConfig extends ImageRunConfig {
  Hostname?: string;
  Domainname?: string;
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  Tty?: boolean;
  OpenStdin?: boolean;
  StdinOnce?: boolean;
  Image: string;
  NetworkDisabled?: boolean;
  MacAddress?: string;
  /** Seconds. */
  StopTimeout?: number;
}

/** API: HostConfig, the fields this daemon honours; others are refused or ignored as dockerd does. */
export interface HostConfig {
  Binds?: string[] | null;
  Mounts?: MountRequest[] | null;
  Tmpfs?: Record<string, string>;
  VolumesFrom?: string[] | null;
  VolumeDriver?: string;
  NetworkMode?: string;
  PortBindings?: PortMap;
  PublishAllPorts?: boolean;
  Links?: string[] | null;
  Dns?: string[] | null;
  DnsSearch?: string[] | null;
  DnsOptions?: string[] | null;
  ExtraHosts?: string[] | null;
  RestartPolicy?: { Name: string; MaximumRetryCount?: number };
  AutoRemove?: boolean;
  LogConfig?: { Type?: string; Config?: Record<string, string> | null };
  ContainerIDFile?: string;
  Init?: boolean | null;
  Privileged?: boolean;
  ReadonlyRootfs?: boolean;
  CapAdd?: string[] | null;
  CapDrop?: string[] | null;
  GroupAdd?: string[] | null;
  SecurityOpt?: string[] | null;
  Sysctls?: Record<string, string>;
  Ulimits?: { Name: string; Soft: number; Hard: number }[] | null;
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[] | null;
  DeviceCgroupRules?: string[] | null;
  DeviceRequests?: object[] | null;
  PidMode?: string;
  IpcMode?: string;
  UTSMode?: string;
  UsernsMode?: string;
  CgroupnsMode?: string;
  CgroupParent?: string;
  Cgroup?: string;
  ShmSize?: number;
  OomScoreAdj?: number;
  OomKillDisable?: boolean | null;
  Runtime?: string;
  Isolation?: string;
  ConsoleSize?: [number, number];
  MaskedPaths?: string[] | null;
  ReadonlyPaths?: string[] | null;
  StorageOpt?: Record<string, string>;
  /** Bytes. */
  Memory?: number;
  MemoryReservation?: number;
  /** Memory plus swap; -1 unlimited. */
  MemorySwap?: number;
  MemorySwappiness?: number | null;
  KernelMemory?: number;
  NanoCpus?: number;
  CpuShares?: number;
  /** Microseconds. */
  CpuPeriod?: number;
  CpuQuota?: number;
  CpuRealtimePeriod?: number;
  CpuRealtimeRuntime?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  PidsLimit?: number | null;
  BlkioWeight?: number;
  BlkioWeightDevice?: { Path: string; Weight: number }[] | null;
  BlkioDeviceReadBps?: { Path: string; Rate: number }[] | null;
  BlkioDeviceWriteBps?: { Path: string; Rate: number }[] | null;
  BlkioDeviceReadIOps?: { Path: string; Rate: number }[] | null;
  BlkioDeviceWriteIOps?: { Path: string; Rate: number }[] | null;
  Annotations?: Record<string, string>;
}

export interface ContainerCreate {
  name?: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** NetworkingConfig.EndpointsConfig. */
  endpoints?: Record<string, EndpointRequest | null>;
  platform?: string;
}

export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'removing'
  | 'exited'
  | 'dead';

export interface ContainerState {
  status: ContainerStatus;
  pid: number;
  exitCode: number;
  error: string;
  oomKilled: boolean;
  /** RFC 3339 with nanoseconds; `0001-01-01T00:00:00Z` for never. */
  startedAt: string;
  finishedAt: string;
  /**
   * By key of `endpoints`: the network that was joined last, which the next start joins again even when another one has
   * its name by then.
   */
  networkIds?: Record<string, string>;
  /** While `removing`, and `dead` after a failure: the volumes that have no name go too. */
  removesVolumes?: boolean;
  /** What AppArmor confined the last life by; empty for nothing. */
  appArmorProfile?: string;
  health?: {
    Status: 'starting' | 'healthy' | 'unhealthy';
    FailingStreak: number;
    Log: { Start: string; End: string; ExitCode: number; Output: string }[];
  };
}

/** A legacy link to another container. */
export interface ContainerLink {
  alias: string;
  id: string;
  /** The other's name when the link was made: for messages when it is gone. */
  name: string;
}

/** One container. Persisted as `containers/<id>/container.json`; only `containers/` changes it. */
export interface Container {
  readonly id: string;
  /** Without slash. */
  name: string;
  readonly created: string;
  /** Image ID, and the reference it was created from in `config.Image`. */
  readonly image: string;
  /** Merged with the image's. */
  readonly config: ContainerConfig;
  hostConfig: HostConfig;
  /** Effective command: entrypoint then cmd. */
  readonly path: string;
  readonly args: readonly string[];
  readonly mounts: readonly MountPoint[];
  /** `--link` on the default bridge. */
  links?: readonly ContainerLink[];
  /** Wanted endpoints by network name; `docker network connect` on a stopped container adds here. */
  endpoints: Record<string, EndpointRequest>;
  readonly state: ContainerState;
  restartCount: number;
  /** The user stopped it: restart policies `always` and `on-failure` rest until it is started again. */
  hasBeenStopped: boolean;
  readonly driver: 'overlay2';
  /** Which WorkloadRuntime: `runc`, `crun`, … */
  readonly runtime: string;
  readonly healthcheck?: HealthcheckConfig;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/** Told about the lives of containers: attached streams, log rotation and health checks hang on it. */
export interface ContainerObserver {
  /** The workload exists and waits to be started: output can be attached to from its first byte. Waited for. */
  created?(container: Container): Promise<void>;
  /** Runs (again: started, unpaused, or found running at the daemon's start). */
  running?(container: Container): void;
  paused?(container: Container): void;
  /** Ended, whatever its restart policy does next; `state` tells how. A start that failed ends here too. */
  stopped?(container: Container): void;
  /** Its record is gone. */
  removed?(container: Container): void;
}

/** What the API and the builder call. Every lookup takes ID, unique ID prefix or name. */
export interface Containers {
  observe(observer: ContainerObserver): void;
  /** Replaces `state.health`; written to disk with the next change of the state, as the probes repeat. */
  setHealth(id: string, health: NonNullable<ContainerState['health']>): void;
  create(request: ContainerCreate): Promise<{ id: string; warnings: string[] }>;
  /** Throws notFound `No such container: <name>`. */
  get(name: string): Container;
  list(): readonly Container[];
  start(name: string): Promise<void>;
  /** Timeout in seconds; -1 waits for ever; absent: the container's own or 10. */
  stop(name: string, options?: { signal?: string; timeout?: number }): Promise<void>;
  restart(name: string, options?: { signal?: string; timeout?: number }): Promise<void>;
  kill(name: string, signal?: string): Promise<void>;
  pause(name: string): Promise<void>;
  unpause(name: string): Promise<void>;
  rename(name: string, to: string): Promise<void>;
  /** `docker network connect`: at once when it runs, remembered for the next start in any case. */
  connect(name: string, network: string, request: EndpointRequest): Promise<void>;
  /** `docker network disconnect`; with `force` a container that is gone loses its endpoint too. */
  disconnect(name: string, network: string, force: boolean): Promise<void>;
  update(name: string, change: Partial<HostConfig>): Promise<{ Warnings: string[] | null }>;
  remove(name: string, options?: { force?: boolean; volumes?: boolean; link?: boolean }): Promise<void>;
  /** Resolves with the exit code; `ready` is called once waiting has begun (headers may be sent). */
  wait(
    name: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<{ StatusCode: number; Error?: { Message: string } }>;
  /** Path of the merged tree while the callback runs, mounted if it was not. */
  withRoot<T>(name: string, use: (root: string) => Promise<T>): Promise<T>;
}
