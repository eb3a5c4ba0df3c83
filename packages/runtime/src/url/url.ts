/**
 * URL (URL Standard §6.1).
 *
 * In: text. Out: the class. Imports `whatwg-url`'s state machine, url/search-params.
 * Most URLs of a service are http URLs in normal form already: one regular expression takes them apart. Everything
 * else, and every setter, goes through the standard's own state machine, which walks code point by code point.
 */

import { setQuery, URLSearchParams } from './search-params.js';
import machine, { type UrlRecord } from './url-machine.js';

/** Scheme, host, port, path, query, fragment of an http URL that the standard's parser would leave as it is. */
const normalUrl =
  /^(https?:)\/\/((?:[a-z0-9_-]+\.)*[a-z_][a-z0-9_-]*|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d))(?::([1-9]\d{0,4}))?(\/[!$&'()*+,\-./\d:;=@A-Z_a-z~%[\]|]*)(\?[!$&()*+,\-./\d:;=?@A-Z_a-z~%[\]|\\^`{}]*)?(#[!$&'()*+,\-./\d:;=?@A-Z_a-z~%[\]|#\\^{}]*)?$/;
/** What the expression lets through and the standard may change: encoded Unicode, dot segments, also as %2e. */
const notNormal = ['xn--', '/.', '/%2'];

export class URL {
  _href = '';
  _protocol = '';
  _username = '';
  _password = '';
  /** Undefined for none, as in `mailto:`. */
  _hostname = '';
  _port = '';
  _pathname = '';
  /** With its question mark; empty when there is no query or an empty one. */
  _search = '';
  _hash = '';
  _params: URLSearchParams | undefined;

  constructor(url: string, base?: string | URL) {
    if (url === undefined) throw new TypeError('The "url" argument must be specified');
    if (!parseInto(this, String(url), base === undefined ? undefined : String(base))) {
      const error = new TypeError('Invalid URL') as TypeError & { code: string; input: string };
      error.code = 'ERR_INVALID_URL';
      error.input = String(url);
      throw error;
    }
  }

  static canParse(url: string, base?: string): boolean {
    return URL.parse(url, base) !== null;
  }

  static parse(url: string, base?: string): URL | null {
    try {
      return new URL(url, base);
    } catch {
      return null;
    }
  }

  get href(): string {
    return this._href;
  }

  set href(value: string) {
    if (!parseInto(this, String(value), undefined)) throw new TypeError('Invalid URL');
    if (this._params !== undefined) setQuery(this._params, this._search.slice(1));
  }

  get origin(): string {
    const { _protocol: protocol } = this;
    if (protocol === 'http:' || protocol === 'https:') return `${protocol}//${this.host}`;
    return machine.serializeURLOrigin(record(this));
  }

  get protocol(): string {
    return this._protocol;
  }

  set protocol(value: string) {
    change(this, `${value}:`, 'scheme start');
  }

  get username(): string {
    return this._username;
  }

  set username(value: string) {
    const url = record(this);
    if (machine.cannotHaveAUsernamePasswordPort(url)) return;
    machine.setTheUsername(url, String(value).toWellFormed());
    take(this, url);
  }

  get password(): string {
    return this._password;
  }

  set password(value: string) {
    const url = record(this);
    if (machine.cannotHaveAUsernamePasswordPort(url)) return;
    machine.setThePassword(url, String(value).toWellFormed());
    take(this, url);
  }

  get host(): string {
    return this._port === '' ? this._hostname : `${this._hostname}:${this._port}`;
  }

  set host(value: string) {
    if (!machine.hasAnOpaquePath(record(this))) change(this, value, 'host');
  }

  get hostname(): string {
    return this._hostname;
  }

  set hostname(value: string) {
    if (!machine.hasAnOpaquePath(record(this))) change(this, value, 'hostname');
  }

  get port(): string {
    return this._port;
  }

  set port(value: string) {
    const url = record(this);
    if (machine.cannotHaveAUsernamePasswordPort(url)) return;
    if (String(value) === '') url.port = null;
    else machine.basicURLParse(String(value), { url, stateOverride: 'port' });
    take(this, url);
  }

  get pathname(): string {
    return this._pathname;
  }

  set pathname(value: string) {
    const url = record(this);
    if (machine.hasAnOpaquePath(url)) return;
    url.path = [];
    machine.basicURLParse(String(value).toWellFormed(), { url, stateOverride: 'path start' });
    take(this, url);
  }

  get search(): string {
    return this._search;
  }

  set search(value: string) {
    setSearch(this, String(value).toWellFormed());
    if (this._params !== undefined) setQuery(this._params, this._search.slice(1));
  }

  get searchParams(): URLSearchParams {
    if (this._params === undefined) {
      this._params = new URLSearchParams(this._search === '' ? '' : this._search);
      this._params._changed = (query) => setSearch(this, query);
    }
    return this._params;
  }

  get hash(): string {
    return this._hash;
  }

  set hash(value: string) {
    const text = String(value).toWellFormed();
    const url = record(this);
    if (text === '') url.fragment = null;
    else {
      url.fragment = '';
      machine.basicURLParse(text.startsWith('#') ? text.slice(1) : text, { url, stateOverride: 'fragment' });
    }
    take(this, url);
  }

  toString(): string {
    return this._href;
  }

  toJSON(): string {
    return this._href;
  }

  get [Symbol.toStringTag](): string {
    return 'URL';
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    _options: unknown,
    inspect: (value: unknown) => string,
  ) {
    const {
      href,
      origin,
      protocol,
      username,
      password,
      host,
      hostname,
      port,
      pathname,
      search,
      searchParams,
      hash,
    } = this;
    return `URL ${inspect({ href, origin, protocol, username, password, host, hostname, port, pathname, search, searchParams, hash })}`;
  }
}

function setSearch(url: URL, text: string): void {
  const parsed = record(url);
  if (text === '') parsed.query = null;
  else {
    parsed.query = '';
    machine.basicURLParse(text.startsWith('?') ? text.slice(1) : text, {
      url: parsed,
      stateOverride: 'query',
    });
  }
  take(url, parsed);
}

/** The standard's record of a URL; an href always parses. */
function record(url: URL): UrlRecord {
  return machine.basicURLParse(url._href)!;
}

function change(url: URL, value: string, stateOverride: string): void {
  const parsed = record(url);
  machine.basicURLParse(String(value).toWellFormed(), { url: parsed, stateOverride });
  take(url, parsed);
}

function take(url: URL, parsed: UrlRecord): void {
  url._href = machine.serializeURL(parsed);
  url._protocol = `${parsed.scheme}:`;
  url._username = parsed.username;
  url._password = parsed.password;
  url._hostname = parsed.host === null ? '' : machine.serializeHost(parsed.host);
  url._port = parsed.port === null ? '' : String(parsed.port);
  url._pathname = machine.serializePath(parsed);
  url._search = parsed.query === null || parsed.query === '' ? '' : `?${parsed.query}`;
  url._hash = parsed.fragment === null || parsed.fragment === '' ? '' : `#${parsed.fragment}`;
}

function parseNormal(url: URL, text: string): boolean {
  const match = normalUrl.exec(text);
  if (match === null || notNormal.some((part) => text.includes(part))) return false;
  const [, protocol, hostname, port = '', pathname, search = '', hash = ''] = match as string[];
  if (port !== '' && (Number(port) > 65_535 || port === (protocol === 'http:' ? '80' : '443'))) return false;
  url._href = text;
  url._protocol = protocol!;
  url._username = '';
  url._password = '';
  url._hostname = hostname!;
  url._port = port;
  url._pathname = pathname!;
  url._search = search === '?' ? '' : search;
  url._hash = hash === '#' ? '' : hash;
  return true;
}

function parseInto(url: URL, input: string, base: string | undefined): boolean {
  if (base === undefined && parseNormal(url, input)) return true;
  if (base !== undefined && input.charCodeAt(0) === 0x2f && input.charCodeAt(1) !== 0x2f) {
    const origin = /^https?:\/\/[a-z0-9._:-]+(?=\/)/.exec(base);
    if (origin !== null && parseNormal(url, origin[0] + input)) return true;
  }
  const baseURL = base === undefined ? null : machine.basicURLParse(base.toWellFormed());
  if (base !== undefined && baseURL === null) return false;
  const parsed = machine.basicURLParse(input.toWellFormed(), { baseURL });
  if (parsed === null) return false;
  take(url, parsed);
  return true;
}
