/**
 * Files from http(s): a root file system to import, a remote context, the URLs of ADD.
 *
 * In: a URL. Out: the response's body, or DaemonError with Docker's text. May import: errors, registry/connection.
 */
import { STATUS_CODES } from 'node:http';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { DaemonError, type ErrorKind } from '../errors.js';
import { transportError } from './registry/client/connection.js';

export interface Download {
  body: Readable;
  contentType: string;
  /** Name the server or the URL gives the file; "" when there is none. */
  fileName: string;
  /** Bytes; undefined when the server does not say. */
  length: number | undefined;
  modified: Date | undefined;
}

/** As Go's http.Client. */
const redirectLimit = 10;
/** Of an error page, what goes into the message. */
const messageLimitBytes = 4096;

export const isUrl = (text: string): boolean => /^https?:\/\//.test(text);

const kinds = new Map<number, ErrorKind>([
  [404, 'notFound'],
  [400, 'invalid'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
]);

/** The last part of the URL's path, or the name of Content-Disposition (RFC 6266). */
export function fileNameOf(url: URL, disposition: string): string {
  if (url.pathname !== '' && !url.pathname.endsWith('/')) {
    const name = basename(decodeURIComponent(url.pathname));
    if (name !== '' && name !== '..' && name !== '.' && !name.includes('/')) return name;
  }
  const match = /filename="?([^";]+)"?/i.exec(disposition);
  const name = basename(match?.[1]?.trim() ?? '');
  return name === '.' || name === '..' ? '' : name;
}

const firstOf = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value) ?? '';

/** The answer at the end of all redirects, and its URL. Not fetch(): it refuses some ports, and unpacks bodies. */
async function get(
  address: string,
  signal: AbortSignal,
): Promise<{ response: Dispatcher.ResponseData; url: string }> {
  const { request } = await import('undici');
  let url = address;
  for (let redirects = 0; redirects <= redirectLimit; redirects++) {
    let response: Dispatcher.ResponseData;
    try {
      response = await request(url, { signal });
      // A body that is dropped unread may still fail: without a listener that would end the daemon.
      response.body.on('error', () => {});
    } catch (cause) {
      signal.throwIfAborted();
      throw new DaemonError('system', transportError('GET', url, cause).message, { cause });
    }
    const location = firstOf(response.headers.location);
    const { statusCode } = response;
    if (statusCode < 300 || statusCode >= 400 || !URL.canParse(location, url)) return { response, url };
    response.body.resume();
    url = new URL(location, url).href;
    if (!isUrl(url)) break;
  }
  throw new DaemonError('system', `Get ${JSON.stringify(url)}: stopped after ${redirectLimit} redirects`);
}

export async function download(address: string, signal: AbortSignal): Promise<Download> {
  const { response, url } = await get(address, signal);
  const { statusCode, headers, body } = response;
  if (statusCode >= 400) {
    let text = '';
    for await (const chunk of body) {
      text += chunk;
      if (text.length > messageLimitBytes) break;
    }
    throw new DaemonError(
      kinds.get(statusCode) ?? 'system',
      `failed to GET ${address} with status ${statusCode} ${STATUS_CODES[statusCode] ?? ''}: ${text.trim().slice(0, messageLimitBytes)}`,
    );
  }
  const modified = new Date(firstOf(headers['last-modified']) || Number.NaN);
  const length = Number(firstOf(headers['content-length']) || Number.NaN);
  return {
    body,
    contentType: firstOf(headers['content-type']),
    fileName: fileNameOf(new URL(url), firstOf(headers['content-disposition'])),
    length: Number.isSafeInteger(length) ? length : undefined,
    modified: Number.isNaN(modified.getTime()) ? undefined : modified,
  };
}
