/**
 * URLSearchParams (URL Standard §6) and application/x-www-form-urlencoded.
 *
 * In: a query or pairs. Out: the class; form bodies. Imports encoding. Hand-written over the engine's
 * decodeURIComponent: `whatwg-url`'s works byte by byte, which costs a hundred times as much in an interpreter.
 */
import { decodeUtf8 } from '../encoding/utf8.js';

type Init = string | Iterable<readonly string[]> | Record<string, string> | URLSearchParams | undefined;

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return decodeLoosely(spaced);
  }
}

/** Percent-decoding that leaves malformed escapes and turns malformed UTF-8 into U+FFFD. */
function decodeLoosely(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (escapes) => {
    const bytes = new Uint8Array(escapes.length / 3);
    for (let index = 0; index < bytes.length; index++)
      bytes[index] = Number.parseInt(escapes.slice(3 * index + 1, 3 * index + 3), 16);
    // The first one is no byte order mark here.
    return bytes[0] === 0xef ? `${decodeUtf8(new Uint8Array([0x61, ...bytes])).slice(1)}` : decodeUtf8(bytes);
  });
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%20|[!'()~]/g, (found) =>
    found === '%20' ? '+' : `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function parsePairs(query: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const piece of query.split('&')) {
    if (piece === '') continue;
    const at = piece.indexOf('=');
    pairs.push(at < 0 ? [decode(piece), ''] : [decode(piece.slice(0, at)), decode(piece.slice(at + 1))]);
  }
  return pairs;
}

export class URLSearchParams {
  _pairs: [string, string][] = [];
  /** Tells the URL that these belong to. */
  _changed: ((query: string) => void) | undefined;

  constructor(init?: Init) {
    if (init === undefined || init === null) {
      if (init === null) this._pairs = [['null', '']];
    } else if (typeof init === 'object' || typeof init === 'function') fill(this, init);
    else {
      const text = String(init).toWellFormed();
      this._pairs = parsePairs(text.startsWith('?') ? text.slice(1) : text);
    }
  }

  get size(): number {
    return this._pairs.length;
  }

  append(name: string, value: string): void {
    this._pairs.push([String(name).toWellFormed(), String(value).toWellFormed()]);
    changed(this);
  }

  delete(name: string, value?: string): void {
    this._pairs = this._pairs.filter(
      ([other, own]) => other !== String(name) || (value !== undefined && own !== String(value)),
    );
    changed(this);
  }

  get(name: string): string | null {
    return this._pairs.find(([other]) => other === String(name))?.[1] ?? null;
  }

  getAll(name: string): string[] {
    return this._pairs.filter(([other]) => other === String(name)).map(([, value]) => value);
  }

  has(name: string, value?: string): boolean {
    return this._pairs.some(
      ([other, own]) => other === String(name) && (value === undefined || own === String(value)),
    );
  }

  set(name: string, value: string): void {
    const wanted = String(name).toWellFormed();
    const text = String(value).toWellFormed();
    const first = this._pairs.findIndex(([other]) => other === wanted);
    if (first < 0) this._pairs.push([wanted, text]);
    else {
      this._pairs = this._pairs.filter(([other], index) => other !== wanted || index === first);
      this._pairs[first]![1] = text;
    }
    changed(this);
  }

  sort(): void {
    this._pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    changed(this);
  }

  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, self?: unknown): void {
    if (typeof callback !== 'function')
      throw new TypeError('URLSearchParams.forEach: the callback must be a function');
    for (const [name, value] of this) callback.call(self, value, name, this);
  }

  *entries(): IterableIterator<[string, string]> {
    for (let index = 0; index < this._pairs.length; index++) {
      const [name, value] = this._pairs[index]!;
      yield [name, value];
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

  toString(): string {
    let text = '';
    for (const [name, value] of this._pairs)
      text += `${text === '' ? '' : '&'}${encode(name)}=${encode(value)}`;
    return text;
  }

  get [Symbol.toStringTag](): string {
    return 'URLSearchParams';
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    _options: unknown,
    inspect: (value: unknown) => string,
  ) {
    if (this._pairs.length === 0) return 'URLSearchParams {}';
    const pairs = this._pairs.map(([name, value]) => `${inspect(name)} => ${inspect(value)}`);
    return `URLSearchParams { ${pairs.join(', ')} }`;
  }
}

function changed(params: URLSearchParams): void {
  params._changed?.(params.toString());
}

function fill(params: URLSearchParams, init: object): void {
  const iterator = (init as Partial<Iterable<unknown>>)[Symbol.iterator];
  if (iterator !== undefined && iterator !== null) {
    for (const pair of init as Iterable<Iterable<string>>) {
      if (typeof pair !== 'object' || pair === null || typeof pair[Symbol.iterator] !== 'function')
        throw new TypeError('Each query pair must be an iterable [name, value] tuple');
      const items = [...pair];
      if (items.length !== 2) throw new TypeError('Each query pair must be an iterable [name, value] tuple');
      params._pairs.push([String(items[0]).toWellFormed(), String(items[1]).toWellFormed()]);
    }
    return;
  }
  for (const name of Object.keys(init))
    params._pairs.push([name.toWellFormed(), String((init as Record<string, string>)[name]).toWellFormed()]);
}

/** Gives the pairs of another query. */
export function setQuery(params: URLSearchParams, query: string): void {
  params._pairs = parsePairs(query);
}
