/**
 * Images as the API shows them: summaries, inspect, history; the fields of every version.
 *
 * In: Image records, layers. Out: API objects. May import: types, api-version.
 */
import type { ApiVersion } from '../../protocol/api-version.js';
import type { Digest, Image, ImageConfig, ImageRunConfig, Layers } from '../types.js';

/** API: ImageSummary. */
export interface ImageSummary {
  Containers: number;
  Created: number;
  Id: Digest;
  Labels: Record<string, string> | null;
  ParentId: string;
  RepoDigests: string[];
  RepoTags: string[];
  SharedSize: number;
  Size: number;
  VirtualSize?: number;
}

/** Go's zero time, which old clients expect where there is none. */
const zeroTime = '0001-01-01T00:00:00Z';

/** Versions from which something is shown otherwise (API version history). */
const since = { emptyLists: 43, noVirtualSize: 44, noContainer: 45, leanConfig: 50 };

/** Unix seconds; 0 when the image does not say. */
export const createdSeconds = (config: ImageConfig): number => {
  const ms = Date.parse(config.created ?? '');
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
};

/** Milliseconds, for comparisons; undefined when the image does not say. */
export const createdMs = (config: ImageConfig): number | undefined => {
  const ms = Date.parse(config.created ?? '');
  return Number.isNaN(ms) ? undefined : ms;
};

export interface SummaryFacts {
  /** How many use it; -1: not told. */
  containers: number;
  /** Bytes of layers that other images have too; -1: not asked for. */
  sharedSize: number;
}

export function summarize(image: Image, facts: SummaryFacts, version: ApiVersion): ImageSummary {
  const nameless = image.tags.length === 0 && image.digests.length === 0;
  const placeholder = nameless && version < since.emptyLists;
  return {
    Containers: facts.containers,
    Created: createdSeconds(image.config),
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parent ?? '',
    RepoDigests: placeholder ? ['<none>@<none>'] : [...image.digests],
    RepoTags: placeholder ? ['<none>:<none>'] : [...image.tags],
    SharedSize: facts.sharedSize,
    Size: image.size,
    ...(version < since.noVirtualSize && { VirtualSize: image.size }),
  };
}

/** Bytes of each image's layers that another image of the list has too. */
export function sharedSizes(images: readonly Image[], layers: Pick<Layers, 'find'>): Map<Digest, number> {
  const uses = new Map<Digest, number>();
  for (const { chain } of images) for (const id of chain) uses.set(id, (uses.get(id) ?? 0) + 1);
  return new Map(
    images.map(({ id, chain }) => [
      id,
      chain.reduce(
        (sum, chainId) => sum + (uses.get(chainId)! > 1 ? (layers.find(chainId)?.size ?? 0) : 0),
        0,
      ),
    ]),
  );
}

/** ContainerConfig's fields that dockerd showed for an image before 1.50. */
const legacyConfig = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};
const leanConfig = {
  User: '',
  Env: null,
  Cmd: null,
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

const describeConfig = (config: ImageRunConfig | undefined, version: ApiVersion): object => ({
  ...(version < since.leanConfig ? legacyConfig : leanConfig),
  ...config,
});

/** API: ImageInspect. `driverData`: where the topmost layer lies. */
export function describeImage(
  image: Image,
  version: ApiVersion,
  driverData: Readonly<Record<string, string>> | null,
): object {
  const { config } = image;
  const comment = config.comment ?? config.history?.at(-1)?.comment ?? '';
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Parent: image.parent ?? '',
    Comment: comment,
    ...(config.created !== undefined || version < since.noVirtualSize
      ? { Created: config.created ?? zeroTime }
      : {}),
    ...(version < since.noContainer && {
      Container: config.container ?? '',
      ContainerConfig: { ...legacyConfig, ...config.container_config },
    }),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: describeConfig(config.config, version),
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    ...(config['os.version'] !== undefined && { OsVersion: config['os.version'] }),
    Size: image.size,
    ...(version < since.noVirtualSize && { VirtualSize: image.size }),
    GraphDriver: { Data: driverData, Name: 'overlay2' },
    RootFS: {
      Type: 'layers',
      ...(config.rootfs.diff_ids.length > 0 && { Layers: config.rootfs.diff_ids }),
    },
    Metadata: { LastTagTime: image.lastTagged ?? zeroTime },
  };
}

/** API: HistoryResponseItem, newest first. Steps whose images are here (builds) carry their IDs. */
export function describeHistory(
  image: Image,
  layers: Pick<Layers, 'find'>,
  find: (id: Digest) => Image | undefined,
): object[] {
  let layer = 0;
  const steps = (image.config.history ?? []).map((step) => {
    const size = step.empty_layer ? 0 : (layers.find(image.chain[layer++] ?? ('' as Digest))?.size ?? 0);
    const ms = Date.parse(step.created ?? '');
    return {
      Comment: step.comment ?? '',
      Created: Number.isNaN(ms) ? 0 : Math.floor(ms / 1000),
      CreatedBy: step.created_by ?? '',
      Size: size,
    };
  });
  let current: Image | undefined = image;
  return steps.reverse().map((step) => {
    const { Comment, Created, CreatedBy, Size } = step;
    const known = current;
    current = known?.parent === undefined ? undefined : find(known.parent);
    return {
      Comment,
      Created,
      CreatedBy,
      Id: known?.id ?? '<missing>',
      Size,
      Tags: known === undefined || known.tags.length === 0 ? null : known.tags,
    };
  });
}
