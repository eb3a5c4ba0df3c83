/**
 * Images on their way: pull, import, push, load, search, a look at a registry.
 *
 * In: calls. Out: calls into images, progress messages. May import: http, images.
 */
import { DaemonError } from '../../errors.js';
import type { Call, Route } from '../../http/route.js';
import { parsePlatform } from '../../images/documents/platform.js';
import {
  familiarString,
  isDigest,
  parseReference,
  type Reference,
} from '../../images/documents/reference.js';
import { download } from '../../images/download.js';
import { counted, layerProgress } from '../../images/registry/transfers/progress.js';
import type { ImageTransfer } from '../../images/transfer.js';
import type { ImageRunConfig, RegistryAuth } from '../../images/types.js';
import { jsonPlatform, repoTagReference } from './images.js';

export interface ImageTransferDeps {
  transfer: ImageTransfer;
  /** Dockerfile instructions of `--change` applied to a configuration. Throws invalid. */
  applyChanges(config: ImageRunConfig, changes: readonly string[]): Promise<ImageRunConfig>;
}

const since = { importPlatform: 32, pushPlatform: 46, loadPlatform: 48 };

/** `X-Registry-Auth`; what cannot be read is no credentials, as in dockerd. */
export function registryAuth(call: Call): RegistryAuth | undefined {
  const header = call.headers['x-registry-auth'];
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    if (typeof value !== 'object' || value === null) return undefined;
    const entries = Object.entries(value).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    return Object.fromEntries(entries);
  } catch {
    return undefined;
  }
}

/** What `fromImage` and `tag` name; the tag may be a digest. */
function pullReference(call: Call): Reference {
  const name = parseReference(call.query.get('fromImage')!.replace(/:$/, ''));
  const tag = call.query.get('tag') ?? '';
  if (tag === '') return name;
  const text = isDigest(tag) ? `${name.familiar}@${tag}` : `${name.familiar}:${tag}`;
  try {
    return parseReference(text);
  } catch {
    throw new DaemonError('invalid', tag.includes(':') ? 'invalid digest format' : 'invalid tag format');
  }
}

/** Runs `work` with the call's progress stream; errors end it as a message, or as a status when nothing was sent. */
async function withProgress(
  call: Call,
  work: (progress: ReturnType<Call['progress']>) => Promise<void>,
): Promise<void> {
  const progress = call.progress();
  // Asked for while the connection is surely there.
  const { signal } = call;
  try {
    await work(progress);
    progress.end();
  } catch (error) {
    if (signal.aborted) call.response.destroy();
    else progress.fail(error);
  }
}

export function imageTransferRoutes({ transfer, applyChanges }: ImageTransferDeps): Route[] {
  async function importFrom(call: Call): Promise<void> {
    const { query, signal } = call;
    const source = query.get('fromSrc') ?? '';
    const reference = repoTagReference(query.get('repo') ?? '', query.get('tag') ?? '');
    const platformText = query.get('platform') ?? '';
    const platform =
      call.version >= since.importPlatform && platformText !== '' ? parsePlatform(platformText) : undefined;
    const config = await applyChanges({}, query.getAll('changes'));
    await withProgress(call, async (progress) => {
      let input = call.input;
      if (source !== '-') {
        const url = source.includes('://') ? source : `http://${source}`;
        if (!URL.canParse(url)) throw new DaemonError('invalid', `parse ${JSON.stringify(url)}: invalid URL`);
        const { body, length = 0 } = await download(url, signal);
        progress.write({ status: `Downloading from ${url}` });
        const shown = layerProgress('', (message) => progress.write(message));
        input = counted(body, (current) => shown.bytes('Importing', current, length));
      }
      const image = await transfer.import({
        input,
        reference: reference === undefined ? undefined : familiarString(reference),
        platform,
        message: query.get('message') || `Imported from ${source}`,
        config,
      });
      progress.write({ status: image.id });
    });
  }

  async function pull(call: Call): Promise<void> {
    const reference = pullReference(call);
    const text = call.query.get('platform') ?? '';
    const platform = call.version >= since.importPlatform && text !== '' ? parsePlatform(text) : undefined;
    const { signal } = call;
    await withProgress(call, (progress) =>
      transfer.pull({
        reference,
        platform,
        auth: registryAuth(call),
        report: (message) => progress.write(message),
        signal,
      }),
    );
  }

  async function push(call: Call): Promise<void> {
    const { signal, query } = call;
    const tag = query.get('tag') ?? '';
    const name = call.params.name!;
    const reference = tag === '' ? parseReference(name) : repoTagReference(name, tag)!;
    if (call.version >= since.pushPlatform) jsonPlatform(query.get('platform'));
    await withProgress(call, (progress) =>
      transfer.push({
        reference,
        auth: registryAuth(call),
        report: (message) => progress.write(message),
        signal,
      }),
    );
  }

  async function load(call: Call): Promise<void> {
    const platform =
      call.version >= since.loadPlatform ? jsonPlatform(call.query.get('platform')) : undefined;
    await withProgress(call, async (progress) => {
      // dockerd has answered 200 before it reads: what goes wrong is a message.
      call.stream(200, 'application/json');
      await transfer.load({
        input: call.input,
        quiet: call.flag('quiet', true),
        platform,
        report: (message) => progress.write(message),
      });
    });
  }

  async function search(call: Call): Promise<void> {
    const limit = call.query.get('limit') ?? '';
    if (limit !== '' && !/^\d{1,9}$/.test(limit))
      throw new DaemonError(
        'invalid',
        /^-\d+$/.test(limit)
          ? 'invalid limit specified'
          : `invalid limit specified: strconv.Atoi: parsing ${JSON.stringify(limit)}: invalid syntax`,
      );
    const results = await transfer.search({
      term: call.query.get('term') ?? '',
      limit: Number(limit),
      filters: call.filters(),
      auth: registryAuth(call),
      signal: call.signal,
    });
    call.json(200, results);
  }

  async function distribution(call: Call): Promise<void> {
    const name = call.params.name!;
    if (isDigest(name)) throw new DaemonError('system', 'no manifest found for full image ID');
    call.json(200, await transfer.inspect(parseReference(name), registryAuth(call), call.signal));
  }

  return [
    {
      method: 'POST',
      path: '/images/create',
      handler: (call) => (call.query.get('fromImage') ? pull(call) : importFrom(call)),
    },
    { method: 'POST', path: '/images/load', handler: load },
    { method: 'GET', path: '/images/search', handler: search },
    { method: 'POST', path: '/images/*name/push', handler: push },
    { method: 'GET', path: '/distribution/*name/json', since: 30, handler: distribution },
  ];
}
