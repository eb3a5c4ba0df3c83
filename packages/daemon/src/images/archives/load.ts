/**
 * `docker load`: images out of an archive, as `docker save` writes it (v1.2 on) or as an OCI image layout.
 *
 * In: the archive. Out: images with their names, progress messages. May import: archive, the files beside.
 */
import type { Readable } from 'node:stream';
import { decompress } from '../../archive/decompress.js';
import { DaemonError } from '../../errors.js';
import type { EventSink } from '../../events/types.js';
import type { ProgressMessage } from '../../protocol/progress.js';
import { configLimitBytes, parseImageConfig } from '../documents/image-config.js';
import {
  checkImage,
  digestOf,
  isDigest,
  manifestLimitBytes,
  parseManifest,
  selectManifests,
} from '../documents/manifest.js';
import { formatPlatform, hostPlatform, platformRank } from '../documents/platform.js';
import { parseReference } from '../documents/reference.js';
import { chainOf } from '../layers/chain-id.js';
import { RegistryError } from '../registry/client/errors.js';
import { counted, layerProgress, shortId } from '../registry/transfers/progress.js';
import type { Digest, Hold, Image, Images, Layers, Platform, PreparedLayer } from '../types.js';
import { withHolds } from '../with-holds.js';
import { type Spool, spoolArchive } from './spool.js';

export interface LoadParts {
  images: Images;
  layers: Layers;
  events: EventSink;
  /** `layout.temporary`. */
  temporary: string;
}

export interface LoadRequest {
  input: Readable;
  quiet: boolean;
  platform: Platform | undefined;
  report(message: ProgressMessage): void;
}

/** One image of an archive, whatever its form. */
interface Loadable {
  config: Buffer;
  /** Names in the archive, lowest first. */
  layers: string[];
  references: string[];
  parent?: Digest;
}

/** How many layers are unpacked at a time: more than the machine's usual cores gains nothing. */
const parallelLayers = 3;

const blobName = (digest: Digest): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;

const invalid = (message: string): DaemonError => new DaemonError('invalid', message);

async function parseJson(spool: Spool, name: string): Promise<unknown> {
  const bytes = await spool.read(name, manifestLimitBytes);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new DaemonError(
      'invalid',
      `invalid archive: failed to decode ${name}: ${(cause as Error).message}`,
    );
  }
}

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];

/** `manifest.json` of docker save. */
async function dockerImages(spool: Spool, manifest: unknown): Promise<Loadable[]> {
  if (manifest === null) throw invalid('invalid manifest, manifest cannot be null (but can be [])');
  if (!Array.isArray(manifest)) throw invalid('invalid archive: failed to decode manifest.json');
  return Promise.all(
    manifest.map(async (entry: unknown) => {
      const item = Object(entry) as Record<string, unknown>;
      if (typeof item.Config !== 'string') throw invalid('invalid archive: manifest.json names no config');
      const config = await spool.read(item.Config, configLimitBytes);
      if (config === undefined)
        throw invalid(`invalid archive: open ${item.Config}: no such file or directory`);
      return {
        config,
        layers: strings(item.Layers),
        references: strings(item.RepoTags),
        ...(isDigest(item.Parent) && { parent: item.Parent }),
      };
    }),
  );
}

/** A name that containerd or skopeo wrote beside a manifest; a bare tag names nothing by itself. */
function referencesOf(annotations: Readonly<Record<string, string>> | undefined): string[] {
  const full = annotations?.['io.containerd.image.name'];
  if (full !== undefined) return [full];
  const name = annotations?.['org.opencontainers.image.ref.name'];
  return name !== undefined && /[:/]/.test(name) ? [name] : [];
}

/** `index.json` of an OCI image layout. */
async function ociImages(spool: Spool, wanted: Platform): Promise<Loadable[]> {
  const read = async (digest: Digest, limitBytes: number): Promise<Buffer> => {
    const bytes = await spool.read(blobName(digest), limitBytes);
    if (bytes === undefined) throw invalid(`invalid archive: content ${digest} is missing`);
    if (digestOf(bytes) !== digest)
      throw invalid(`invalid archive: content ${digest} does not match its digest`);
    return bytes;
  };
  const indexBytes = (await spool.read('index.json', manifestLimitBytes))!;
  const index = parseManifest(indexBytes, '', 'archive');
  if (index.kind !== 'index') throw invalid('invalid archive: index.json is not an index');
  const found: Loadable[] = [];
  for (const descriptor of index.manifests) {
    let manifest = parseManifest(
      await read(descriptor.digest, manifestLimitBytes),
      descriptor.mediaType,
      'archive',
    );
    if (manifest.kind === 'index') {
      const best = selectManifests(manifest, wanted)[0];
      if (best === undefined) continue;
      manifest = parseManifest(await read(best.digest, manifestLimitBytes), best.mediaType, 'archive');
    }
    if (manifest.kind !== 'image') continue;
    checkImage(manifest);
    const config = await read(manifest.config.digest, configLimitBytes);
    const layers = manifest.layers.map(({ digest }) => blobName(digest));
    const same = found.find((image) => image.config.equals(config));
    const references = referencesOf(descriptor.annotations);
    if (same !== undefined) same.references.push(...references);
    else found.push({ config, layers, references });
  }
  return found;
}

