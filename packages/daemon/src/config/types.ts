/**
 * The daemon's configuration, complete and checked: what every area may read.
 *
 * In: flags and a file (load.ts). Out: one value. May import: nothing.
 */

export interface UlimitSetting {
  Name: string;
  Soft: number;
  Hard: number;
}

/** A pool that networks without `--subnet` take theirs from: subnets of `size` bits out of `base`. */
export interface AddressPool {
  /** CIDR. */
  base: string;
  size: number;
}

export interface RuntimeSetting {
  path: string;
  runtimeArgs: readonly string[];
}

/** Driver of networks → options (`docker network create -o`). */
export type DriverOptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Files of a TLS listener. */
export interface TlsSetting {
  /** Clients must show a certificate signed by `ca`. */
  verify: boolean;
  ca: string;
  cert: string;
  key: string;
}

export interface DefaultBridgeSetting {
  /** Name of the link; `none`: no default bridge network. */
  name: string;
  /** `--bip`: address and prefix of the bridge; absent: an unused private /16. */
  address?: string;
  fixedCidr?: string;
  defaultGateway?: string;
  ipv6: boolean;
  fixedCidrV6?: string;
  /** Bytes; 0: the kernel's default. */
  mtu: number;
  /** Containers on it may talk to each other. */
  icc: boolean;
}

export interface DaemonConfig {
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Of this instance: `noos`, or `noos-<6 hex>` when the data root is not the default. Names what is global on the host. */
  readonly instance: string;
  readonly hosts: readonly string[];
  readonly group: string;
  readonly pidFile: string;
  readonly debug: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly labels: readonly string[];
  readonly tls?: TlsSetting;
  readonly metricsAddress?: string;
  readonly experimental: boolean;
  readonly liveRestore: boolean;
  readonly shutdownTimeoutS: number;

  readonly bridge: DefaultBridgeSetting;
  readonly defaultAddressPools: readonly AddressPool[];
  readonly defaultNetworkOptions: DriverOptions;
  /** `--ip`: host address of published ports that name none. */
  readonly publishAddress: string;
  readonly ipForward: boolean;
  readonly ipMasquerade: boolean;
  readonly userlandProxy: boolean;
  readonly hostGatewayAddress?: string;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];

  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly maxConcurrentDownloads: number;
  readonly maxConcurrentUploads: number;
  readonly maxDownloadAttempts: number;

  readonly init: boolean;
  readonly initPath: string;
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly defaultUlimits: readonly UlimitSetting[];
  /** `--cgroup-parent`; absent: `/<instance>`. */
  readonly cgroupParent?: string;
  readonly runtimes: Readonly<Record<string, RuntimeSetting>>;
  readonly defaultRuntime: string;
  /** Bytes. */
  readonly defaultShmSize: number;
  readonly defaultIpcMode: string;
  /** Absent: private on cgroup v2, host on v1. */
  readonly defaultCgroupnsMode?: string;
  readonly noNewPrivileges: boolean;
  /** Path of a profile, `builtin` or `unconfined`. */
  readonly seccompProfile: string;
}
