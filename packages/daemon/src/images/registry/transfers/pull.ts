/**
 * `docker pull`: a reference becomes an image, its layers side by side, with the messages the CLI draws.
 *
 * In: a reference, a platform, credentials. Out: an image with its tag and digest. May import: images, files beside.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonError } from '../../../errors.js';
import type { EventSink } from '../../../events/types.js';
import { configLimitBytes, parseImageConfig } from '../../documents/image-config.js';
import {
  checkImage,
  type ImageManifest,
  type Manifest,
  noMatchError,
  parseManifest,
  selectManifests,
} from '../../documents/manifest.js';
import { formatPlatform, hostPlatform, platformRank } from '../../documents/platform.js';
import { familiarString, fullString, type Reference } from '../../documents/reference.js';
import { chainOf } from '../../layers/chain-id.js';
import type {
  Digest,
  Hold,
  Image,
  ImageConfig,
  Images,
  Layers,
  Platform,
  RegistryAuth,
} from '../../types.js';
import { withHolds } from '../../with-holds.js';
import { pullError, RegistryError, worthRetrying } from '../client/errors.js';
import { onRegistry, type RegistryAccess } from '../client/operation.js';
import { openRepository, type Repository } from '../client/repository.js';
import type { BlobRecords } from './blob-records.js';
import { type Report, shortId } from './progress.js';
import type { Transfers } from './transfers.js';

export interface PullParts extends RegistryAccess {
  images: Images;
  layers: Layers;
  events: EventSink;
  transfers: Transfers;
  records: BlobRecords;
}

export interface PullRequest {
  /** Without tag and digest: all tags. */
  reference: Reference;
  platform: Platform | undefined;
  auth: RegistryAuth | undefined;
  report: Report;
  signal: AbortSignal;
}

/** moby's pullSchema2Config. */
const configAttempts = 5;
const configDelayMs = 250;
/** An index may name an index, not endlessly. */
const nestingLimit = 3;

async function fetchConfig(
  repository: Repository,
  manifest: ImageManifest,
  signal: AbortSignal,
): Promise<{ bytes: Buffer; config: ImageConfig }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const bytes = await repository.smallBlob(manifest.config, configLimitBytes, signal);
      return { bytes, config: parseImageConfig(bytes) };
    } catch (error) {
      signal.throwIfAborted();
      if (attempt < configAttempts && worthRetrying(error)) {
        await delay(configDelayMs * 2 ** (attempt - 1), undefined, { signal });
        continue;
      }
      if (!(error instanceof RegistryError)) throw error;
      throw new RegistryError(
        error.kind,
        `error pulling image configuration: download failed after attempts=${attempt}: ${error.message}`,
        error.code,
        error.status,
        { cause: error },
      );
    }
  }
}

/** Layers of the image that are missing, fetched and held; when this rejects, nothing of them is left. */
async function fetchLayers(
  parts: PullParts,
  repository: Repository,
  manifest: ImageManifest,
  diffIds: readonly Digest[],
  request: PullRequest,
): Promise<Hold> {
  const { images, layers, transfers } = parts;
  const { report } = request;
  const chain = chainOf(diffIds);
  const controller = new AbortController();
  const signal = AbortSignal.any([request.signal, controller.signal]);
  const jobs: Promise<Hold>[] = [];
  const underWay = new Map<Digest, Digest>();
  const missing = chain.findIndex((chainId) => layers.find(chainId) === undefined);
  const present = missing === -1 ? chain.length : missing;
  const below = present > 0 ? layers.hold(chain[present - 1]!) : undefined;
  try {
    for (const { digest } of manifest.layers.slice(0, present))
      report({ status: 'Already exists', progressDetail: {}, id: shortId(digest) });
    for (const { digest } of new Map(
      manifest.layers.slice(present).map((layer) => [layer.digest, layer]),
    ).values())
      report({ status: 'Pulling fs layer', progressDetail: {}, id: shortId(digest) });
    for (let i = present; i < chain.length; i++) {
      const diffId = diffIds[i]!;
      const chainId = chain[i]!;
      const twin = underWay.get(diffId);
      const job = {
        repository,
        descriptor: manifest.layers[i]!,
        diffId,
        chainId,
        parent: chain[i - 1],
        twin,
      };
      jobs.push(transfers.fetch(job, report, signal));
      if (twin === undefined) underWay.set(diffId, chainId);
    }
    const holds = await Promise.all(jobs);
    return {
      release() {
        for (const hold of [...holds, below]) hold?.release();
      },
    };
  } catch (error) {
    controller.abort(error);
    for (const job of await Promise.allSettled(jobs)) if (job.status === 'fulfilled') job.value.release();
    below?.release();
    await images.abandon(chain.slice(present));
    throw error;
  }
}

