/**
 * The server side of `export default { fetch(request, env) }`.
 *
 * In: requests that libos parsed. Out: responses. Imports core, http.
 * A response with a text or bytes goes out in one call, in the same turn, without promise or stream when the handler
 * answers synchronously.
 */
import { dispatchKinds, errorCodes } from '@noos/abi';
import { SystemError, systemError } from '../core/errors.js';
import { host, onDispatch } from '../core/host.js';
import { reportError } from '../core/report.js';
import { encodeUtf8 } from '../encoding/utf8.js';
import { unusable } from './body.js';
import {
  type Exchange,
  ExchangeBody,
  exchangeOf,
  forget,
  isStreaming,
  sendBody,
  writeAll,
} from './exchange.js';
import { type Request, receivedRequest } from './request.js';
import { Response, responseLines } from './response.js';

export type FetchHandler = (request: Request, env: unknown) => Response | Promise<Response>;

const { httpRespond } = host;
const internalErrorLines = 'content-type: text/plain;charset=UTF-8\r\n';
/** Requests whose handler has not answered or whose response is still being sent. */
let unfinished = 0;
let whenFinished: (() => void)[] = [];

/** Resolves when every request that has arrived is answered. */
export function responsesDone(): Promise<void> {
  return new Promise((resolve) => {
    if (unfinished === 0) resolve();
    else whenFinished.push(resolve);
  });
}

function finished(): void {
  if (--unfinished > 0) return;
  const actions = whenFinished;
  whenFinished = [];
  for (const action of actions) action();
}

function fail(exchange: number, error: unknown, where = 'the fetch handler'): void {
  reportError(error, where);
  httpRespond(exchange, 500, internalErrorLines, 'Internal Server Error');
}

/** Sends a response. Returns true when its body continues after this call. */
function respond(exchange: number, request: Request, response: Response): boolean {
  const body = response._body;
  if (response._used || response._stream !== undefined || isStreaming(body))
    return respondSlowly(exchange, request, response);
  const lines =
    response._headers === undefined && !response._special ? response._lines : responseLines(response);
  const result = httpRespond(
    exchange,
    response._status,
    lines,
    typeof body === 'string'
      ? body.toWellFormed()
      : body === null
        ? null
        : exact(body as Uint8Array<ArrayBuffer>),
  );
  // Slow readers of other responses hold all the memory for what waits: this one goes out as its client takes it.
  if (result === errorCodes.ENOBUFS) return respondSlowly(exchange, request, response);
  // The client may be gone; that is no fault of the application.
  if (result === errorCodes.EINVAL)
    fail(exchange, systemError(result, `respond with status ${response._status}`));
  return false;
}

function exact(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  return bytes.byteLength === bytes.buffer.byteLength
    ? bytes.buffer
    : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

/** The cases that need more than one call: a stream, a body that was used up, or one that waits for its client. */
function respondSlowly(id: number, request: Request, response: Response): boolean {
  if (response._body !== null && unusable(response)) {
    fail(
      id,
      new TypeError('the response was returned after its body had been read or locked: return a clone()'),
    );
    return false;
  }
  const exchange = exchangeOf(id);
  unfinished++;
  stream(exchange, request, response)
    .catch((error: unknown) => {
      if (!(error instanceof SystemError)) reportError(error, 'the body of a response');
      if (exchange.error === undefined) host.httpAbort(id);
    })
    .then(() => {
      forget(id);
      finished();
    });
  return true;
}

/** Length that the application declares for a stream; -1 when it is not known. */
function declaredLength(response: Response): number {
  const declared = response.headers.get('content-length');
  return declared !== null && /^0*[0-9]{1,15}$/.test(declared) ? Number(declared) : -1;
}

async function stream(exchange: Exchange, request: Request, response: Response): Promise<void> {
  const body = response._stream ?? response._body;
  const source = typeof body === 'string' ? encodeUtf8(body) : body;
  const length = source instanceof Uint8Array ? source.byteLength : declaredLength(response);
  const result = host.httpRespondHead(exchange.id, response._status, responseLines(response), length);
  if (result < 0) throw systemError(result, `respond with status ${response._status}`);
  if (request._method === 'HEAD') {
    if (isStreaming(source)) source.cancel();
  } else if (isStreaming(source)) await sendBody(exchange, source);
  else if (source !== null) await writeAll(exchange, source);
  host.httpEnd(exchange.id);
}

/** The handler's promise is settled: answers unless the client has gone meanwhile. */
function settle(exchange: Exchange, request: Request, response: unknown): void {
  try {
    if (exchange.error === undefined) {
      if (!(response instanceof Response)) throw notResponse(response);
      if (respond(exchange.id, request, response)) return;
    }
  } catch (error) {
    fail(exchange.id, error);
  } finally {
    finished();
  }
  forget(exchange.id);
}

function settleWithError(exchange: Exchange, error: unknown): void {
  if (exchange.error === undefined) fail(exchange.id, error);
  // What the client has done is no fault of the application.
  else if (error !== exchange.error) reportError(error, 'the fetch handler, after the client had gone');
  forget(exchange.id);
  finished();
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
      if (answer instanceof Response) {
        if (!respond(id, request, answer) && (bodyBytes !== 0 || request._signal !== undefined)) forget(id);
        return;
      }
      if (typeof (answer as PromiseLike<unknown> | undefined)?.then !== 'function') throw notResponse(answer);
    } catch (error) {
      fail(id, error);
      if (bodyBytes !== 0) forget(id);
      return;
    }
    unfinished++;
    const exchange = exchangeOf(id);
    const promise = answer instanceof Promise ? answer : Promise.resolve(answer);
    promise.then(
      (response) => settle(exchange, request, response),
      (error) => settleWithError(exchange, error),
    );
  }) as never);
}
