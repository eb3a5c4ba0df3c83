/**
 * Response (Fetch §5.5).
 *
 * In: what an application answers. Out: the class, and its headers as the lines libos sends. Imports http.
 * Hand-written: `new Response(text)` must cost a handful of property writes; headers given as a record become the
 * sent lines at once, and a Headers object only when the application asks for one.
 */
import { Body, cloneBody, contentTypeLine, extractBody } from './body.js';
import { headerLine } from './header-line.js';
import { Headers, type HeadersGuard, type HeadersInit, headersOfLines, linesOfHeaders } from './headers.js';

export interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}

const textLine = 'content-type: text/plain;charset=UTF-8\r\n';
const plainPrototype = Object.prototype;
/** RFC 9110 §15.5: reason-phrase characters. */
const reasonPhrase = /^[\t\x20-\x7e\x80-\xff]*$/;
const redirectStatuses = [301, 302, 303, 307, 308];

export class Response extends Body {
  _status = 200;
  _statusText = '';
  _type = 'default';
  _url = '';
  _redirected = false;
  /** Headers to be sent, as lines, while `_headers` is undefined. */
  _lines = '';
  /** `_lines` holds fields that libos writes itself. */
  _special = false;
  _headers: Headers | undefined;
  _guard: HeadersGuard = 'none';

  constructor(body?: unknown, init?: ResponseInit) {
    super();
    if (init !== undefined && init !== null) initialise(this, init);
    if (typeof body === 'string') {
      if (nullBody(this._status))
        throw new TypeError(`Response: invalid response status code ${this._status} for a body`);
      this._body = body;
      if (init === undefined) this._lines = textLine;
      else defaultType(this, textLine);
    } else if (body !== undefined && body !== null) {
      if (nullBody(this._status))
        throw new TypeError(`Response: invalid response status code ${this._status} for a body`);
      const extracted = extractBody(body);
      this._body = extracted.source;
      if (extracted.type !== undefined && extracted.type !== '')
        defaultType(this, contentTypeLine(extracted.type));
    }
  }

  get status(): number {
    return this._status;
  }

  get statusText(): string {
    return this._statusText;
  }

  get ok(): boolean {
    return this._status >= 200 && this._status <= 299;
  }

  get type(): string {
    return this._type;
  }

  get url(): string {
    return this._url;
  }

  get redirected(): boolean {
    return this._redirected;
  }

  get headers(): Headers {
    this._headers ??= headersOfLines(this._lines, this._guard);
    return this._headers;
  }

  clone(): Response {
    const copy = new Response();
    cloneBody(this, copy);
    copy._status = this._status;
    copy._statusText = this._statusText;
    copy._type = this._type;
    copy._url = this._url;
    copy._redirected = this._redirected;
    copy._guard = this._guard;
    copy._special = this._special;
    if (this._headers === undefined) copy._lines = this._lines;
    else {
      copy._headers = new Headers(this._headers);
      copy._headers._guard = this._guard;
    }
    return copy;
  }

  static json(data: unknown, init?: ResponseInit): Response {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('Response.json: Value is not JSON serializable');
    const response = new Response(null, init);
    if (nullBody(response._status))
      throw new TypeError(`Response.json: invalid response status code ${response._status}`);
    response._body = text;
    defaultType(response, jsonLine);
    return response;
  }

  static redirect(url: string, status = 302): Response {
    const parsed = parseUrl(String(url));
    if (!redirectStatuses.includes(status)) throw new RangeError(`Invalid status code ${status}`);
    const response = new Response(null, { status });
    response._lines = headerLine('location', parsed).line;
    response._guard = 'immutable';
    return response;
  }

  static error(): Response {
    const response = new Response();
    response._status = 0;
    response._type = 'error';
    response._guard = 'immutable';
    return response;
  }

  get [Symbol.toStringTag](): string {
    return 'Response';
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    _options: unknown,
    inspect: (value: unknown) => string,
  ) {
    const { status, statusText, headers, bodyUsed, ok, redirected, type, url } = this;
    return `Response ${inspect({ status, statusText, headers, bodyUsed, ok, redirected, type, url })}`;
  }
}

const jsonLine = 'content-type: application/json\r\n';

let parseUrl = (url: string): string => url;
/** Lets the URL parser, when it is in the image, normalise and refuse the target of `redirect`. */
export function setRedirectParser(parser: (url: string) => string): void {
  parseUrl = parser;
}

function nullBody(status: number): boolean {
  return status === 204 || status === 304 || status === 205 || status === 101;
}

function initialise(response: Response, init: ResponseInit): void {
  if (typeof init !== 'object' && typeof init !== 'function')
    throw new TypeError('Response: the second argument must be an object');
  const { status, statusText, headers } = init;
  if (status !== undefined) {
    const number = Number(status) & 0xffff;
    if (!(number >= 200 && number <= 599))
      throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    response._status = number;
  }
  if (statusText !== undefined) {
    const text = String(statusText);
    if (!reasonPhrase.test(text)) throw new TypeError('Invalid statusText');
    response._statusText = text;
  }
  if (headers === undefined) return;
  if (typeof headers === 'object' && headers !== null && Object.getPrototypeOf(headers) === plainPrototype) {
    let lines = '';
    for (const name in headers) {
      const field = headerLine(name, (headers as Record<string, string>)[name]!);
      lines += field.line;
      if (field.special) response._special = true;
    }
    if (Object.getOwnPropertySymbols(headers).length === 0) {
      response._lines = lines;
      return;
    }
  }
  response._headers = new Headers(headers);
}

function defaultType(response: Response, line: string): void {
  if (response._headers !== undefined) {
    if (!response._headers.has('content-type')) response._headers.append('content-type', line.slice(14, -2));
  } else if (response._lines === '') response._lines = line;
  else if (!response._lines.startsWith('content-type: ') && !response._lines.includes('\ncontent-type: '))
    response._lines += line;
}

/** The lines that libos sends. */
export function responseLines(response: Response): string {
  if (response._headers === undefined && !response._special) return response._lines;
  return linesOfHeaders(response.headers);
}