async function fetchImage(
  parts: PullParts,
  repository: Repository,
  manifest: ImageManifest,
  request: PullRequest,
  holds: Hold[],
): Promise<Image> {
  const { images, records } = parts;
  checkImage(manifest);
  const known = images.find(manifest.config.digest);
  if (known !== undefined) holds.push(images.hold(known.id));
  const { bytes, config } =
    known === undefined
      ? await fetchConfig(repository, manifest, request.signal)
      : { bytes: undefined, config: known.config };
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length)
    throw new RegistryError('content', "layers from manifest don't match image configuration");
  if (config.os !== 'linux')
    throw new RegistryError(
      'content',
      `image operating system "${config.os}" cannot be used on this platform: operating system is not supported`,
    );
  const repositoryName = request.reference.repository;
  if (known !== undefined) {
    records.add(repositoryName, diffIds, manifest.layers);
    return known;
  }
  const hold = await fetchLayers(parts, repository, manifest, diffIds, request);
  try {
    const image = await images.add(config, { holds, ...(bytes && { configBytes: bytes }) });
    records.add(repositoryName, diffIds, manifest.layers);
    return image;
  } finally {
    hold.release();
  }
}

/** The image itself, or the one of the index that suits the platform best. */
async function selectImage(
  repository: Repository,
  manifest: Manifest,
  reference: string,
  platform: Platform,
  signal: AbortSignal,
  depth = 0,
): Promise<ImageManifest> {
  if (manifest.kind === 'image') return manifest;
  if (depth >= nestingLimit) throw new RegistryError('content', 'too many nested manifest lists');
  const best = selectManifests(manifest, platform)[0];
  if (best === undefined) throw noMatchError(platform);
  const { bytes, mediaType } = await repository.manifest(best.digest, signal);
  const inner = parseManifest(bytes, mediaType, reference);
  return selectImage(repository, inner, reference, platform, signal, depth + 1);
}

/** One tag or digest; tells whether anything changed. */
async function pullOne(
  parts: PullParts,
  repository: Repository,
  reference: Reference,
  request: PullRequest,
  holds: Hold[],
): Promise<{ image: Image; changed: boolean }> {
  const { images } = parts;
  const { report, signal } = request;
  const full = fullString(reference);
  const source = reference.digest ?? (await repository.resolve(reference.tag!, signal)).digest;
  const { bytes, mediaType, digest } = await repository.manifest(source, signal);
  const outer = parseManifest(bytes, mediaType, full);
  report({
    status: `Pulling from ${repository.path}`,
    id: reference.digest === undefined ? reference.tag! : full,
  });
  const manifest = await selectImage(repository, outer, full, request.platform ?? hostPlatform, signal);
  const image = await fetchImage(parts, repository, manifest, request, holds);
  report({ status: `Digest: ${digest}` });
  const shown = familiarString(reference);
  const before = images.find(shown)?.id;
  const byTag = reference.digest === undefined;
  // The digest of an index stays with the platform that was pulled first, as dockerd has it.
  if (!byTag || images.find(`${reference.familiar}@${digest}`) === undefined)
    await images.addDigest(image.id, reference.familiar, digest);
  if (byTag && before !== image.id) await images.tag(image.id, shown, { quiet: true });
  return { image, changed: before !== image.id };
}

/** `--platform` was given and a single-platform image of another came: a warning, as dockerd's. */
function warnOfPlatform(image: Image, { platform, report, reference }: PullRequest): void {
  if (platform === undefined || platformRank(image.config, platform) !== undefined) return;
  report({
    status:
      `WARNING: image with reference ${familiarString(reference)} was found but its platform ` +
      `(${formatPlatform(image.config)}) does not match the specified platform (${formatPlatform(platform)})`,
  });
}

/** Pulls; the errors are DaemonErrors in dockerd's words. */
export async function pull(parts: PullParts, request: PullRequest): Promise<void> {
  const { reference, auth, report, signal } = request;
  const shown = familiarString(reference);
  const name = reference.familiar;
  if (name === 'scratch') throw new DaemonError('forbidden', "'scratch' is a reserved name");
  try {
    const operation = { registry: reference.domain, purpose: 'pull' as const, auth, signal };
    await onRegistry(parts, operation, async (connection) => {
      const repository = openRepository(connection, reference.path, 'pull');
      const single = reference.tag !== undefined || reference.digest !== undefined;
      const references = single
        ? [reference]
        : (await repository.tags(signal)).map((tag) => ({ ...reference, tag }));
      let changed = false;
      let pulled: Image | undefined;
      for (const one of references) {
        const result = await withHolds((holds) => pullOne(parts, repository, one, request, holds));
        changed ||= result.changed;
        pulled = result.image;
      }
      report({
        status: changed
          ? `Status: Downloaded newer image for ${shown}`
          : `Status: Image is up to date for ${shown}`,
      });
      if (single && pulled !== undefined) warnOfPlatform(pulled, request);
      parts.events.publish('image', 'pull', {
        ID: shown,
        Attributes: { ...pulled?.config.config?.Labels, name },
      });
    });
  } catch (error) {
    signal.throwIfAborted();
    throw pullError(error, name, shown);
  }
}
