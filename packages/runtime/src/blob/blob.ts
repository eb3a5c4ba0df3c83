/**
 * Blob and File (File API): bytes in memory.
 *
 * In: parts. Out: the classes. Imports core, encoding, http/body. Hand-written:
 * `fetch-blob` is built on streams and reads asynchronously; here bytes can go into a response directly.
 */
import { host } from '../core/host.js';
import { concatenate, decodeUtf8, encodeUtf8 } from '../encoding/utf8.js';
import { parts } from '../http/body.js';

export interface BlobOptions {
  type?: string;
  endings?: 'transparent' | 'native';
}

function bytesOf(part: unknown): Uint8Array {
  if (part instanceof Blob) return part._bytes;
  if (part instanceof ArrayBuffer) return new Uint8Array(part.slice(0));
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength).slice();
  return encodeUtf8(String(part));
}

function normaliseType(type: unknown): string {
  const text = String(type);
  return /^[\x20-\x7e]*$/.test(text) ? text.toLowerCase() : '';
}

export class Blob {
  readonly type: string;
  /** Never written to: slices, clones and bodies share it. */
  _bytes: Uint8Array;

  constructor(blobParts: Iterable<unknown> = [], options: BlobOptions = {}) {
    if (
      typeof blobParts !== 'object' ||
      blobParts === null ||
      typeof blobParts[Symbol.iterator] !== 'function'
    )
      throw new TypeError('Blob: the parts must be a sequence');
    const chunks: Uint8Array[] = [];
    for (const part of blobParts) chunks.push(bytesOf(part));
    this._bytes = chunks.length === 0 ? new Uint8Array(0) : concatenate(chunks);
    this.type = normaliseType(options?.type ?? '');
  }

  get size(): number {
    return this._bytes.byteLength;
  }

  async text(): Promise<string> {
    return decodeUtf8(this._bytes);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this._bytes.slice().buffer as ArrayBuffer;
  }

  async bytes(): Promise<Uint8Array> {
    return this._bytes.slice();
  }

  stream(): unknown {
    if (parts.streamOf === undefined)
      throw new Error("ReadableStream is not in this image: import 'noos:globals'");
    return parts.streamOf(this._bytes);
  }

  slice(start = 0, end: number = this.size, type = ''): Blob {
    const { size } = this;
    const from = start < 0 ? Math.max(size + start, 0) : Math.min(start, size);
    const to = end < 0 ? Math.max(size + end, 0) : Math.min(end, size);
    return blobOf(this._bytes.subarray(from, Math.max(from, to)), type);
  }

  _clone(): Blob {
    return blobOf(this._bytes, this.type);
  }

  get [Symbol.toStringTag](): string {
    return 'Blob';
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    _options: unknown,
    inspect: (value: unknown) => string,
  ) {
    return `${this[Symbol.toStringTag]} ${inspect({ size: this.size, type: this.type })}`;
  }
}

/** A blob that shares `bytes`. */
export function blobOf(bytes: Uint8Array, type: string): Blob {
  const blob = new Blob([], { type });
  blob._bytes = bytes;
  return blob;
}

export class File extends Blob {
  readonly name: string;
  readonly lastModified: number;

  constructor(
    fileParts: Iterable<unknown>,
    name: string,
    options: BlobOptions & { lastModified?: number } = {},
  ) {
    if (name === undefined) throw new TypeError('File: the name is missing');
    super(fileParts, options);
    this.name = String(name);
    this.lastModified = Math.trunc(Number(options?.lastModified ?? host.wallMs())) || 0;
  }

  get webkitRelativePath(): string {
    return '';
  }

  override _clone(): File {
    const { type, lastModified } = this;
    return new File([this], this.name, { type, lastModified });
  }

  override get [Symbol.toStringTag](): string {
    return 'File';
  }
}
