/**
 * Bodies of requests and responses (Fetch §5.3): held as given, turned into a stream only when asked for.
 *
 * In: what an application passes as body, or a body that arrives. Out: the base class of Request and Response.
 * Imports core, http/headers, encoding. Streams, blobs and forms register themselves here when they are in the
 * image (`parts`), so that a service that answers text carries none of them.
 */
import { concatenate, decodeUtf8, encodeUtf8 } from '../encoding/utf8.js';
import { headerLine } from './header-line.js';
import type { Headers } from './headers.js';

/** A body that comes from the network. */
export interface IncomingBody {
  /** Reads to the end. */
  bytes(): Promise<Uint8Array>;
  /** Some bytes, or undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** The rest is not wanted. */
  cancel(): void;
}

/** How streams appear here: the members used of web-streams-polyfill's class. */
export interface StreamLike {
  readonly locked: boolean;
  readonly _disturbed: boolean;
  getReader(): {
    read(): Promise<{ done: boolean; value?: unknown }>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
  tee(): [StreamLike, StreamLike];
  cancel(reason?: unknown): Promise<void>;
}

export type BodySource = string | Uint8Array | IncomingBody | StreamLike | null;

/** What is given as a body, and its Content-Type when none is set. */
export interface ExtractedBody {
  source: BodySource;
  type: string | undefined;
}

/** What other modules add when they are in the image. */
export const parts: {
  isStream?: (value: unknown) => value is StreamLike;
  streamOf?: (source: string | Uint8Array | IncomingBody) => StreamLike;
  blobOf?: (bytes: Uint8Array, type: string) => unknown;
  formDataOf?: (bytes: Uint8Array, type: string) => unknown;
  /** Each knows one class of body. */
  extractors: ((value: object) => ExtractedBody | undefined)[];
} = { extractors: [] };

function need<T>(part: T | undefined, name: string): T {
  if (part === undefined)
    throw new Error(
      `${name} is not in this image, as its name does not occur in the code: import 'noos:globals' to include everything`,
    );
  return part;
}

/** Fetch's "extract a body", for anything but a string. */
export function extractBody(value: unknown): ExtractedBody {
  if (typeof value === 'object' && value !== null) {
    if (value instanceof ArrayBuffer) return { source: new Uint8Array(value.slice(0)), type: undefined };
    if (ArrayBuffer.isView(value))
      return {
        source: new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice(),
        type: undefined,
      };
    for (const extractor of parts.extractors) {
      const extracted = extractor(value);
      if (extracted !== undefined) return extracted;
    }
  }
  return { source: String(value), type: 'text/plain;charset=UTF-8' };
}

/** Request and Response are both a body with headers. */
export abstract class Body {
  /** As given; null when there is none. */
  _body: BodySource = null;
  /** Made on demand; then the only way to the bytes. */
  _stream: StreamLike | undefined;
  _used = false;
  abstract get headers(): Headers;

  get body(): StreamLike | null {
    return this._body === null ? null : streamOf(this);
  }

  get bodyUsed(): boolean {
    return this._used || this._stream?._disturbed === true;
  }

  text(): Promise<string> {
    if (typeof this._body === 'string' && this._stream === undefined && !this._used) {
      this._used = true;
      return Promise.resolve(this._body.toWellFormed());
    }
    return consume(this, (bytes) => decodeUtf8(bytes));
  }

  json(): Promise<unknown> {
    return this.text().then(JSON.parse);
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return consume(
      this,
      (bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
    );
  }

  bytes(): Promise<Uint8Array> {
    return consume(this, (bytes) => bytes.slice());
  }

  blob(): Promise<unknown> {
    return consume(this, (bytes) =>
      need(parts.blobOf, 'Blob')(bytes, this.headers.get('content-type') ?? ''),
    );
  }

  formData(): Promise<unknown> {
    return consume(this, (bytes) =>
      need(parts.formDataOf, 'FormData')(bytes, this.headers.get('content-type') ?? ''),
    );
  }
}

/** True when the body cannot be read (again). */
export function unusable(body: Body): boolean {
  return body.bodyUsed || body._stream?.locked === true;
}

function streamOf(body: Body): StreamLike {
  if (body._stream !== undefined) return body._stream;
  const source = body._body;
  if (parts.isStream?.(source)) body._stream = source;
  else body._stream = need(parts.streamOf, 'ReadableStream')(source as string | Uint8Array | IncomingBody);
  return body._stream;
}

async function consume<T>(body: Body, convert: (bytes: Uint8Array) => T): Promise<T> {
  if (unusable(body)) throw new TypeError('Body is unusable: Body has already been read');
  if (body._body === null) return convert(new Uint8Array(0));
  const source = body._stream ?? body._body;
  body._used = true;
  return convert(await bytesOf(source));
}

/** All bytes of a body. */
function bytesOf(source: NonNullable<BodySource>): Uint8Array | Promise<Uint8Array> {
  if (typeof source === 'string') return encodeUtf8(source);
  if (source instanceof Uint8Array) return source;
  if ('bytes' in source) return source.bytes();
  return collect(source);
}

async function collect(stream: StreamLike): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatenate(chunks);
    if (!(value instanceof Uint8Array)) {
      const error = new TypeError('a stream used as a body gave a chunk that is not a Uint8Array');
      reader.cancel(error).catch(() => {});
      throw error;
    }
    chunks.push(value);
  }
}

/** The two bodies of a clone: bytes are shared, streams are teed. */
export function cloneBody(from: Body, to: Body): void {
  if (unusable(from)) throw new TypeError('Response.clone: Body has already been consumed.');
  to._body = from._body;
  if (from._body === null) return;
  if (from._stream === undefined && (typeof from._body === 'string' || from._body instanceof Uint8Array))
    return;
  const [mine, its] = streamOf(from).tee();
  from._body = mine;
  from._stream = mine;
  to._body = its;
  to._stream = its;
}

/** The line of a Content-Type that a body brings with it. */
export function contentTypeLine(type: string): string {
  return headerLine('content-type', type).line;
}
