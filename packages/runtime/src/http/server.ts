/**
 * The server side of `export default { fetch(request, env) }`.
 *
 * In: requests that libos parsed. Out: responses. Imports core, http.
 * A response with a text or bytes goes out in one call, in the same turn, without promise or stream when the handler
 * answers synchronously.
 */
import { dispatchKinds } from '@noos/abi';
import { SystemError, systemError } from '../core/errors.js';
import { host, onDispatch } from '../core/host.js';
import { reportError } from '../core/report.js';
import { unusable } from './body.js';
import { type Exchange, ExchangeBody, exchangeOf, forget, isStreaming, sendBody } from './exchange.js';
import { type Request, receivedRequest } from './request.js';
import { Response, responseLines } from './response.js';

export type FetchHandler = (request: Request, env: unknown) => Response | Promise<Response>;

const { httpRespond } = host;
const internalErrorLines = 'content-type: text/plain;charset=UTF-8\r\n';
const pendingResponses = new Set<Promise<void>>();

/** Resolves when every handler has answered. */
export async function responsesDone(): Promise<void> {
  while (pendingResponses.size > 0) await Promise.allSettled([...pendingResponses]);
}

function fail(exchange: number, error: unknown, where = 'the fetch handler'): void {
  reportError(error, where);
  httpRespond(exchange, 500, internalErrorLines, 'Internal Server Error');
}

function respond(exchange: number, request: Request, response: Response): void {
  const body = response._body;
  if (response._used || response._stream !== undefined || isStreaming(body)) {
    respondSlowly(exchange, request, response);
    return;
  }
  const lines =
    response._headers === undefined && !response._special ? response._lines : responseLines(response);
  const result = httpRespond(
    exchange,
    response._status,
    lines,
    body === null || typeof body === 'string' ? body : exact(body as Uint8Array<ArrayBuffer>),
  );
  if (result < 0) fail(exchange, systemError(result, `respond with status ${response._status}`));
}

function exact(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  return bytes.byteLength === bytes.buffer.byteLength
    ? bytes.buffer
    : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

/** The cases that need more than one call: a stream, or a body that was used up. */
function respondSlowly(id: number, request: Request, response: Response): void {
  if (response._body !== null && unusable(response)) {
    fail(
      id,
      new TypeError('the response was returned after its body had been read or locked: return a clone()'),
    );
    return;
  }
  if (!isStreaming(response._body) && response._stream === undefined) {
    respond(id, request, response);
    return;
  }
  const exchange = exchangeOf(id);
  const done = stream(exchange, request, response).catch((error: unknown) => {
    // A peer that went away is no fault of the application.
    if (!(error instanceof SystemError)) reportError(error, 'the body of a response');
    if (exchange.error === undefined) host.httpAbort(id);
  });
  const all = done.then(() => {
    forget(id);
    pendingResponses.delete(all);
  });
  pendingResponses.add(all);
}

async function stream(exchange: Exchange, request: Request, response: Response): Promise<void> {
  const declared = response.headers.get('content-length');
  const length = declared !== null && /^[0-9]{1,15}$/.test(declared) ? Number(declared) : -1;
  const result = host.httpRespondHead(exchange.id, response._status, responseLines(response), length);
  if (result < 0) throw systemError(result, `respond with status ${response._status}`);
  const source = response._stream ?? response._body;
  if (!isStreaming(source)) throw new TypeError('no stream to send');
  if (request._method === 'HEAD') source.cancel();
  else await sendBody(exchange, source);
  host.httpEnd(exchange.id);
}

async function respondLater(
  exchange: Exchange,
  request: Request,
  answer: PromiseLike<unknown>,
): Promise<void> {
  try {
    const response = await answer;
    if (exchange.error !== undefined) return;
    if (!(response instanceof Response)) throw notResponse(response);
    respond(exchange.id, request, response);
  } catch (error) {
    if (exchange.error === undefined) fail(exchange.id, error);
    else reportError(error, 'the fetch handler, after the client had gone');
  }
}

function notResponse(value: unknown): TypeError {
  const what = value === null ? 'null' : typeof value;
  return new TypeError(`the fetch handler returned ${what} instead of a Response`);
}

/** Answers every request with `handler` called as a method of `owner`. */
export function serveHttp(owner: { fetch: FetchHandler }, env: unknown): void {
  onDispatch(dispatchKinds.httpRequest, ((
    id: number,
    method: string,
    target: string,
    headers: string,
    bodyBytes: number,
    peerAddress: number,
    peerPort: number,
  ) => {
    const request = receivedRequest(id, method, target, headers, peerAddress, peerPort);
    if (bodyBytes !== 0) request._body = new ExchangeBody(exchangeOf(id));
    let answer: unknown;
    try {
      answer = owner.fetch(request, env);
    } catch (error) {
      fail(id, error);
      if (bodyBytes !== 0) forget(id);
      return;
    }
    if (answer instanceof Response) {
      respond(id, request, answer);
      if (bodyBytes !== 0 && answer._stream === undefined && !isStreaming(answer._body)) forget(id);
      return;
    }
    if (typeof (answer as PromiseLike<unknown> | undefined)?.then !== 'function') {
      fail(id, notResponse(answer));
      return;
    }
    const done = respondLater(exchangeOf(id), request, answer as PromiseLike<unknown>).then(() => {
      pendingResponses.delete(done);
    });
    pendingResponses.add(done);
  }) as never);
}
