/**
 * `docker save`: images as an archive that is both Docker's (manifest.json) and an OCI image layout (index.json).
 *
 * In: names of images. Out: the archive, as dockerd 25 and later write it. May import: archive, the files beside.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { endOfArchive, formatEntry, zeros } from '../../archive/create.js';
import { typeFlags } from '../../archive/header.js';
import { DaemonError } from '../../errors.js';
import type { EventSink } from '../../events/types.js';
import { digestOf, mediaTypes } from '../documents/manifest.js';
import { formatPlatform, platformRank } from '../documents/platform.js';
import { familiarString, fullString, parseReference, withDefaultTag } from '../documents/reference.js';
import type { Content, Descriptor, Digest, Image, Images, Layers, Platform } from '../types.js';

export interface SaveParts {
  images: Images;
  layers: Layers;
  content: Content;
  events: EventSink;
  /** `layout.temporary`. */
  temporary: string;
}

/** An image and the tags it is saved under. */
interface Selected {
  image: Image;
  /** Familiar forms. */
  tags: string[];
}

const readBytes = 256 * 1024;
const imageIdPattern = /^(?:sha256:)?[0-9a-f]{64}$/;

/** By name, tag, digest or ID; a name without a tag means all its tags, as in dockerd. Throws notFound. */
export function selectImages(
  images: Images,
  names: readonly string[],
  platform: Platform | undefined,
): Selected[] {
  const selected = new Map<Digest, Selected>();
  const add = (image: Image, tags: readonly string[]): void => {
    if (platform !== undefined && platformRank(image.config, platform) === undefined)
      throw new DaemonError(
        'notFound',
        `no suitable export target found for platform ${formatPlatform(platform)}`,
      );
    const entry = selected.get(image.id) ?? { image, tags: [] };
    for (const tag of tags) if (!entry.tags.includes(tag)) entry.tags.push(tag);
    selected.set(image.id, entry);
  };
  for (const name of names) {
    if (imageIdPattern.test(name)) {
      add(images.get(name), []);
      continue;
    }
    const reference = parseReference(name);
    if (reference.tag !== undefined || reference.digest !== undefined) {
      const image = images.find(name);
      if (image === undefined) throw new DaemonError('notFound', 'reference does not exist');
      add(image, reference.digest === undefined ? [familiarString(reference)] : []);
      continue;
    }
    const tagged = images
      .list()
      .flatMap((image) =>
        image.tags
          .filter((tag) => parseReference(tag).repository === reference.repository)
          .map((tag) => ({ image, tag })),
      );
    for (const { image, tag } of tagged) add(image, [tag]);
    if (tagged.length > 0) continue;
    // A short ID, or nothing.
    const image = images.find(name);
    if (image === undefined) throw new DaemonError('notFound', `No such image: ${name}`);
    add(image, []);
  }
  return [...selected.values()];
}

const blobPath = (digest: Digest): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;

const header = (name: string, size: number, modifiedNs: bigint): Buffer =>
  formatEntry({
    name,
    mode: name.endsWith('/') ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size,
    modifiedNs,
    type: name.endsWith('/') ? typeFlags.directory : typeFlags.file,
    linkName: '',
    deviceMajor: 0,
    deviceMinor: 0,
  });

function* file(name: string, bytes: Buffer, modifiedNs = 0n): Generator<Buffer> {
  yield header(name, bytes.length, modifiedNs);
  yield bytes;
  yield zeros(bytes.length);
}

const createdNs = (image: Image): bigint => {
  const ms = Date.parse(image.config.created ?? '');
  return Number.isFinite(ms) && ms > 0 ? BigInt(ms) * 1_000_000n : 0n;
};