async function readArchive(spool: Spool, wanted: Platform): Promise<Loadable[]> {
  const manifest = await parseJson(spool, 'manifest.json');
  if (manifest !== undefined) return dockerImages(spool, manifest);
  if (spool.has('index.json')) return ociImages(spool, wanted);
  throw invalid('invalid archive: does not contain a manifest.json');
}

/** Unpacks what is missing, some at a time, and puts it in place lowest first; `holds` gets a hold on all of it. */
async function loadLayers(
  { layers, images }: LoadParts,
  spool: Spool,
  names: readonly string[],
  diffIds: readonly Digest[],
  request: LoadRequest,
  holds: Hold[],
): Promise<void> {
  const chain = chainOf(diffIds);
  const known = chain.findIndex((chainId) => layers.find(chainId) === undefined);
  const start = known === -1 ? chain.length : known;
  // What others have may lose them meanwhile.
  if (start > 0) holds.push(layers.hold(chain[start - 1]!));
  const prepare = async (i: number): Promise<PreparedLayer> => {
    const name = names[i]!;
    const total = await spool.size(name);
    const progress = layerProgress(shortId(diffIds[i]!), request.quiet ? () => {} : request.report);
    const source = counted(spool.stream(name), (current) => progress.bytes('Loading layer', current, total));
    const layer = await layers.prepare(await decompress(source));
    if (layer.diffId === diffIds[i]) return layer;
    await layer.discard();
    throw invalid(`invalid diffID for layer ${i}: expected "${diffIds[i]}", got "${layer.diffId}"`);
  };
  const prepared: (Promise<PreparedLayer> | undefined)[] = [];
  try {
    for (let i = start; i < chain.length; i++) {
      for (let ahead = i; ahead < Math.min(i + parallelLayers, chain.length); ahead++) {
        const started = prepared[ahead] ?? prepare(ahead);
        started.catch(() => {});
        prepared[ahead] = started;
      }
      await (await prepared[i]!).commit(chain[i - 1]);
    }
  } catch (error) {
    const settled = await Promise.allSettled(prepared);
    for (const one of settled) if (one.status === 'fulfilled') await one.value?.discard();
    await images.abandon(chain);
    throw error;
  }
}

async function loadImage(
  parts: LoadParts,
  spool: Spool,
  found: Loadable,
  request: LoadRequest,
  holds: Hold[],
): Promise<Image> {
  const { images, events } = parts;
  const { report } = request;
  const config = parseImageConfig(found.config);
  if (config.os !== 'linux') throw invalid(`cannot load ${config.os} image on linux`);
  const diffIds = config.rootfs.diff_ids;
  if (found.layers.length !== diffIds.length)
    throw invalid(
      `invalid manifest, layers length mismatch: expected ${found.layers.length}, got ${diffIds.length}`,
    );
  await loadLayers(parts, spool, found.layers, diffIds, request, holds);
  const parent =
    found.parent !== undefined && images.find(found.parent) !== undefined ? found.parent : undefined;
  const image = await images.add(config, {
    holds,
    configBytes: found.config,
    ...(parent !== undefined && { parent }),
  });
  for (const text of found.references) {
    const reference = parseReference(text);
    if (reference.tag === undefined) throw invalid(`invalid tag ${JSON.stringify(text)}`);
    const shown = `${reference.familiar}:${reference.tag}`;
    const before = images.find(shown)?.id;
    if (before !== undefined && before !== image.id)
      report({
        stream: `The image ${shown} already exists, renaming the old one with ID ${before} to empty string\n`,
      });
    await images.tag(image.id, shown, { quiet: true });
    report({ stream: `Loaded image: ${shown}\n` });
  }
  const labels = config.config?.Labels ?? {};
  events.publish('image', 'load', { ID: image.id, Attributes: { ...labels, name: image.id } });
  return image;
}

/** Loads every image of the archive that suits the platform. */
export async function loadImages(parts: LoadParts, request: LoadRequest): Promise<void> {
  const { platform, report } = request;
  const spool = await spoolArchive(request.input, parts.temporary);
  try {
    let named = 0;
    let loaded = 0;
    let ids = '';
    for (const found of await readArchive(spool, platform ?? hostPlatform)) {
      if (platform !== undefined && platformRank(parseImageConfig(found.config), platform) === undefined)
        continue;
      const image = await withHolds((holds) => loadImage(parts, spool, found, request, holds));
      loaded++;
      named += found.references.length;
      ids += `Loaded image ID: ${image.id}\n`;
    }
    if (loaded === 0 && platform !== undefined)
      throw new DaemonError(
        'notFound',
        `image with the specified platform (${formatPlatform(platform)}) was not found in the archive`,
      );
    if (named === 0) report({ stream: ids });
  } catch (error) {
    throw error instanceof RegistryError ? invalid(error.message) : error;
  } finally {
    await spool.remove();
  }
}
