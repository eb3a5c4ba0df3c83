/**
 * Request (Fetch §5.4): what arrives at the server, and what an application makes for `fetch()`.
 *
 * In: the fields of a request that libos parsed, or the constructor's arguments. Out: the class. Imports http, core.
 * Hand-written: a request that arrives is an object with the received texts; URL, headers and body appear when read.
 */
import {
  Body,
  type BodySource,
  cloneBody,
  extractBody,
  type IncomingBody,
  parts,
  type StreamLike,
  unusable,
} from './body.js';
import { Headers, type HeadersInit, receivedHeaders } from './headers.js';
import { normaliseTarget } from './target.js';

export interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: unknown;
  redirect?: string;
  signal?: unknown;
  duplex?: string;
  cache?: string;
  credentials?: string;
  integrity?: string;
  keepalive?: boolean;
  mode?: string;
  referrer?: string;
  referrerPolicy?: string;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const normalisedMethods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];

/** What other modules add when they are in the image: the URL parser, and signals. */
export const requestParts: {
  parseUrl?: (url: string) => { href: string; username: string; password: string };
  newSignal?: (request: Request) => unknown;
  followSignal?: (signal: unknown) => unknown;
} = {};

export class Request extends Body {
  _exchange = 0;
  _method = 'GET';
  /** Request target of the request line, until `url` is read. */
  _target = '';
  _url: string | undefined;
  /** Received header lines, until `headers` is read. */
  _received = '';
  _headers: Headers | undefined;
  _signal: unknown;
  _redirect = 'follow';
  /** Peer of the connection, numbers as libos gives them. */
  _peerAddress = 0;
  _peerPort = 0;
  _options: RequestInit | undefined;

  constructor(input: unknown, init: RequestInit = {}) {
    super();
    if (input === undefined)
      throw new TypeError('Request constructor: 1 argument required, but only 0 present.');
    let body: BodySource = null;
    let type: string | undefined;
    const from = input instanceof Request ? input : undefined;
    if (from !== undefined) {
      this._url = from.url;
      this._method = from._method;
      this._redirect = from._redirect;
      this._signal = from._signal;
      this._options = from._options;
    } else {
      const url = requestParts.parseUrl!(String(input));
      if (url.username !== '' || url.password !== '')
        throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${input}`);
      this._url = url.href;
    }
    if (init.method !== undefined) this._method = method(init.method);
    if (init.redirect !== undefined) this._redirect = redirectMode(init.redirect);
    if (init.signal !== undefined)
      this._signal = init.signal === null ? undefined : requestParts.followSignal?.(init.signal);
    this._options = { ...this._options, ...init };
    this._headers = new Headers(init.headers ?? from?.headers);
    const given = init.body;
    const copied = given === undefined || given === null ? from : undefined;
    if (
      (this._method === 'GET' || this._method === 'HEAD') &&
      ((given !== undefined && given !== null) || (copied?._body ?? null) !== null)
    )
      throw new TypeError('Request with GET/HEAD method cannot have body.');
    if (given !== undefined && given !== null) {
      const extracted = extractBody(given);
      body = extracted.source;
      type = extracted.type;
      if (parts.isStream?.(body) && init.duplex === undefined)
        throw new TypeError('RequestInit: duplex option is required when sending a body.');
    } else if (copied !== undefined && copied._body !== null) {
      if (unusable(copied))
        throw new TypeError('Cannot construct a Request with a Request object that has already been used.');
      body = copied._body;
      this._stream = copied._stream;
      copied._used = true;
    }
    this._body = body;
    if (type !== undefined && type !== '' && !this._headers.has('content-type'))
      this._headers.append('content-type', type);
  }

  get method(): string {
    return this._method;
  }

  get url(): string {
    this._url ??= serverUrl(this);
    return this._url;
  }

  get headers(): Headers {
    this._headers ??= receivedHeaders(this._received);
    return this._headers;
  }

  get signal(): unknown {
    this._signal ??= requestParts.newSignal?.(this);
    return this._signal;
  }

  get redirect(): string {
    return this._redirect;
  }

  get cache(): string {
    return this._options?.cache ?? 'default';
  }

  get credentials(): string {
    return this._options?.credentials ?? 'same-origin';
  }

  get destination(): string {
    return '';
  }

  get duplex(): string {
    return 'half';
  }

  get integrity(): string {
    return this._options?.integrity ?? '';
  }

  get keepalive(): boolean {
    return this._options?.keepalive ?? false;
  }

  get mode(): string {
    return this._options?.mode ?? 'cors';
  }

  get referrer(): string {
    return this._options?.referrer ?? 'about:client';
  }

  get referrerPolicy(): string {
    return this._options?.referrerPolicy ?? '';
  }

  clone(): Request {
    const copy = receivedRequest(
      this._exchange,
      this._method,
      this._target,
      this._received,
      this._peerAddress,
      this._peerPort,
    );
    cloneBody(this, copy);
    copy._url = this._url;
    copy._redirect = this._redirect;
    copy._signal = this._signal;
    copy._options = this._options;
    if (this._headers !== undefined) {
      copy._headers = new Headers(this._headers);
      copy._headers._guard = this._headers._guard;
    }
    return copy;
  }

  get [Symbol.toStringTag](): string {
    return 'Request';
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    _options: unknown,
    inspect: (value: unknown) => string,
  ) {
    const { method, url, headers, bodyUsed, redirect } = this;
    return `Request ${inspect({ method, url, headers, bodyUsed, redirect })}`;
  }
}

function method(given: string): string {
  const text = String(given);
  const upper = text.toUpperCase();
  if (!token.test(text)) throw new TypeError(`'${text}' is not a valid HTTP method.`);
  if (upper === 'CONNECT' || upper === 'TRACE' || upper === 'TRACK')
    throw new TypeError(`'${text}' HTTP method is unsupported.`);
  return normalisedMethods.includes(upper) ? upper : text;
}

function redirectMode(given: string): string {
  if (given !== 'follow' && given !== 'error' && given !== 'manual')
    throw new TypeError(`Request: redirect must be follow, error or manual, not ${given}`);
  return given;
}

/** The URL of a request that arrived: its target in absolute form, else with the Host field (RFC 9112 §3.3). */
function serverUrl(request: Request): string {
  const target = request._target;
  if (!target.startsWith('/') && target !== '*') return normaliseTarget('', target);
  // A path must not become the host where that is empty (RFC 9110 §7.2 allows it).
  const field = request.headers.get('host') ?? '';
  const host = field === '' || field.startsWith(':') ? `localhost${field}` : field;
  return normaliseTarget(`http://${host}`, target === '*' ? '/' : target);
}

const receivedPrototype = Request.prototype;

/** A request that arrived, without running the constructor; one literal is the fastest way to make an object. */
export function receivedRequest(
  exchange: number,
  requestMethod: string,
  target: string,
  headers: string,
  peerAddress: number,
  peerPort: number,
): Request {
  return {
    __proto__: receivedPrototype,
    _exchange: exchange,
    _method: requestMethod,
    _target: target,
    _received: headers,
    _peerAddress: peerAddress,
    _peerPort: peerPort,
    _body: null as IncomingBody | StreamLike | null,
    _used: false,
    _redirect: 'follow',
    _url: undefined,
    _headers: undefined,
    _signal: undefined,
    _stream: undefined,
    _options: undefined,
  } as unknown as Request;
}
