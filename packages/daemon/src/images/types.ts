/**
 * Images, layers and root file systems: the records and the two faces other areas use.
 *
 * In and out: OCI image spec v1.1 documents. May import: nothing.
 */
import type { Readable } from 'node:stream';

/** `sha256:<64 hex>`. */
export type Digest = `sha256:${string}`;

/** OCI descriptor. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  platform?: Platform;
  annotations?: Record<string, string>;
  urls?: string[];
}

export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  'os.version'?: string;
}

export interface HealthcheckConfig {
  /** `[]` inherit, `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", command]`. */
  Test?: string[];
  /** Nanoseconds, as all of these; 0 or absent is the default. */
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

/** `config` of an image: what a container inherits (OCI image config, Docker's additions). */
export interface ImageRunConfig {
  User?: string;
  ExposedPorts?: Record<string, object>;
  Env?: string[];
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Volumes?: Record<string, object>;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  ArgsEscaped?: boolean;
  Healthcheck?: HealthcheckConfig;
  Shell?: string[];
  OnBuild?: string[];
}

export interface HistoryEntry {
  created?: string;
  created_by?: string;
  author?: string;
  comment?: string;
  empty_layer?: boolean;
}

/** The image config document whose digest is the image's ID. */
export interface ImageConfig extends Platform {
  created?: string;
  author?: string;
  config?: ImageRunConfig;
  rootfs: { type: 'layers'; diff_ids: Digest[] };
  history?: HistoryEntry[];
  /** Docker's additions, kept as found. */
  comment?: string;
  container?: string;
  container_config?: object;
  docker_version?: string;
}

export interface Image {
  /** Digest of the config document. */
  readonly id: Digest;
  readonly config: ImageConfig;
  /** Chain ID of each layer, lowest first (OCI image spec, "Layer ChainID"); empty for scratch. */
  readonly chain: readonly Digest[];
  /** `repository:tag` as shown (familiar form: `busybox:latest`, `localhost:5000/web:1`). */
  readonly tags: readonly string[];
  /** `repository@sha256:…` of pulls and pushes. */
  readonly digests: readonly string[];
  /** Bytes of all unpacked layers. */
  readonly size: number;
  /** RFC 3339: when a name was last given to it here. */
  readonly lastTagged?: string;
  /** Image this one was built or committed from on this host. */
  readonly parent?: Digest;
}

/** A layer that is unpacked. */
export interface Layer {
  readonly chainId: Digest;
  readonly diffId: Digest;
  readonly parent?: Digest;
  /** Bytes of the files in this layer. */
  readonly size: number;
}

/** Kept while somebody needs what garbage collection would otherwise take. */
export interface Hold {
  release(): void;
}

/** Blobs by digest: documents (configs, manifests) kept whole, layers only while they are being pulled. */
export interface Content {
  /** A document, verified; undefined when it is not here. */
  read(digest: Digest): Promise<Buffer | undefined>;
  /** Keeps a document; durable when the promise resolves. */
  write(bytes: Uint8Array): Promise<Digest>;
  remove(digest: Digest): Promise<void>;
  /** Removes all documents but these. At start only image configs and manifests that a reference names stay. */
  keepOnly(needed: ReadonlySet<Digest>): Promise<void>;
  /**
   * The bytes of a blob, digest verified at the end (DaemonError `filesystem layer verification failed …`): first
   * what an earlier attempt left on disk, then what `open` brings from `offset` on. They stay on disk, so that a
   * later attempt resumes, until `forget`. `progress` gets the number of bytes that are here. One stream per digest
   * at a time: a second one waits.
   */
  download(
    blob: { digest: Digest; size: number },
    open: (offset: number) => Promise<AsyncIterable<Buffer>>,
    progress?: (bytes: number) => void,
  ): AsyncIterable<Buffer>;
  /** Removes what `download` left: the layer is in the graph, or nobody will ask again. */
  forget(digest: Digest): Promise<void>;
}

/** A layer's difference that is unpacked but not in the graph yet: unpacking needs no parent. */
export interface PreparedLayer {
  readonly diffId: Digest;
  readonly size: number;
  /** Puts it into the graph on `parent`, which must be there. Atomic, idempotent by chain ID. */
  commit(parent: Digest | undefined): Promise<Layer>;
  /** Removes it; harmless after `commit`. */
  discard(): Promise<void>;
}

