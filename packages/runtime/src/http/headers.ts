/**
 * Headers (Fetch §5.1), kept as received text until somebody looks.
 *
 * In: header lines of libos, or what an application gives. Out: the class; lines for libos. Imports http/header-line.
 * Hand-written: it is on the path of every request, where no list or map may be built before it is asked for.
 */
import { headerLine, isSpecial, normaliseName, normaliseValue } from './header-line.js';

export type HeadersInit = Headers | Iterable<readonly string[]> | Record<string, string>;

/** `immutable`: incoming messages and Response.error/redirect. */
export type HeadersGuard = 'none' | 'immutable';

export class Headers {
  /** Received lines, `\nname: value\nname: value\n`; undefined once parsed. */
  _raw: string | undefined;
  /** Names in lower case with their values, in order of arrival. */
  _names: string[] = [];
  _values: string[] = [];
  _guard: HeadersGuard = 'none';

  constructor(init?: HeadersInit | null) {
    if (init !== undefined) fill(this, init);
  }

  get(name: string): string | null {
    const wanted = normaliseName(name);
    if (this._raw !== undefined) return getRaw(this._raw, wanted);
    let found: string | null = null;
    for (let index = 0; index < this._names.length; index++)
      if (this._names[index] === wanted)
        found = found === null ? this._values[index]! : `${found}, ${this._values[index]}`;
    return found;
  }

  has(name: string): boolean {
    const wanted = normaliseName(name);
    if (this._raw !== undefined) return this._raw.includes(`\n${wanted}: `);
    return this._names.includes(wanted);
  }

  set(name: string, value: string): void {
    const wanted = normaliseName(name);
    const text = normaliseValue(wanted, value);
    change(this);
    const first = this._names.indexOf(wanted);
    if (first < 0) {
      this._names.push(wanted);
      this._values.push(text);
      return;
    }
    this._values[first] = text;
    removeFrom(this, wanted, first + 1);
  }

  append(name: string, value: string): void {
    const wanted = normaliseName(name);
    const text = normaliseValue(wanted, value);
    change(this);
    this._names.push(wanted);
    this._values.push(text);
  }

  delete(name: string): void {
    const wanted = normaliseName(name);
    change(this);
    removeFrom(this, wanted, 0);
  }

  getSetCookie(): string[] {
    parse(this);
    return this._values.filter((_, index) => this._names[index] === 'set-cookie');
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
    if (typeof callback !== 'function')
      throw new TypeError('Headers.forEach: the callback must be a function');
    for (const [name, value] of this) callback.call(self, value, name, this);
  }

  *entries(): IterableIterator<[string, string]> {
    // Sorted anew at each step, as the standard's iterators see changes made meanwhile.
    for (let index = 0; ; index++) {
      const pairs = sorted(this);
      if (index >= pairs.length) return;
      yield pairs[index]!;
    }
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'Headers';
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    _options: unknown,
    inspect: (value: unknown) => string,
  ) {
    return `Headers ${inspect(Object.fromEntries(sorted(this)))}`;
  }
}

function getRaw(raw: string, name: string): string | null {
  const mark = `\n${name}: `;
  let at = raw.indexOf(mark);
  if (at < 0) return null;
  let found: string | undefined;
  for (; at >= 0; at = raw.indexOf(mark, at + 1)) {
    const start = at + mark.length;
    const value = raw.slice(start, raw.indexOf('\n', start));
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found!;
}

function parse(headers: Headers): void {
  const raw = headers._raw;
  if (raw === undefined) return;
  headers._raw = undefined;
  for (let at = 1; at < raw.length; ) {
    const end = raw.indexOf('\n', at);
    const colon = raw.indexOf(': ', at);
    headers._names.push(raw.slice(at, colon));
    headers._values.push(raw.slice(colon + 2, end));
    at = end + 1;
  }
}

function change(headers: Headers): void {
  if (headers._guard === 'immutable') throw new TypeError('these headers cannot be changed: copy them first');
  parse(headers);
}

function removeFrom(headers: Headers, name: string, from: number): void {
  for (let index = headers._names.length - 1; index >= from; index--)
    if (headers._names[index] === name) {
      headers._names.splice(index, 1);
      headers._values.splice(index, 1);
    }
}

/** Fetch's "sort and combine": names in order, values joined, each Set-Cookie by itself. */
function sorted(headers: Headers): [string, string][] {
  parse(headers);
  const combined = new Map<string, string>();
  const cookies: [string, string][] = [];
  for (let index = 0; index < headers._names.length; index++) {
    const name = headers._names[index]!;
    const value = headers._values[index]!;
    if (name === 'set-cookie') {
      cookies.push([name, value]);
      continue;
    }
    const before = combined.get(name);
    combined.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return [...combined, ...cookies].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function fill(headers: Headers, init: unknown): void {
  if (init === null || (typeof init !== 'object' && typeof init !== 'function'))
    throw new TypeError('Headers: the argument must be a record, pairs or Headers');
  if (init instanceof Headers) {
    parse(init);
    headers._names = init._names.slice();
    headers._values = init._values.slice();
    return;
  }
  const iterator = (init as Partial<Iterable<unknown>>)[Symbol.iterator];
  if (iterator !== undefined && iterator !== null) {
    for (const pair of init as Iterable<Iterable<string>>) {
      if (typeof pair !== 'object' || pair === null)
        throw new TypeError('Headers: each pair must be a sequence of name and value');
      const items = [...pair];
      if (items.length !== 2) throw new TypeError('Headers: each pair must have a name and a value');
      headers.append(items[0]!, items[1]!);
    }
    return;
  }
  for (const name of Reflect.ownKeys(init)) {
    if (!Object.getOwnPropertyDescriptor(init, name)?.enumerable) continue;
    if (typeof name === 'symbol') throw new TypeError('Headers: a symbol is not a header name');
    headers.append(name, (init as Record<string, string>)[name]!);
  }
}

/**
 * Headers over received lines, parsed when needed.
 * @param lines `name: value\n`, names in lower case
 */
export function receivedHeaders(lines: string): Headers {
  const headers = new Headers();
  headers._raw = `\n${lines}`;
  headers._guard = 'immutable';
  return headers;
}

/** Headers over lines to be sent, `name: value\r\n`. */
export function headersOfLines(lines: string, guard: HeadersGuard): Headers {
  const headers = new Headers();
  headers._raw = `\n${lines.replaceAll('\r', '')}`;
  headers._guard = guard;
  return headers;
}

/** Lines to be sent, without those that libos writes itself (`isSpecial`). */
export function linesOfHeaders(headers: Headers): string {
  parse(headers);
  let lines = '';
  for (let index = 0; index < headers._names.length; index++) {
    const name = headers._names[index]!;
    if (!isSpecial(name)) lines += headerLine(name, headers._values[index]!).line;
  }
  return lines;
}
