/**
 * Files from http(s): a remote context, the URLs of ADD.
 *
 * In: a URL. Out: the response's body, or DaemonError with Docker's text. May import: errors.
 */
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { DaemonError, type ErrorKind } from '../errors.js';

export interface Download {
  body: Readable;
  contentType: string;
  /** Name the server or the URL gives the file; "" when there is none. */
  fileName: string;
  /** Bytes; undefined when the server does not say. */
  length: number | undefined;
  modified: Date | undefined;
}

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

export async function download(address: string, signal: AbortSignal): Promise<Download> {
  let response: Response;
  try {
    response = await fetch(address, { signal, redirect: 'follow' });
  } catch (error) {
    signal.throwIfAborted();
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new DaemonError('system', `Get ${JSON.stringify(address)}: ${cause}`, { cause: error });
  }
  const body = response.body ? Readable.fromWeb(response.body as never) : Readable.from([]);
  if (response.status >= 400) {
    let text = '';
    for await (const chunk of body) {
      text += chunk;
      if (text.length > messageLimitBytes) break;
    }
    throw new DaemonError(
      kinds.get(response.status) ?? 'system',
      `failed to GET ${address} with status ${response.status} ${response.statusText}: ${text.trim().slice(0, messageLimitBytes)}`,
    );
  }
  const modified = new Date(response.headers.get('last-modified') ?? Number.NaN);
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  return {
    body,
    contentType: response.headers.get('content-type') ?? '',
    fileName: fileNameOf(new URL(response.url || address), response.headers.get('content-disposition') ?? ''),
    length: Number.isSafeInteger(length) && !response.headers.has('content-encoding') ? length : undefined,
    modified: Number.isNaN(modified.getTime()) ? undefined : modified,
  };
}
