/**
 * Volumes and the mounts of a container.
 *
 * In: Docker's Binds, Mounts, Tmpfs, VolumesFrom, an image's Volumes. Out: mount points. May import: nothing.
 */

/** API: Volume. */
export interface Volume {
  Name: string;
  Driver: string;
  Mountpoint: string;
  /** RFC 3339. */
  CreatedAt: string;
  Labels: Record<string, string> | null;
  Options: Record<string, string> | null;
  Scope: 'local';
  Status?: Record<string, unknown>;
  UsageData?: { Size: number; RefCount: number };
}

export interface VolumeCreate {
  /** Absent: anonymous, 64 hex digits and label com.docker.volume.anonymous. */
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string>;
  Labels?: Record<string, string>;
  /** The container that is being created: when it never comes to be, `removeAbandoned` takes the volume away. */
  madeFor?: string;
  /** Container that uses it from now on, as by `refer`: before anybody can remove it again. */
  user?: string;
}

export interface Volumes {
  /** Idempotent for the same driver and options; DaemonError conflict otherwise. */
  create(request: VolumeCreate): Promise<Volume>;
  /** Throws notFound `get <name>: no such volume`. */
  get(name: string): Volume;
  list(): readonly Volume[];
  /** Conflict `remove <name>: volume is in use - [<container IDs>]`. */
  remove(name: string, force: boolean): Promise<void>;
  /** Containers that refer to the volume, running or not. */
  users(name: string): readonly string[];
  refer(name: string, container: string): void;
  unrefer(name: string, container: string): void;
  /** Mounts what the options ask for (counted by container) and returns the path of the data. */
  mount(name: string, container: string): Promise<string>;
  unmount(name: string, container: string): Promise<void>;
  /** Bytes in use. */
  size(name: string): Promise<number>;
  prune(select: (volume: Volume) => boolean): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }>;
  /** For `system df`: volumes without mount options, with UsageData. */
  usage(): Promise<Volume[]>;
  /** The volume outlives the container it was made for. */
  keep(name: string): Promise<void>;
  /** At start of the daemon: removes unused volumes that were made for containers which do not exist. */
  removeAbandoned(exists: (container: string) => boolean): Promise<void>;
  /** Unmounts volumes that no container has mounted any more; after the running ones have been told by `mount`. */
  unmountUnused(): Promise<void>;
}

/** What a create request asks to mount; the fields of HostConfig, and Config.Volumes. */
export interface MountPlanRequest {
  /** ID of the container to be. */
  container: string;
  binds: readonly string[];
  mounts: readonly MountRequest[];
  /** Destination → options of tmpfs. */
  tmpfs: Readonly<Record<string, string>>;
  volumesFrom: readonly string[];
  volumeDriver: string;
  /** Destinations of Config.Volumes, the image's included. */
  volumes: readonly string[];
  /** Mount points of another container; throws notFound. */
  mountsOf(container: string): readonly MountPoint[];
}

export interface PreparedMounts {
  /** Sorted: parents before children. */
  mounts: OciMount[];
  /** For `linux.rootfsPropagation`; absent: the default. */
  rootfsPropagation?: 'shared' | 'rslave';
  /** Call once the runtime has made the container: frees what only its mounting needed. Never rejects. */
  made(): Promise<void>;
}

/** The mounts of containers, from request to OCI spec. */
export interface Mounts {
  /** Checks everything, creates and refers to the volumes; on failure nothing is left. */
  plan(request: MountPlanRequest): Promise<MountPoint[]>;
  /** Whether `populate` has something to do, so that the root file system must be mounted for it. */
  needsPopulation(points: readonly MountPoint[]): boolean;
  /** At create: copies the image's content into empty volumes. `root` is the container's mounted tree. */
  populate(container: string, points: readonly MountPoint[], root: string): Promise<void>;
  /** At start: mounts volumes, makes missing bind sources, publishes `mount`; undone on failure. */
  prepare(
    container: string,
    points: readonly MountPoint[],
    tmpfs: Readonly<Record<string, string>>,
  ): Promise<PreparedMounts>;
  /** After the container ended: the opposite of prepare. Idempotent; never rejects. */
  release(container: string, points: readonly MountPoint[]): Promise<void>;
  /** The container is removed: its references end; with `anonymous` its unnamed volumes go too. */
  forget(container: string, points: readonly MountPoint[], anonymous: boolean): Promise<void>;
  /**
   * At start of the daemon, once, with every container there is. Volumes without a name that were made for others go,
   * but for those of containers that `exists` knows (their records may be damaged).
   */
  restore(
    known: Iterable<{ id: string; points: readonly MountPoint[]; running: boolean }>,
    exists: (container: string) => boolean,
  ): Promise<void>;
}

/** API: Mount (HostConfig.Mounts). */
export interface MountRequest {
  Type?: 'bind' | 'volume' | 'tmpfs' | 'image' | 'npipe' | 'cluster';
  Target: string;
  Source?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: {
    Propagation?: string;
    NonRecursive?: boolean;
    CreateMountpoint?: boolean;
    ReadOnlyNonRecursive?: boolean;
    ReadOnlyForceRecursive?: boolean;
  };
  VolumeOptions?: {
    NoCopy?: boolean;
    Labels?: Record<string, string>;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
    Subpath?: string;
  };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number; Options?: string[][] };
}

/** API: MountPoint, what inspect shows; resolved when the container is created and kept with it. */
export interface MountPoint {
  Type: 'bind' | 'volume' | 'tmpfs';
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  /** `z`, `ro`, … as given; "" for `--mount`. */
  Mode: string;
  RW: boolean;
  Propagation: string;
  /** Not shown, as all below: for start and removal of the container. */
  noCopy?: boolean;
  /** Goes with the container's `rm -v`. */
  anonymous?: boolean;
  subpath?: string;
  tmpfsOptions?: string[];
  nonRecursive?: boolean;
  readOnlyNonRecursive?: boolean;
  readOnlyForceRecursive?: boolean;
  createMountpoint?: boolean;
  /** The propagation was not asked for: where the host cannot give it, the default is taken. */
  propagationOptional?: boolean;
}

/** The part of a mount point that inspect shows. */
export type ShownMountPoint = Pick<
  MountPoint,
  'Type' | 'Name' | 'Source' | 'Destination' | 'Driver' | 'Mode' | 'RW' | 'Propagation'
>;

/** A mount of the OCI runtime spec (config.md, "Mounts"). */
export interface OciMount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}
