/**
 * The build's context: an archive in the request's body or behind a URL, unpacked below the daemon's own directory.
 *
 * In: bytes or a remote. Out: a tree, the Dockerfile's text. May import: archive, download, git, ignore, scope.
 */
import { addAbortListener } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished, PassThrough, pipeline, type Readable } from 'node:stream';
import { decompress, peek } from '../../archive/decompress.js';
import { extractTar } from '../../archive/extract.js';
import { DaemonError } from '../../errors.js';
import { type Download, download } from '../../images/download.js';
import type { Report } from '../types.js';
import { checkOut, isGitUrl, parseGitRemote } from './git.js';
import { createIgnore, readIgnoreFile } from './ignore.js';
import { checkInside, readRegular, resolveInRoot, statMaybe } from './scope.js';

export interface BuildContext {
  /** Absent when only a Dockerfile was given by URL. */
  root: string | undefined;
  dockerfile: string;
  close(): Promise<void>;
}

export interface ContextRequest {
  /** Directory for temporary ones. */
  temporary: string;
  body: Readable;
  remote: string;
  dockerfile: string;
  report: Report;
  signal: AbortSignal;
}

/** Nobody writes Dockerfiles of this size; more is not read into memory. */
const dockerfileLimitBytes = 16 * 2 ** 20;
const defaultDockerfile = 'Dockerfile';

/** Types a remote context may have (moby's acceptableRemoteMIME). */
const archiveType = /application\/(?:(?:x-)?tar|octet-stream|(?:x-)?(?:gzip|bzip2?|xz))/;

/** So much is looked at when a server does not say what it sends (moby's maxPreambleLength). */
const sniffedBytes = 100;

/** No byte that only binary data has (WHATWG MIME Sniffing, "binary data byte"). */
export const looksLikeText = (start: Uint8Array): boolean =>
  start.every((byte) => byte >= 0x20 || [0x09, 0x0a, 0x0c, 0x0d, 0x1b].includes(byte));

async function unpack(stream: Readable, root: string, signal: AbortSignal): Promise<void> {
  // A copy, since the stream may be the request, on whose connection the reply is still to be sent.
  const archive = stream.pipe(new PassThrough());
  finished(stream, { writable: false }, (error) => {
    if (error) archive.destroy(error);
  });
  const abort = (): void => void archive.destroy(new DaemonError('system', 'Build cancelled'));
  const aborted = addAbortListener(signal, abort);
  try {
    await extractTar(await decompress(archive), root);
  } finally {
    aborted[Symbol.dispose]();
  }
}

/** Undefined when it is no regular file. */
async function readText(path: string): Promise<string | undefined> {
  const bytes = await readRegular(path, dockerfileLimitBytes + 1);
  if (bytes !== undefined && bytes.length > dockerfileLimitBytes)
    throw new DaemonError('invalid', 'the Dockerfile is too large');
  return bytes?.toString('utf8');
}

/** The Dockerfile's text; it and .dockerignore leave the context when .dockerignore says so. */
async function takeDockerfile(root: string, wanted: string): Promise<string> {
  let name = wanted;
  checkInside(name);
  let path = await resolveInRoot(root, name);
  if (!(await statMaybe(path)) && name === defaultDockerfile) {
    name = name.toLowerCase();
    path = await resolveInRoot(root, name);
  }
  const text = await readText(path);
  if (text === undefined) throw new DaemonError('system', `Cannot locate specified Dockerfile: ${wanted}`);
  if (text === '') throw new DaemonError('invalid', `the Dockerfile (${name}) cannot be empty`);
  const ignoreFile = await readText(await resolveInRoot(root, '.dockerignore'));
  if (ignoreFile !== undefined) {
    const ignored = createIgnore(readIgnoreFile(ignoreFile));
    for (const file of ['.dockerignore', name])
      if (ignored(file)) await rm(await resolveInRoot(root, file), { force: true });
  }
  return text;
}

/** Passes a download on and tells how far it is; `message` says of what. */
export function withProgress(
  found: Download,
  message: { status: string; id?: string },
  report: Report,
): Readable {
  const counted = new PassThrough();
  let current = 0;
  let told = 0;
  const tell = (): void =>
    report({
      ...message,
      progressDetail: { current, ...(found.length !== undefined && { total: found.length }) },
    });
  found.body.on('data', (chunk: Buffer) => {
    current += chunk.length;
    // A message for every mebibyte is enough for a human.
    if (current - told < 2 ** 20) return;
    told = current;
    tell();
  });
  pipeline(found.body, counted, (error) => {
    if (!error) tell();
  });
  return counted;
}

async function openUrl(request: ContextRequest, root: string): Promise<string | undefined> {
  const found = await download(request.remote, request.signal).catch((error: unknown) => {
    if (error instanceof DaemonError)
      throw new DaemonError(
        error.kind,
        `error downloading remote context ${request.remote}: ${error.message}`,
      );
    throw error;
  });
  const told = found.contentType.split(';')[0]!.trim();
  const { start, stream } = await peek(found.body, sniffedBytes);
  // Servers say this of everything they do not know, a Dockerfile included.
  const unknown = told === '' || told === 'application/octet-stream';
  const type = unknown && looksLikeText(start) ? 'text/plain' : told || 'application/octet-stream';
  const isText = type === 'text/plain';
  if (!isText && !archiveType.test(type)) {
    stream.destroy();
    throw new DaemonError(
      'system',
      `error detecting content type for remote ${request.remote}: unsupported Content-Type "${found.contentType}"`,
    );
  }
  const message = { status: request.remote, id: 'Downloading context' };
  const body = withProgress({ ...found, body: stream }, message, request.report);
  if (!isText) {
    await unpack(body, root, request.signal);
    return undefined;
  }
  let text = '';
  for await (const chunk of body.setEncoding('utf8')) {
    text += chunk;
    if (text.length > dockerfileLimitBytes) throw new DaemonError('invalid', 'the Dockerfile is too large');
  }
  return text;
}

/** Fetches and unpacks; `close` removes what was unpacked, and so does a failure. */
export async function openContext(request: ContextRequest): Promise<BuildContext> {
  const directory = await mkdtemp(join(request.temporary, 'build-'));
  const close = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    if (request.remote === '') {
      await unpack(request.body, directory, request.signal);
      return { root: directory, dockerfile: await takeDockerfile(directory, request.dockerfile), close };
    }
    if (request.remote === 'client-session')
      throw new DaemonError(
        'invalid',
        'experimental session with v1 builder is no longer supported, use builder version v2 (BuildKit) instead',
      );
    if (isGitUrl(request.remote)) {
      const root = await checkOut(parseGitRemote(request.remote), directory);
      return { root, dockerfile: await takeDockerfile(root, request.dockerfile), close };
    }
    if (!/^https?:\/\//.test(request.remote))
      throw new DaemonError('system', `remoteURL (${request.remote}) could not be recognized as URL`);
    const text = await openUrl(request, directory);
    if (text !== undefined) return { root: undefined, dockerfile: text, close };
    return { root: directory, dockerfile: await takeDockerfile(directory, request.dockerfile), close };
  } catch (error) {
    await close();
    throw error;
  }
}
