/**
 * Client `fetch()` over http (Fetch §4), on libos's HTTP client and its pool of connections.
 *
 * In: a request. Out: a promise of its response. Imports core, http, net, url, events.
 */
import '../features/signal.js';
import '../features/url.js';
import { dispatchKinds } from '@noos/abi';
import { requireRunning } from '../core/build-time.js';
import { SystemError, systemError } from '../core/errors.js';
import { host, onDispatch } from '../core/host.js';
import { encodeUtf8 } from '../encoding/utf8.js';
import { type AbortSignal, onAbort } from '../events/abort.js';
import { formatAddress } from '../net/addresses.js';
import { resolveName } from '../net/resolve.js';
import { URL } from '../url/url.js';
import type { BodySource, IncomingBody, StreamLike } from './body.js';
import {
  type Exchange,
  ExchangeBody,
  exchangeOf,
  forget,
  isStreaming,
  sendBody,
  whenClosed,
  writeAll,
} from './exchange.js';
import { headerLine } from './header-line.js';
import { linesOfHeaders, receivedHeaders } from './headers.js';
import { Request, type RequestInit } from './request.js';

import { Response } from './response.js';

/** Fetch §4.4, "HTTP-redirect fetch". */
const maximumRedirects = 20;
const redirectStatuses = [301, 302, 303, 307, 308];

interface Head {
  status: number;
  headers: string;
  bodyBytes: number;
}

/** Requests whose response head has not come. */
const waiting = new Map<number, (head: Head) => void>();

onDispatch(dispatchKinds.httpResponse, ((id: number, status: number, headers: string, bodyBytes: number) => {
  const resolve = waiting.get(id);
  waiting.delete(id);
  resolve?.({ status, headers, bodyBytes });
}) as never);

/** One request and its answer, as it goes over the wire. */
interface Exchanged {
  exchange: Exchange;
  head: Head;
}

async function send(
  url: URL,
  method: string,
  lines: string,
  body: BodySource,
  signal: AbortSignal | undefined,
): Promise<Exchanged> {
  if (url.protocol !== 'http:')
    throw new TypeError(
      `fetch ${url.href}: only http: is supported; there is no TLS in the unikernel yet, so use a proxy that speaks https`,
    );
  const { addresses } = await resolveName(url.hostname);
  signal?.throwIfAborted();
  const address = addresses[0]!;
  const bytes = typeof body === 'string' ? encodeUtf8(body) : body;
  const length = bytes === null ? 0 : bytes instanceof Uint8Array ? bytes.byteLength : -1;
  const port = url.port === '' ? 80 : Number(url.port);
  const id = host.httpRequest(
    address,
    port,
    method,
    url.pathname + url.search,
    headerLine('host', url.host).line + lines,
    length,
  );
  if (id < 0) throw systemError(id, `request ${formatAddress(address)}:${port}`);
  const exchange = exchangeOf(id);
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined;
    whenClosed(exchange, (error) => {
      waiting.delete(id);
      stop?.();
      reject(error);
    });
    waiting.set(id, (head) => resolve({ exchange, head }));
    if (signal !== undefined)
      stop = onAbort(signal, (reason) => {
        waiting.delete(id);
        host.httpAbort(id);
        exchange.error = reason as Error;
        forget(id);
        exchange.onReadable?.();
        exchange.onWritable?.();
        reject(reason);
      });
    if (bytes !== null) void upload(exchange, bytes, reject);
  });
}

async function upload(
  exchange: Exchange,
  body: Uint8Array | IncomingBody | StreamLike,
  reject: (error: unknown) => void,
): Promise<void> {
  try {
    if (body instanceof Uint8Array) await writeAll(exchange, body);
    else await sendBody(exchange, body);
    if (exchange.error === undefined) host.httpEnd(exchange.id);
  } catch (error) {
    if (exchange.error === undefined) host.httpAbort(exchange.id);
    exchange.error ??= error as Error;
    waiting.delete(exchange.id);
    forget(exchange.id);
    reject(error);
  }
}

function responseOf({ exchange, head }: Exchanged, url: URL, redirected: boolean): Response {
  const response = new Response();
  response._status = head.status;
  response._headers = receivedHeaders(head.headers);
  response._guard = 'immutable';
  response._type = 'basic';
  response._url = url.href.replace(/#.*$/, '');
  response._redirected = redirected;
  if (head.bodyBytes === 0) forget(exchange.id);
  else response._body = new ClientBody(exchange);
  return response;
}

/** The body of a response; not wanting its rest closes the connection. */
class ClientBody extends ExchangeBody {
  constructor(exchange: Exchange) {
    super(exchange, () => forget(exchange.id));
  }

  override cancel(): void {
    if (this.ended) return;
    super.cancel();
    host.httpAbort(this.exchange.id);
  }
}

async function follow(request: Request): Promise<Response> {
  const signal = request._signal as AbortSignal | undefined;
  signal?.throwIfAborted();
  let url = new URL(request.url);
  let method = request._method;
  const headers = request.headers;
  let body: BodySource = request._stream ?? request._body;
  if (body !== null) request._used = true;
  if (!headers.has('accept')) headers.append('accept', '*/*');
  if (!headers.has('user-agent')) headers.append('user-agent', 'noos');
  headers.delete('host');
  for (let redirects = 0; ; redirects++) {
    const answer = await send(url, method, linesOfHeaders(headers), body, signal);
    const response = responseOf(answer, url, redirects > 0);
    const location = response.headers.get('location');
    if (!redirectStatuses.includes(response.status) || location === null || request._redirect === 'manual')
      return response;
    if (response._body !== null) (response._body as IncomingBody).cancel();
    if (request._redirect === 'error')
      throw new TypeError(`fetch ${url.href}: unexpected redirect to ${location}`);
    if (redirects >= maximumRedirects) throw new TypeError(`fetch ${request.url}: redirect count exceeded`);
    const next = new URL(location, url);
    const { status } = response;
    if (status !== 303 && isStreaming(body))
      throw new TypeError(`fetch ${url.href}: a streamed body cannot be sent again to ${next.href}`);
    if (
      ((status === 301 || status === 302) && method === 'POST') ||
      (status === 303 && method !== 'GET' && method !== 'HEAD')
    ) {
      method = 'GET';
      body = null;
      for (const name of ['content-encoding', 'content-language', 'content-location', 'content-type'])
        headers.delete(name);
    }
    if (next.origin !== url.origin) for (const name of ['authorization', 'cookie']) headers.delete(name);
    url = next;
  }
}

/**
 * Requests a resource over http.
 * @throws TypeError with the reason as cause when the network fails; the signal's reason when it aborts
 */
export async function fetch(input: unknown, init?: RequestInit): Promise<Response> {
  requireRunning('fetch()');
  const request = new Request(input, init);
  try {
    return await follow(request);
  } catch (error) {
    if (error instanceof SystemError) throw new TypeError('fetch failed', { cause: error });
    throw error;
  }
}
