/**
 * One TCP connection.
 *
 * In: a handle and its events. Out: reading and writing with back-pressure, as promises or as streams. Imports core.
 */
import { socketEvents, socketOptions } from '@noos/abi';
import { SystemError, systemError } from '../core/errors.js';
import { host } from '../core/host.js';
import { encodeUtf8 } from '../encoding/utf8.js';

import { formatAddress } from './addresses.js';

/** Bytes taken from libos at once. */
const chunkBytes = 65_536;

/** Set by the streams feature: the streams of a connection. */
export const streamParts: {
  readable?: (connection: Connection) => ReadableStream<Uint8Array>;
  writable?: (connection: Connection) => WritableStream<string | Uint8Array>;
} = {};

function streams<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("ReadableStream is not in this image: import 'noos:globals'");
  return part;
}

export class Connection {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Settles when the connection is over: rejected with a SystemError when it broke. */
  readonly closed: Promise<void>;
  _handle: number;
  /** Why nothing can be sent or received any more. */
  _error: Error | undefined;
  _over = false;
  _ended = false;
  _onReadable: (() => void) | undefined;
  _onWritable: (() => void) | undefined;
  _settle: { resolve(): void; reject(error: Error): void };
  _forget: () => void;
  _readable: ReadableStream<Uint8Array> | undefined;
  _writable: WritableStream<string | Uint8Array> | undefined;

  constructor(handle: number, forget: () => void) {
    this._handle = handle;
    this._forget = forget;
    const [localAddress = 0, localPort = 0, address = 0, port = 0] = host
      .tcpAddresses(handle)
      .split(',')
      .map(Number);
    this.localAddress = formatAddress(localAddress);
    this.localPort = localPort;
    this.remoteAddress = formatAddress(address);
    this.remotePort = port;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this._settle = { resolve, reject };
    this.closed = promise;
    // Whoever is not interested in how it ended need not say so.
    promise.catch(() => {});
  }

  /** Next bytes, or undefined after the peer's end. @throws SystemError ECONNRESET, ETIMEDOUT */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return new Promise((resolve, reject) => receive(this, resolve, reject));
  }

  /**
   * Sends bytes or text (as UTF-8); resolves when all are in the send buffer, so waiting is back-pressure.
   * @throws SystemError ENOTCONN after `end` or `close`, ECONNRESET, ETIMEDOUT
   */
  async write(data: string | ArrayBuffer | ArrayBufferView): Promise<void> {
    const bytes = toBytes(data);
    let sent = 0;
    while (sent < bytes.byteLength) {
      if (this._error !== undefined) throw this._error;
      if (this._ended || this._over)
        throw new SystemError('ENOTCONN', 'write: the connection has been ended');
      const taken = host.tcpSend(
        this._handle,
        bytes.buffer as ArrayBuffer,
        bytes.byteOffset + sent,
        bytes.byteLength - sent,
      );
      if (taken < 0) throw systemError(taken, 'write');
      sent += taken;
      if (sent < bytes.byteLength)
        await new Promise<void>((resolve) => {
          this._onWritable = resolve;
        });
    }
  }

  /** Ends this side (FIN) after what was written; reading continues. */
  end(): void {
    if (this._over || this._ended) return;
    this._ended = true;
    host.tcpShutdown(this._handle);
  }

  /** Ends in order in the background: what was written is still sent; nothing more is read. */
  close(): void {
    if (this._over) return;
    host.tcpClose(this._handle);
    finish(this, undefined);
  }

  /** Breaks off (RST). */
  abort(): void {
    if (this._over) return;
    host.tcpAbort(this._handle);
    finish(this, undefined);
  }

  /** Turns Nagle's algorithm off (true) or on. */
  setNoDelay(noDelay = true): void {
    option(this, socketOptions.noDelay, noDelay ? 1 : 0);
  }

  /** Probes after this many idle seconds; 0 never. */
  setKeepAlive(idleSeconds: number): void {
    option(this, socketOptions.keepAlive, idleSeconds);
  }

  /** The bytes that arrive, as a ReadableStream. */
  get readable(): ReadableStream<Uint8Array> {
    this._readable ??= streams(streamParts.readable)(this);
    return this._readable;
  }

  /** What is sent, as a WritableStream; closing it is `end`. */
  get writable(): WritableStream<string | Uint8Array> {
    this._writable ??= streams(streamParts.writable)(this);
    return this._writable;
  }

  /** Chunks until the peer's end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) yield chunk;
  }
}

/**
 * Settles a read now, or once there is something to read. The closure that waits does not hold itself: a cycle would
 * keep every chunk until the collector runs.
 */
function receive(
  connection: Connection,
  resolve: (bytes: Uint8Array<ArrayBuffer> | undefined) => void,
  reject: (error: Error) => void,
): void {
  const taken = connection._over ? null : host.tcpReceive(connection._handle, chunkBytes);
  if (taken === undefined && connection._error === undefined)
    connection._onReadable = () => receive(connection, resolve, reject);
  else if (taken instanceof ArrayBuffer) resolve(new Uint8Array(taken));
  else if (connection._error !== undefined) reject(connection._error);
  else if (typeof taken === 'number') reject(systemError(taken, 'read'));
  else resolve(undefined);
}

function toBytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return encodeUtf8(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError('write: the data must be a text, an ArrayBuffer or a view of one');
}

function option(connection: Connection, name: number, value: number): void {
  if (connection._over) return;
  const result = host.tcpSetOption(connection._handle, name, value);
  if (result < 0) throw systemError(result, 'set a socket option');
}

function wake(connection: Connection): void {
  const { _onReadable: readable, _onWritable: writable } = connection;
  connection._onReadable = undefined;
  connection._onWritable = undefined;
  readable?.();
  writable?.();
}

function finish(connection: Connection, error: Error | undefined): void {
  connection._over = true;
  connection._error = error;
  connection._forget();
  if (error === undefined) connection._settle.resolve();
  else connection._settle.reject(error);
  wake(connection);
}

/** Handles an event of the connection's handle; `bits` of `socketEvents`. */
export function connectionEvent(connection: Connection, bits: number): void {
  if ((bits & socketEvents.readable) !== 0) {
    const waiter = connection._onReadable;
    connection._onReadable = undefined;
    waiter?.();
  }
  if ((bits & socketEvents.writable) !== 0) {
    const waiter = connection._onWritable;
    connection._onWritable = undefined;
    waiter?.();
  }
  if ((bits & socketEvents.closed) === 0) return;
  const error = host.tcpError(connection._handle);
  if (error !== 0) {
    finish(
      connection,
      systemError(error, `connection with ${connection.remoteAddress}:${connection.remotePort}`),
    );
    return;
  }
  // Bytes that still wait can be read; then the handle is of no more use.
  connection._settle.resolve();
  wake(connection);
}
