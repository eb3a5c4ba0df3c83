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
}

/** API: Mount (HostConfig.Mounts). */
export interface MountRequest {
  Type: 'bind' | 'volume' | 'tmpfs' | 'image' | 'npipe' | 'cluster';
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
  /** Not shown: for the start of the container. */
  noCopy?: boolean;
  subpath?: string;
  tmpfsOptions?: string[];
  nonRecursive?: boolean;
  createMountpoint?: boolean;
}

/** A mount of the OCI runtime spec (config.md, "Mounts"). */
export interface OciMount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}
