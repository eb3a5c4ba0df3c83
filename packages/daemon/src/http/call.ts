/**
 * One request as its handler sees it.
 *
 * In: the parsed request. Out: Call. May import: the rest of http/.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { DaemonError } from '../errors.js';
import { parseFilters } from '../protocol/filters.js';
import { hijackConnection } from './hijack.js';
import { createProgress } from './progress.js';
import type { ApiVersion, Call } from './route.js';

export interface CallParts {
  request: IncomingMessage;
  response: ServerResponse;
  version: ApiVersion;
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  body: unknown;
  input: Readable;
  /** The client asked to upgrade, so node:http has let the connection go. */
  upgraded: boolean;
}

/** Docker's booleans (httputils.BoolValue). */
const falseWords: ReadonlySet<string> = new Set(['', '0', 'no', 'false', 'none']);

/**
 * A signal that is aborted when the client ends its side or the connection before the reply was sent, as net/http's
 * request context is. What ended before anybody asked for the signal counts too.
 */
function clientGone(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const { socket } = request;
  const abort = (): void => {
    if (!response.writableFinished) controller.abort();
  };
  if (socket.readableEnded || socket.closed) abort();
  else {
    socket.once('end', abort).once('close', abort);
    // A connection that is kept for the next request does not keep the listeners of this one.
    response.once('finish', () => socket.off('end', abort).off('close', abort));
  }
  return controller.signal;
}

export function createCall(parts: CallParts): Call {
  const { request, response, version, params, query, body, input, upgraded } = parts;
  let signal: AbortSignal | undefined;
  return {
    version,
    params,
    query,
    body,
    input,
    request,
    response,
    headers: request.headers,
    get signal() {
      signal ??= clientGone(request, response);
      return signal;
    },
    flag(name, absent = false) {
      const value = query.get(name);
      return value === null ? absent : !falseWords.has(value.trim().toLowerCase());
    },
    integer(name) {
      const value = query.get(name);
      if (value === null || value === '') return undefined;
      if (!/^[+-]?\d{1,18}$/.test(value))
        throw new DaemonError('invalid', `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
      return Number(value);
    },
    filters: () => parseFilters(query.get('filters')),
    json(status, value) {
      const body = Buffer.from(`${JSON.stringify(value)}\n`);
      response.statusCode = status;
      response.setHeader('Content-Type', 'application/json');
      response.setHeader('Content-Length', body.length);
      response.end(body);
    },
    empty(status) {
      response.statusCode = status;
      if (status !== 204 && status !== 304) response.setHeader('Content-Length', 0);
      response.end();
    },
    stream(status, contentType) {
      response.statusCode = status;
      response.setHeader('Content-Type', contentType);
      response.flushHeaders();
      return response;
    },
    progress: () => createProgress(response),
    hijack: async (contentType) => hijackConnection(request, response, contentType, upgraded),
  };
}
