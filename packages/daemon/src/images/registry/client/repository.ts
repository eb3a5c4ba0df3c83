/**
 * One repository at one endpoint: the calls of the OCI distribution spec v1.1.
 *
 * In: tags, digests, bytes. Out: verified manifests and configs, blob streams, uploads. May import: files beside.
 */
import type { Readable } from 'node:stream';
import { acceptedManifests, digestOf, isDigest, manifestLimitBytes } from '../../documents/manifest.js';
import type { Descriptor, Digest } from '../../types.js';
import { type Connection, type RegistryResponse, readBody } from './connection.js';
import { RegistryError } from './errors.js';

export interface FetchedManifest {
  bytes: Buffer;
  digest: Digest;
  /** Content-Type of the answer. */
  mediaType: string;
}

export interface Upload {
  /** Where the next request goes. */
  readonly location: string;
}

export interface Repository {
  readonly path: string;
  /** See Connection. */
  retain(): () => void;
  /** By tag or digest; verified when by digest. */
  manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest>;
  /** What a tag points at; undefined size when the registry does not say. */
  resolve(tag: string, signal?: AbortSignal): Promise<{ digest: Digest; mediaType: string; size: number }>;
  putManifest(reference: string, bytes: Uint8Array, mediaType: string): Promise<void>;
  /** From `offset` on: `resumed` tells whether the registry kept to it. */
  blob(
    digest: Digest,
    offset: number,
    signal: AbortSignal,
  ): Promise<{ body: Readable; resumed: boolean; length: number | undefined }>;
  /** A small blob, whole and verified. */
  smallBlob(descriptor: Descriptor, limitBytes: number, signal?: AbortSignal): Promise<Buffer>;
  /** Its size, or undefined when it does not exist. */
  statBlob(digest: Digest, signal?: AbortSignal): Promise<number | undefined>;
  /** Starts an upload, or mounts the blob from another repository of the registry: then `undefined`. */
  startUpload(
    mount: { digest: Digest; from: string } | undefined,
    signal?: AbortSignal,
  ): Promise<Upload | undefined>;
  /** Sends the bytes and returns where to continue. */
  append(upload: Upload, body: Readable, signal?: AbortSignal): Promise<Upload>;
  /** Ends the upload; with `bytes` the whole blob is in this request. */
  commit(upload: Upload, digest: Digest, bytes?: Uint8Array, signal?: AbortSignal): Promise<void>;
  cancel(upload: Upload): Promise<void>;
  tags(signal?: AbortSignal): Promise<string[]>;
}

/** Pages of a tag list or catalog that are followed. */
const pageLimit = 1000;

const header = (response: RegistryResponse, name: string): string | undefined => {
  const value = response.headers[name];
  return typeof value === 'string' ? value : value?.[0];
};

const lengthOf = (response: RegistryResponse): number | undefined => {
  const value = header(response, 'content-length');
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
};

/** Follows `Link: <…>; rel="next"` and collects a list of strings under `key` of each page. */
export async function collectPages(
  connection: Connection,
  start: string,
  key: string,
  scopes: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  const all: string[] = [];
  let url: string | undefined = start;
  for (let page = 0; url !== undefined; page++) {
    const response = await connection.request({ method: 'GET', url, scopes, signal });
    const bytes = await readBody(response.body);
    let list: unknown;
    try {
      list = (Object(JSON.parse(bytes.toString())) as Record<string, unknown>)[key];
    } catch (cause) {
      throw new RegistryError('body', `invalid ${key} list`, undefined, response.status, { cause });
    }
    for (const entry of Array.isArray(list) ? list : []) if (typeof entry === 'string') all.push(entry);
    const next = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(header(response, 'link') ?? '')?.[1];
    url =
      next === undefined || page >= pageLimit || !URL.canParse(next, response.url)
        ? undefined
        : new URL(next, response.url).href;
  }
  return all;
}

