/**
 * Images that are here: list, inspect, history, tag, remove, prune, save.
 *
 * In: calls. Out: calls into images. May import: http, images.
 */
import { pipeline } from 'node:stream/promises';
import { DaemonError } from '../../errors.js';
import type { EventSink } from '../../events/types.js';
import type { ApiVersion, Call, Route } from '../../http/route.js';
import { saveImages } from '../../images/archives/save.js';
import { formatPlatform, parsePlatform, platformRank } from '../../images/documents/platform.js';
import {
  familiarString,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../../images/documents/reference.js';
import {
  describeHistory,
  describeImage,
  type ImageSummary,
  sharedSizes,
  summarize,
} from '../../images/list/describe.js';
import { intermediateAmong, pruneRules, selectForList } from '../../images/list/select.js';
import type { Content, Digest, Image, Images, Layers, Platform } from '../../images/types.js';

export interface ImageRouteDeps {
  images: Images;
  layers: Layers;
  content: Content;
  events: EventSink;
  /** `layout.temporary`. */
  temporary: string;
  /** Containers that use an image. */
  users(id: Digest): readonly { id: string; running: boolean }[];
}

/** Versions that have a parameter (API version history). */
const since = { sharedSize: 42, platform: 48, inspectPlatform: 49, containerCount: 51 };

/** `repo` and `tag` of a query (httputils.RepoTagReference); undefined without `repo`. */
export function repoTagReference(repo: string, tag: string): Reference | undefined {
  if (repo === '') return undefined;
  const reference = parseReference(repo);
  if (reference.digest !== undefined) throw new DaemonError('invalid', 'cannot import digest reference');
  if (tag === '') return withDefaultTag(reference);
  try {
    return parseReference(`${reference.familiar}:${tag}`);
  } catch {
    throw new DaemonError('invalid', 'invalid tag format');
  }
}

/** API: a platform as JSON (`{"os":"linux","architecture":"arm64"}`). */
export function jsonPlatform(text: string | null): Platform | undefined {
  if (text === null || text === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DaemonError('invalid', 'failed to parse platform', { cause });
  }
  const { os, architecture, variant } = Object(value) as Record<string, unknown>;
  if (typeof os !== 'string' || os === '' || typeof architecture !== 'string' || architecture === '')
    throw new DaemonError('invalid', 'both OS and Architecture must be provided');
  return parsePlatform(
    [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/'),
  );
}

const checkPlatform = (image: Image, name: string, platform: Platform | undefined): Image => {
  if (platform !== undefined && platformRank(image.config, platform) === undefined)
    throw new DaemonError(
      'notFound',
      `image with reference ${name} was found but its platform (${formatPlatform(image.config)}) does not match the specified platform (${formatPlatform(platform)})`,
    );
  return image;
};

/** Images as `GET /system/df` lists them. */
export function imageUsage(
  images: readonly Image[],
  layers: Pick<Layers, 'find'>,
  users: ImageRouteDeps['users'],
  version: ApiVersion,
): ImageSummary[] {
  const shared = sharedSizes(images, layers);
  const isIntermediate = intermediateAmong(images);
  const listed = images.filter((image) => !isIntermediate(image));
  return listed.map((image) =>
    summarize(image, { containers: users(image.id).length, sharedSize: shared.get(image.id)! }, version),
  );
}

export function imageRoutes(deps: ImageRouteDeps): Route[] {
  const { images, layers, content, events, temporary, users } = deps;

  const get = (call: Call, platformSince: number): Image => {
    const name = call.params.name!;
    const platform = call.version >= platformSince ? jsonPlatform(call.query.get('platform')) : undefined;
    return checkPlatform(images.get(name), name, platform);
  };

  async function list(call: Call): Promise<void> {
    const filters = new Map(call.filters());
    const legacy = call.query.get('filter');
    if (call.version < 25 && legacy !== null && legacy !== '' && !filters.has('reference'))
      filters.set('reference', [legacy]);
    const all = images.list();
    const selected = selectForList(all, {
      filters,
      all: call.flag('all'),
      nowMs: Date.now(),
      get: (name) => images.get(name),
    });
    const shared =
      call.version >= since.sharedSize && call.flag('shared-size') ? sharedSizes(all, layers) : undefined;
    const summaries = selected.map((image) =>
      summarize(
        image,
        {
          containers: call.version >= since.containerCount ? users(image.id).length : -1,
          sharedSize: shared?.get(image.id) ?? -1,
        },
        call.version,
      ),
    );
    call.json(200, summaries);
  }

  async function inspect(call: Call): Promise<void> {
    const manifests = call.version >= since.platform && call.flag('manifests');
    if (manifests && call.query.get('platform'))
      throw new DaemonError(
        'invalid',
        'conflicting options: manifests and platform options cannot both be set',
      );
    const image = get(call, since.inspectPlatform);
    const top = image.chain.at(-1);
    call.json(200, describeImage(image, call.version, top === undefined ? null : layers.layerData(top)));
  }

  async function history(call: Call): Promise<void> {
    call.json(
      200,
      describeHistory(get(call, since.platform), layers, (id) => images.find(id)),
    );
  }

  async function tag(call: Call): Promise<void> {
    const reference = repoTagReference(call.query.get('repo') ?? '', call.query.get('tag') ?? '');
    if (reference === undefined) throw new DaemonError('invalid', 'invalid reference format');
    if (reference.familiar === 'sha256')
      throw new DaemonError('invalid', 'refusing to create an ambiguous tag using digest algorithm as name');
    const image = images.get(call.params.name!);
    await images.tag(image.id, familiarString(reference));
    call.empty(201);
  }

  async function remove(call: Call): Promise<void> {
    const name = call.params.name!;
    if (name.trim() === '') throw new DaemonError('invalid', 'image name cannot be blank');
    const options = { force: call.flag('force'), pruneParents: !call.flag('noprune'), users };
    call.json(200, await images.remove(name, options));
  }

  let pruning = false;
  async function prune(call: Call): Promise<void> {
    if (pruning) throw new DaemonError('conflict', 'a prune operation is already running');
    pruning = true;
    try {
      const rules = pruneRules(call.filters(), Date.now(), (id) => users(id).length > 0);
      const { removed, bytes } = await images.prune(rules);
      events.publish('image', 'prune', { ID: '', Attributes: { reclaimed: String(bytes) } });
      call.json(200, { ImagesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: bytes });
    } finally {
      pruning = false;
    }
  }

  async function save(call: Call, names: readonly string[]): Promise<void> {
    const platform = call.version >= since.platform ? jsonPlatform(call.query.get('platform')) : undefined;
    const { signal } = call;
    const archive = saveImages({ images, layers, content, events, temporary }, names, platform);
    try {
      await pipeline(archive, call.stream(200, 'application/x-tar'));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  return [
    { method: 'GET', path: '/images/json', handler: list },
    { method: 'POST', path: '/images/prune', since: 25, handler: prune },
    {
      method: 'GET',
      path: '/images/get',
      handler: (call) => save(call, call.query.getAll('names')),
    },
    { method: 'GET', path: '/images/*name/get', handler: (call) => save(call, [call.params.name!]) },
    { method: 'GET', path: '/images/*name/json', handler: inspect },
    { method: 'GET', path: '/images/*name/history', handler: history },
    { method: 'POST', path: '/images/*name/tag', handler: tag },
    { method: 'DELETE', path: '/images/*name', handler: remove },
  ];
}
