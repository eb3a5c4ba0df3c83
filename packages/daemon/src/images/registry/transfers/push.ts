/**
 * `docker push`: layers the registry lacks, side by side; then the config, then the manifest.
 *
 * In: names of local images, credentials. Out: tags at a registry, with the messages the CLI draws. May import: images,
 * files beside.
 */
import { createHash } from 'node:crypto';
import { pipeline, Transform } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { DaemonError } from '../../../errors.js';
import type { EventSink } from '../../../events/types.js';
import { digestOf, makeManifest, mediaTypes } from '../../documents/manifest.js';
import { familiarString, parseReference, type Reference } from '../../documents/reference.js';
import type { Content, Descriptor, Digest, Image, Images, Layers, RegistryAuth } from '../../types.js';
import { RegistryError, worthRetrying } from '../client/errors.js';
import type { Limiter } from '../client/limiter.js';
import { onRegistry, type RegistryAccess } from '../client/operation.js';
import { openRepository, type Repository } from '../client/repository.js';
import type { BlobRecords } from './blob-records.js';
import { defaultRetryPolicy, type RetryPolicy } from './download.js';
import { type LayerProgress, layerProgress, type Report, shortId } from './progress.js';

export interface PushParts extends RegistryAccess {
  images: Images;
  layers: Layers;
  content: Content;
  events: EventSink;
  records: BlobRecords;
  uploads: Limiter;
  retry?: RetryPolicy | undefined;
}

export interface PushRequest {
  /** Without a tag: all tags of the repository. */
  reference: Reference;
  auth: RegistryAuth | undefined;
  report: Report;
  signal: AbortSignal;
}

interface PushLayer {
  diffId: Digest;
  chainId: Digest;
  size: number;
}

/** Another repository of the registry may have the blob: so many are tried (moby tries 1 to 4). */
const mountAttempts = 3;
const chunkBytes = 256 * 1024;

/** Digest and size of the bytes that pass. */
function meter(): { through: Transform; result(): { digest: Digest; size: number } } {
  const hash = createHash('sha256');
  let size = 0;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  return { through, result: () => ({ digest: `sha256:${hash.digest('hex')}`, size }) };
}

/** Compresses and sends; the digest is known when all was sent. */
async function upload(
  parts: PushParts,
  repository: Repository,
  layer: PushLayer,
  session: { location: string },
  progress: LayerProgress,
  signal: AbortSignal,
): Promise<{ digest: Digest; size: number }> {
  const tar = await parts.layers.tar(layer.chainId);
  let read = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      read += chunk.length;
      progress.bytes('Pushing', Math.min(read, layer.size), layer.size);
      done(null, chunk);
    },
  });
  const { through, result } = meter();
  let failure: unknown;
  const body = pipeline(tar, counted, createGzip({ chunkSize: chunkBytes }), through, (error) => {
    failure = error ?? undefined;
  });
  try {
    const next = await repository.append(session, body, signal);
    const blob = result();
    await repository.commit(next, blob.digest, undefined, signal);
    return blob;
  } catch (error) {
    body.destroy();
    throw failure !== undefined && !(error instanceof RegistryError) ? failure : error;
  }
}

/** The blob is there already, or can be mounted from another repository; else a session to send it. */
async function findOrStart(
  parts: PushParts,
  repository: Repository,
  reference: Reference,
  { diffId }: PushLayer,
  progress: LayerProgress,
  signal: AbortSignal,
): Promise<{ blob: { digest: Digest; size: number } } | { session: { location: string } }> {
  const { records, log } = parts;
  const sameRegistry = records
    .of(diffId)
    .filter((record) => record.repository.startsWith(`${reference.domain}/`));
  for (const record of sameRegistry.filter(({ repository: name }) => name === reference.repository)) {
    const size = await repository.statBlob(record.digest, signal);
    if (size !== undefined) {
      progress.status('Layer already exists');
      return { blob: { digest: record.digest, size: record.size } };
    }
    records.forget(diffId, record);
  }
  const elsewhere = sameRegistry.filter(({ repository: name }) => name !== reference.repository);
  for (const record of elsewhere.slice(0, mountAttempts)) {
    const from = record.repository.slice(reference.domain.length + 1);
    try {
      const session = await repository.startUpload({ digest: record.digest, from }, signal);
      if (session !== undefined) return { session };
      progress.status(`Mounted from ${from}`);
      return { blob: { digest: record.digest, size: record.size } };
    } catch (error) {
      // We may push here and not read there: then it is sent.
      if (!(error instanceof RegistryError) || error.kind === 'transport') throw error;
      log.debug({ from, error: error.message }, 'blob not mounted');
    }
  }
  const session = await repository.startUpload(undefined, signal);
  if (session === undefined) throw new RegistryError('body', 'the registry started no upload');
  return { session };
}