/** Images by name; the record of which exist. Mutations are durable when their promise resolves. */
export interface Images {
  /** By ID, short ID, `name[:tag]`, `name@digest`. Throws DaemonError notFound `No such image: <name>`. */
  get(name: string): Image;
  find(name: string): Image | undefined;
  list(): readonly Image[];
  /** Images made on this host of `parent`; with undefined those without a parent. */
  children(parent: Digest | undefined): readonly Image[];
  /**
   * Keeps an image (a container, a build, a push uses it) until released: `prune` and removals of others leave it, its
   * layers and blobs stay even when it is removed by its own name.
   */
  hold(id: Digest): Hold;
  /**
   * Adds an image whose layers are in the store; idempotent. Its layers reach the disk some seconds later; a power
   * cut before that removes the image as a whole. `durable`: when the promise resolves. `holds` gets a hold on the image
   * before anybody can remove it: nothing has its name yet.
   */
  add(
    config: ImageConfig,
    options: { holds: Hold[]; parent?: Digest; configBytes?: Uint8Array; durable?: boolean },
  ): Promise<Image>;
  /**
   * Points `reference` (any familiar form) at the image; what it pointed at loses it. Publishes `tag` unless it is
   * part of something larger that is reported (`pull`, `load`).
   */
  tag(id: Digest, reference: string, options?: { quiet: boolean }): Promise<void>;
  /** Records `repository@digest`. */
  addDigest(id: Digest, repository: string, digest: Digest): Promise<void>;
  /** These layers were made for an image that will not come: they go unless something else needs them. */
  abandon(chain: readonly Digest[]): Promise<void>;
  /** `docker rmi`: Docker's rules; `inUse` tells which containers use an image. */
  remove(name: string, options: RemoveOptions): Promise<RemovedImage[]>;
  prune(options: {
    all: boolean;
    keep(image: Image): boolean;
  }): Promise<{ removed: RemovedImage[]; bytes: number }>;
}

export interface RemoveOptions {
  force: boolean;
  /** Delete untagged parents too (default of the CLI). */
  pruneParents: boolean;
  /** Containers that use the image, as `{id, running}`. */
  users(id: Digest): readonly { id: string; running: boolean }[];
}

export type RemovedImage = { Untagged: string } | { Deleted: string };

/** One change of a container's file system against its image (API: ContainerChanges). */
export interface Change {
  Path: string;
  /** 0 modified, 1 added, 2 deleted. */
  Kind: 0 | 1 | 2;
}

export interface RootOptions {
  /** Without the files that a container's mounts need (/etc/hosts, …): for reading an image, for COPY. */
  plain?: boolean;
}

/** The layer graph on overlayfs: layers by chain ID, one writable root file system per container. */
export interface Layers {
  /** Unpacks an uncompressed tar on `parent`; verifies `diffId` when given. Atomic, idempotent by chain ID. */
  unpack(tar: AsyncIterable<Buffer>, parent: Digest | undefined, diffId?: Digest): Promise<Layer>;
  /** First half of `unpack`: several layers of an image are prepared at once, then committed lowest first. */
  prepare(tar: AsyncIterable<Buffer>, diffId?: Digest): Promise<PreparedLayer>;
  find(chainId: Digest): Layer | undefined;
  /** Keeps a layer and those below it while no image or root does. New layers are kept until an image has them. */
  hold(chainId: Digest): Hold;
  list(): readonly Layer[];
  /** Lines of `docker info`. */
  status(): [string, string][];
  /** The layer's difference as an uncompressed tar, reproducing `diffId` byte for byte. */
  tar(chainId: Digest): Promise<Readable>;
  /** A writable root file system on `top` (undefined: empty). Not mounted yet. */
  createRoot(id: string, top: Digest | undefined, options?: RootOptions): Promise<void>;
  /** Mounts (idempotent, counted) and returns the path of the merged tree. */
  mountRoot(id: string): Promise<string>;
  unmountRoot(id: string): Promise<void>;
  removeRoot(id: string): Promise<void>;
  /** Told of the topmost layer of each root that was removed. */
  onRootRemoved(listener: (top: Digest) => void): void;
  /** Every root that exists; those nobody knows are removed at start. */
  roots(): Promise<string[]>;
  /** Paths as `GraphDriver.Data` of inspect shows them. */
  rootData(id: string): { LowerDir: string; UpperDir: string; WorkDir: string; MergedDir: string };
  /** The same of an image: the layer's difference and those below it. */
  layerData(chainId: Digest): { LowerDir?: string; UpperDir: string; WorkDir: string; MergedDir: string };
  changes(id: string): Promise<Change[]>;
  /** Bytes of the writable layer. */
  rootSize(id: string): Promise<number>;
  /** The image these new layers were kept for is here, and they stay as long as it does, or it will not come. */
  adopt(chain: readonly Digest[]): void;
  /** Makes layers durable: those of `chain` that are new, or all there are. */
  settle(chain?: readonly Digest[]): Promise<void>;
  /** The writable layer as a new layer on its parent (`docker commit`); nothing is kept for an empty tar. */
  commitRoot(id: string): Promise<Layer>;
  /** Removes layers that nobody needs: not below `needed`, no root, no hold, not new. Returns them, topmost first. */
  collect(needed: ReadonlySet<Digest>): Promise<Layer[]>;
}

/** Credentials of `X-Registry-Auth` (base64url JSON). Never logged. */
export interface RegistryAuth {
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
  serveraddress?: string;
}