/** `path` is the repository's name below its registry; `actions` what tokens are asked for. */
export function openRepository(
  connection: Connection,
  path: string,
  actions: 'pull' | 'pull,push',
): Repository {
  const scopes = [`repository:${path}:${actions}`];
  const base = `/v2/${path}`;
  const accept = { accept: acceptedManifests };

  const locationOf = (response: RegistryResponse): Upload => {
    const location = header(response, 'location');
    if (location === undefined || !URL.canParse(location, response.url))
      throw new RegistryError('body', 'the registry gave no upload location');
    return { location: new URL(location, response.url).href };
  };

  const repository: Repository = {
    path,
    retain: connection.retain,

    async manifest(reference, signal) {
      const response = await connection.request({
        method: 'GET',
        url: `${base}/manifests/${reference}`,
        headers: accept,
        scopes,
        signal,
      });
      const bytes = await readBody(response.body, manifestLimitBytes);
      const digest = digestOf(bytes);
      if (isDigest(reference) && digest !== reference)
        throw new RegistryError('content', `manifest verification failed for digest ${reference}`);
      return { bytes, digest, mediaType: header(response, 'content-type') ?? '' };
    },

    async resolve(tag, signal) {
      const request = { url: `${base}/manifests/${tag}`, headers: accept, scopes, signal };
      const head = await connection.request({
        ...request,
        method: 'HEAD',
        accept: [400, 401, 403, 404, 405, 429, 500, 501, 502, 503],
      });
      head.body.resume();
      const digest = header(head, 'docker-content-digest');
      if (head.status < 400 && isDigest(digest))
        return { digest, mediaType: header(head, 'content-type') ?? '', size: lengthOf(head) ?? 0 };
      // An error has no body in an answer to HEAD, and some registries do not know it: ask for all of it.
      const full = await repository.manifest(tag, signal);
      return { digest: full.digest, mediaType: full.mediaType, size: full.bytes.length };
    },

    async putManifest(reference, bytes, mediaType) {
      const response = await connection.request({
        method: 'PUT',
        url: `${base}/manifests/${reference}`,
        headers: { 'content-type': mediaType },
        body: bytes,
        scopes,
      });
      response.body.resume();
    },

    async blob(digest, offset, signal) {
      const response = await connection.request({
        method: 'GET',
        url: `${base}/blobs/${digest}`,
        headers: { 'accept-encoding': 'identity', ...(offset > 0 && { range: `bytes=${offset}-` }) },
        scopes,
        signal,
        accept: [416],
      });
      const range = /^bytes (\d+)-/.exec(header(response, 'content-range') ?? '')?.[1];
      const resumed = response.status === 206 && Number(range) === offset;
      if ((response.status === 206 && !resumed) || response.status === 416) {
        response.body.destroy();
        throw new RegistryError('status', 'expected byte range starting at the offset asked for');
      }
      return { body: response.body, resumed, length: lengthOf(response) };
    },

    async smallBlob(descriptor, limitBytes, signal) {
      const response = await connection.request({
        method: 'GET',
        url: `${base}/blobs/${descriptor.digest}`,
        headers: { 'accept-encoding': 'identity' },
        scopes,
        signal,
      });
      const bytes = await readBody(response.body, limitBytes);
      if (digestOf(bytes) !== descriptor.digest)
        throw new RegistryError(
          'content',
          `image config verification failed for digest ${descriptor.digest}`,
        );
      return bytes;
    },

    async statBlob(digest, signal) {
      const response = await connection.request({
        method: 'HEAD',
        url: `${base}/blobs/${digest}`,
        scopes,
        signal,
        accept: [404],
      });
      response.body.resume();
      return response.status === 404 ? undefined : (lengthOf(response) ?? 0);
    },

    async startUpload(mount, signal) {
      const query =
        mount === undefined ? '' : `?${new URLSearchParams({ mount: mount.digest, from: mount.from })}`;
      const response = await connection.request({
        method: 'POST',
        url: `${base}/blobs/uploads/${query}`,
        headers: { 'content-length': '0' },
        scopes: mount === undefined ? scopes : [...scopes, `repository:${mount.from}:pull`],
        signal,
      });
      response.body.resume();
      return response.status === 201 ? undefined : locationOf(response);
    },

    async append(upload, body, signal) {
      const response = await connection.request({
        method: 'PATCH',
        url: upload.location,
        headers: { 'content-type': 'application/octet-stream' },
        body,
        scopes,
        signal,
      });
      response.body.resume();
      return locationOf(response);
    },

    async commit(upload, digest, bytes, signal) {
      const url = new URL(upload.location);
      url.searchParams.set('digest', digest);
      const response = await connection.request({
        method: 'PUT',
        url: url.href,
        headers: { 'content-type': 'application/octet-stream' },
        body: bytes ?? new Uint8Array(0),
        scopes,
        signal,
      });
      response.body.resume();
    },

    async cancel(upload) {
      const response = await connection.request({
        method: 'DELETE',
        url: upload.location,
        scopes,
        accept: [404, 405],
      });
      response.body.resume();
    },

    tags: (signal) => collectPages(connection, `${base}/tags/list`, 'tags', scopes, signal),
  };
  return repository;
}
