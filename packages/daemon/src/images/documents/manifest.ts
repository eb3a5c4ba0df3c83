/**
 * Manifests and indexes: OCI and Docker schema 2; schema 1 is refused. Untrusted documents become typed values here.
 *
 * In: bytes and a media type. Out: Manifest values, or RegistryError. May import: images/types, platform, errors.
 */
import { createHash } from 'node:crypto';
import { RegistryError } from '../registry/client/errors.js';
import type { Descriptor, Digest, Platform } from '../types.js';
import { formatPlatform, platformRank } from './platform.js';

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  schema1: 'application/vnd.docker.distribution.manifest.v1+json',
  schema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

/** What we ask for, best first. */
export const acceptedManifests = [
  mediaTypes.dockerManifest,
  mediaTypes.dockerList,
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.schema1Signed,
  'application/json',
].join(', ');

/** Bound of a manifest or index (containerd's and distribution's: 4 MiB). */
export const manifestLimitBytes = 4 * 2 ** 20;
/** Layers an overlay mount and a manifest can sensibly have. */
const layersLimit = 500;

export interface ImageManifest {
  readonly kind: 'image';
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

export type Manifest = ImageManifest | ImageIndex;

export const digestOf = (bytes: Uint8Array): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Only sha256 is spoken: it is what Docker and every registry use. */
export const isDigest = (value: unknown): value is Digest =>
  typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);

const refuse = (message: string): RegistryError => new RegistryError('content', message);

const record = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;

const string = (value: unknown): string => (typeof value === 'string' ? value : '');

function parsePlatform(value: unknown): Platform | undefined {
  const platform = record(value);
  if (platform === undefined) return undefined;
  return {
    os: string(platform.os),
    architecture: string(platform.architecture),
    ...(string(platform.variant) !== '' && { variant: string(platform.variant) }),
    ...(string(platform['os.version']) !== '' && { 'os.version': string(platform['os.version']) }),
  };
}