async function pushLayer(
  parts: PushParts,
  repository: Repository,
  reference: Reference,
  layer: PushLayer,
  report: Report,
  signal: AbortSignal,
): Promise<Descriptor> {
  const { uploads, records, retry = defaultRetryPolicy } = parts;
  const progress = layerProgress(shortId(layer.diffId), report);
  const release = await uploads.acquire(signal, () => progress.status('Waiting'));
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const found = await findOrStart(parts, repository, reference, layer, progress, signal);
        let blob: { digest: Digest; size: number };
        if ('session' in found) {
          blob = await upload(parts, repository, layer, found.session, progress, signal);
          progress.status('Pushed');
        } else blob = found.blob;
        records.add(reference.repository, [layer.diffId], [blob]);
        return { mediaType: mediaTypes.dockerLayerGzip, digest: blob.digest, size: blob.size };
      } catch (error) {
        signal.throwIfAborted();
        if (!worthRetrying(error) || attempt >= retry.attempts) throw error;
        for (let left = attempt * 5; left > 0; left--) {
          progress.status(`Retrying in ${left} second${left === 1 ? '' : 's'}`);
          await delay(retry.unitMs, undefined, { signal });
        }
      }
    }
  } finally {
    release();
  }
}

async function pushConfig(repository: Repository, bytes: Buffer, signal: AbortSignal): Promise<Descriptor> {
  const descriptor = { mediaType: mediaTypes.dockerConfig, digest: digestOf(bytes), size: bytes.length };
  if ((await repository.statBlob(descriptor.digest, signal)) !== undefined) return descriptor;
  const session = await repository.startUpload(undefined, signal);
  if (session === undefined) throw new RegistryError('body', 'the registry started no upload');
  await repository.commit(session, descriptor.digest, bytes, signal);
  return descriptor;
}

async function pushTag(
  parts: PushParts,
  repository: Repository,
  reference: Reference & { tag: string },
  image: Image,
  request: PushRequest,
): Promise<void> {
  const { images, layers, content } = parts;
  const { report } = request;
  const controller = new AbortController();
  const signal = AbortSignal.any([request.signal, controller.signal]);
  const hold = images.hold(image.id);
  try {
    const config = await content.read(image.id);
    if (config === undefined) throw new DaemonError('system', `the configuration of ${image.id} is missing`);
    const diffIds = image.config.rootfs.diff_ids;
    const unique = new Map<Digest, PushLayer>();
    for (const [i, diffId] of diffIds.entries()) {
      const chainId = image.chain[i]!;
      if (!unique.has(diffId)) unique.set(diffId, { diffId, chainId, size: layers.find(chainId)?.size ?? 0 });
    }
    // As dockerd: the topmost layer first.
    const ordered = [...unique.values()].reverse();
    for (const { diffId } of ordered)
      report({ status: 'Preparing', progressDetail: {}, id: shortId(diffId) });
    const jobs = ordered.map(async (layer): Promise<[Digest, Descriptor]> => {
      return [layer.diffId, await pushLayer(parts, repository, reference, layer, report, signal)];
    });
    try {
      const blobs = new Map(await Promise.all(jobs));
      const manifest = makeManifest(
        await pushConfig(repository, config, signal),
        diffIds.map((diffId) => blobs.get(diffId)!),
      );
      await repository.putManifest(reference.tag, manifest, mediaTypes.dockerManifest);
      const digest = digestOf(manifest);
      report({ status: `${reference.tag}: digest: ${digest} size: ${manifest.length}` });
      await images.addDigest(image.id, reference.familiar, digest);
      report({ progressDetail: {}, aux: { Tag: reference.tag, Digest: digest, Size: manifest.length } });
    } catch (error) {
      controller.abort(error);
      await Promise.allSettled(jobs);
      throw error;
    }
  } finally {
    hold.release();
  }
}

/** Pushes one tag or all; errors are in dockerd's words. */
export async function push(parts: PushParts, request: PushRequest): Promise<void> {
  const { images, events } = parts;
  const { reference, auth, report, signal } = request;
  const { familiar, tag, digest, domain, path, repository: name } = reference;
  report({ status: `The push refers to repository [${name}]` });
  const tagged = images.list().flatMap((image) =>
    image.tags
      .map(parseReference)
      .filter((candidate) => candidate.repository === name)
      .map((candidate) => ({ image, reference: { ...candidate, tag: candidate.tag! } })),
  );
  if (tagged.length === 0)
    throw new DaemonError('system', `An image does not exist locally with the tag: ${familiar}`);
  if (digest !== undefined) throw new DaemonError('system', 'cannot push a digest reference');
  const wanted = tag === undefined ? tagged : tagged.filter((entry) => entry.reference.tag === tag);
  if (wanted.length === 0)
    throw new DaemonError('system', `tag does not exist: ${familiarString(reference)}`);
  try {
    const operation = { registry: domain, purpose: 'push' as const, auth, signal };
    await onRegistry(parts, operation, async (connection) => {
      const repository = openRepository(connection, path, 'pull,push');
      for (const entry of wanted.sort((a, b) => a.reference.tag.localeCompare(b.reference.tag)))
        await pushTag(parts, repository, entry.reference, entry.image, request);
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RegistryError)) throw error;
    // dockerd names the request for a pull, not for a push.
    const told = error.kind === 'credentials' && error.cause instanceof Error ? error.cause : error;
    throw new DaemonError('system', told.message, { cause: error });
  }
  const labels = wanted[0]!.image.config.config?.Labels ?? {};
  events.publish('image', 'push', {
    ID: familiarString(reference),
    Attributes: { ...labels, name: familiar },
  });
}