async function* entries(
  { layers, content, events }: SaveParts,
  selected: readonly Selected[],
  scratch: string,
): AsyncGenerator<Buffer> {
  const written = new Set<Digest>();
  const sizes = new Map<Digest, number>();
  const manifest: object[] = [];
  const descriptors: object[] = [];
  const repositories: Record<string, Record<string, string>> = {};

  /** The size is in the header before the content: one layer at a time waits on disk. */
  async function* layer(chainId: Digest, diffId: Digest, modifiedNs: bigint): AsyncGenerator<Buffer> {
    const path = join(scratch, 'layer.tar');
    const hash = createHash('sha256');
    let size = 0;
    await pipeline(
      await layers.tar(chainId),
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          hash.update(chunk);
          size += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(path),
    );
    if (`sha256:${hash.digest('hex')}` !== diffId)
      throw new DaemonError('system', `layer ${diffId} does not match its digest`);
    sizes.set(diffId, size);
    yield header(blobPath(diffId), size, modifiedNs);
    yield* createReadStream(path, { highWaterMark: readBytes }) as AsyncIterable<Buffer>;
    yield zeros(size);
  }

  function* document(bytes: Buffer, modifiedNs: bigint): Generator<Buffer> {
    const digest = digestOf(bytes);
    if (written.has(digest)) return;
    written.add(digest);
    yield* file(blobPath(digest), bytes, modifiedNs);
  }

  yield header('blobs/', 0, 0n);
  yield header('blobs/sha256/', 0, 0n);
  for (const { image, tags } of selected) {
    const modifiedNs = createdNs(image);
    const config = await content.read(image.id);
    if (config === undefined) throw new DaemonError('system', `the configuration of ${image.id} is missing`);
    const diffIds = image.config.rootfs.diff_ids;
    for (const [i, diffId] of diffIds.entries()) {
      if (written.has(diffId)) continue;
      written.add(diffId);
      yield* layer(image.chain[i]!, diffId, modifiedNs);
    }
    yield* document(config, modifiedNs);
    const sources = diffIds.map(
      (digest): Descriptor => ({ mediaType: mediaTypes.ociLayer, digest, size: sizes.get(digest)! }),
    );
    const oci = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: { mediaType: mediaTypes.ociConfig, digest: image.id, size: config.length },
        layers: sources,
      }),
    );
    yield* document(oci, 0n);
    const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(oci), size: oci.length };
    if (tags.length === 0) descriptors.push(descriptor);
    for (const text of tags) {
      const reference = withDefaultTag(parseReference(text));
      descriptors.push({
        ...descriptor,
        annotations: {
          'io.containerd.image.name': fullString(reference),
          'org.opencontainers.image.ref.name': reference.tag!,
        },
      });
      const top = diffIds.at(-1)?.slice('sha256:'.length) ?? '';
      const named = repositories[reference.familiar] ?? {};
      repositories[reference.familiar] = { ...named, [reference.tag!]: top };
    }
    manifest.push({
      Config: blobPath(image.id),
      RepoTags: tags.length === 0 ? null : tags,
      Layers: diffIds.map(blobPath),
      ...(image.parent !== undefined &&
        selected.some((other) => other.image.id === image.parent) && { Parent: image.parent }),
      LayerSources: Object.fromEntries(sources.map((source) => [source.digest, source])),
    });
    const labels = image.config.config?.Labels ?? {};
    events.publish('image', 'save', { ID: image.id, Attributes: { ...labels, name: image.id } });
  }
  const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: descriptors };
  yield* file('index.json', Buffer.from(JSON.stringify(index)));
  yield* file('manifest.json', json(manifest));
  yield* file('oci-layout', Buffer.from('{"imageLayoutVersion": "1.0.0"}'));
  if (Object.keys(repositories).length > 0) yield* file('repositories', json(repositories));
  yield endOfArchive;
}

/** The archive's bytes. Names that do not exist throw before the first byte. */
export function saveImages(parts: SaveParts, names: readonly string[], platform?: Platform): Readable {
  const selected = selectImages(parts.images, names, platform);
  async function* archive(): AsyncGenerator<Buffer> {
    const holds = selected.map(({ image }) => parts.images.hold(image.id));
    const scratch = await mkdtemp(join(parts.temporary, 'save-'));
    try {
      yield* entries(parts, selected, scratch);
    } finally {
      for (const hold of holds) hold.release();
      await rm(scratch, { recursive: true, force: true });
    }
  }
  return Readable.from(archive(), { objectMode: false });
}