function parseDescriptor(value: unknown, what: string): Descriptor {
  const descriptor = record(value);
  if (descriptor === undefined) throw refuse(`invalid manifest: ${what} is not a descriptor`);
  const { digest, size, mediaType, urls, annotations } = descriptor;
  if (!isDigest(digest))
    throw refuse(`invalid manifest: could not validate ${what} digest ${JSON.stringify(digest)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw refuse(`invalid manifest: ${what} ${digest} has an invalid size`);
  const platform = parsePlatform(descriptor.platform);
  const labels = Object.entries(record(annotations) ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return {
    mediaType: string(mediaType),
    digest,
    size,
    ...(platform !== undefined && { platform }),
    ...(labels.length > 0 && { annotations: Object.fromEntries(labels) }),
    ...(Array.isArray(urls) && urls.length > 0 && { urls: urls.map(string) }),
  };
}

/** `reference` names what is pulled in the message for schema 1. */
export const schema1Error = (reference: string): RegistryError =>
  refuse(
    'Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed. ' +
      `Suggest the author of ${reference} to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2. ` +
      'More information at https://docs.docker.com/go/deprecated-image-specs/',
  );

const indexTypes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList];
const imageTypes: readonly string[] = [mediaTypes.ociManifest, mediaTypes.dockerManifest];

/** The document as a value; its own mediaType wins over the transport's, its fields must fit it. */
export function parseManifest(bytes: Uint8Array, contentType: string, reference: string): Manifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new RegistryError('content', 'unsupported manifest format', undefined, undefined, { cause });
  }
  const document = record(parsed);
  if (document === undefined) throw refuse('unsupported manifest format');
  const { mediaType, manifests, config, layers, schemaVersion, fsLayers } = document;
  const type = string(mediaType) || contentType.split(';')[0]!.trim();
  if (
    schemaVersion === 1 ||
    fsLayers !== undefined ||
    type === mediaTypes.schema1 ||
    type === mediaTypes.schema1Signed
  )
    throw schema1Error(reference);
  // An index whose transport called it a manifest, or the reverse, could be read in two ways (CVE-2021-41190).
  if (manifests !== undefined && (config !== undefined || layers !== undefined))
    throw refuse(`invalid manifest: both "manifests" and "config" or "layers" are present`);
  if (Array.isArray(manifests)) {
    if (imageTypes.includes(type))
      throw refuse(`media-type: "${type}" should not have "manifests" or "fsLayers"`);
    return {
      kind: 'index',
      mediaType: indexTypes.includes(type) ? type : mediaTypes.ociIndex,
      manifests: manifests.map((entry) => parseDescriptor(entry, 'manifest')),
    };
  }
  if (!Array.isArray(layers) || record(config) === undefined) throw refuse('unsupported manifest format');
  if (indexTypes.includes(type))
    throw refuse(`media-type: "${type}" should not have "config", "layers", or "fsLayers"`);
  if (layers.length > layersLimit) throw refuse(`invalid manifest: more than ${layersLimit} layers`);
  return {
    kind: 'image',
    mediaType: imageTypes.includes(type) ? type : mediaTypes.ociManifest,
    config: parseDescriptor(config, 'config'),
    layers: layers.map((entry) => parseDescriptor(entry, 'layer')),
  };
}

const layerTypes: Readonly<Record<string, 'gzip' | 'zstd' | 'none'>> = {
  [mediaTypes.ociLayer]: 'none',
  [mediaTypes.ociLayerGzip]: 'gzip',
  [mediaTypes.ociLayerZstd]: 'zstd',
  [mediaTypes.dockerLayerGzip]: 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
};

const configTypes: readonly string[] = [
  mediaTypes.dockerConfig,
  mediaTypes.ociConfig,
  // Written by old registries and clients for images.
  'application/octet-stream',
  'application/json',
  'text/html',
  '',
];

/** Throws unless a container can be made of it: plugins, artefacts, AI models, foreign layers are refused. */
export function checkImage(manifest: ImageManifest): void {
  const { mediaType } = manifest.config;
  if (mediaType === 'application/vnd.docker.plugin.v1+json')
    throw refuse(`Encountered remote "${mediaType}"(plugin) when fetching`);
  if (!configTypes.includes(mediaType)) throw refuse(`unsupported media type ${mediaType}`);
  for (const layer of manifest.layers) {
    if (/foreign|nondistributable/.test(layer.mediaType))
      throw refuse(
        `foreign layers are not supported: ${layer.digest} (${layer.mediaType}) is not distributed by the registry`,
      );
    if (!(layer.mediaType in layerTypes)) throw refuse(`unsupported media type ${layer.mediaType}`);
  }
}

const isAttestation = (descriptor: Descriptor): boolean =>
  descriptor.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';

/** Entries of the index that run on `wanted`, best first; an entry without platform comes last. */
export function selectManifests(index: ImageIndex, wanted: Platform): Descriptor[] {
  const ranked = index.manifests.flatMap((descriptor) => {
    if (isAttestation(descriptor)) return [];
    const { platform } = descriptor;
    if (platform === undefined || (platform.os === '' && platform.architecture === ''))
      return [{ descriptor, rank: Number.MAX_SAFE_INTEGER }];
    const rank = platformRank(platform, wanted);
    return rank === undefined ? [] : [{ descriptor, rank }];
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ descriptor }) => descriptor);
}

export const noMatchError = (wanted: Platform): RegistryError =>
  refuse(`no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`);

/** A Docker schema 2 manifest, byte for byte as dockerd writes it. */
export function makeManifest(config: Descriptor, layers: readonly Descriptor[]): Buffer {
  const plain = ({ mediaType, size, digest }: Descriptor) => ({ mediaType, size, digest });
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: plain(config),
    layers: layers.map(plain),
  };
  return Buffer.from(JSON.stringify(document, null, 3));
}
