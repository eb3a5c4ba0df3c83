/**
 * Exchanges in progress: bodies that arrive and leave, for server and client alike.
 *
 * In: libos's httpReadable, httpWritable, httpClosed. Out: incoming bodies; writing with back-pressure. Imports core.
 * An exchange is here only while something waits for it; a request answered at once never is.
 */
import { dispatchKinds, errorCodes } from '@noos/abi';
import { systemError } from '../core/errors.js';
import { host, onDispatch } from '../core/host.js';
import { concatenate } from '../encoding/utf8.js';
import type { BodySource, IncomingBody, StreamLike } from './body.js';

/** Bytes taken from libos at once. */
const chunkBytes = 65_536;

export class Exchange {
  id: number;
  /** Why the handle is dead; undefined while it lives. */
  error: Error | undefined;
  onReadable: (() => void) | undefined;
  onWritable: (() => void) | undefined;
  onClosed: ((error: Error) => void)[] | undefined;

  constructor(id: number) {
    this.id = id;
  }
}

const open = new Map<number, Exchange>();

/** The state of an exchange that continues after this call. */
export function exchangeOf(id: number): Exchange {
  let exchange = open.get(id);
  if (exchange === undefined) {
    exchange = new Exchange(id);
    open.set(id, exchange);
  }
  return exchange;
}

/** The exchange is over as far as this side is concerned. */
export function forget(id: number): void {
  const exchange = open.get(id);
  if (exchange === undefined) return;
  open.delete(id);
  // Whoever still reads the rest of a request that has been answered must not wait for ever.
  if (exchange.onReadable !== undefined || exchange.onWritable !== undefined)
    kill(exchange, systemError(errorCodes.ENOTCONN, 'HTTP exchange'));
}

function kill(exchange: Exchange, error: Error): void {
  exchange.error ??= error;
  const { onClosed, onReadable, onWritable } = exchange;
  exchange.onClosed = undefined;
  exchange.onReadable = undefined;
  exchange.onWritable = undefined;
  for (const action of onClosed ?? []) action(exchange.error);
  onReadable?.();
  onWritable?.();
}

/** Calls `action` when the exchange dies before its end. */
export function whenClosed(exchange: Exchange, action: (error: Error) => void): void {
  exchange.onClosed ??= [];
  exchange.onClosed.push(action);
}

onDispatch(dispatchKinds.httpReadable, ((id: number) => {
  const exchange = open.get(id);
  const waiter = exchange?.onReadable;
  if (waiter === undefined) return;
  exchange!.onReadable = undefined;
  waiter();
}) as never);

onDispatch(dispatchKinds.httpWritable, ((id: number) => {
  const exchange = open.get(id);
  const waiter = exchange?.onWritable;
  if (waiter === undefined) return;
  exchange!.onWritable = undefined;
  waiter();
}) as never);

onDispatch(dispatchKinds.httpClosed, ((id: number, error: number) => {
  const exchange = open.get(id);
  if (exchange === undefined) return;
  open.delete(id);
  kill(exchange, systemError(error, 'HTTP exchange'));
}) as never);

/** A body that arrives on an exchange, read when somebody wants it: unread bytes hold the peer's window shut. */
export class ExchangeBody implements IncomingBody {
  exchange: Exchange;
  /** Client: where the response ends, the handle dies. */
  onEnd: (() => void) | undefined;
  ended = false;

  constructor(exchange: Exchange, onEnd?: () => void) {
    this.exchange = exchange;
    this.onEnd = onEnd;
  }

  /** What waits now: bytes, null at the end, undefined when nothing. @throws SystemError */
  take(): Uint8Array<ArrayBuffer> | null | undefined {
    if (this.ended) return null;
    if (this.exchange.error !== undefined) throw this.exchange.error;
    const taken = host.httpRead(this.exchange.id, chunkBytes);
    if (taken === undefined) return undefined;
    if (taken === null) {
      this.ended = true;
      this.onEnd?.();
      return null;
    }
    if (typeof taken === 'number') throw this.fail(taken);
    return new Uint8Array(taken);
  }

  /** The body is wrong or too long: libos ends the exchange. */
  private fail(code: number): Error {
    this.exchange.error ??= systemError(code, 'read a body');
    return this.exchange.error;
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => readChunk(this, resolve, reject));
  }

  bytes(): Promise<Uint8Array> {
    const result = host.httpBuffer(this.exchange.id);
    if (result < 0) return Promise.reject(this.fail(result));
    return new Promise((resolve, reject) => readAll(this, [], resolve, reject));
  }

  cancel(): void {
    this.ended = true;
    this.onEnd?.();
  }
}

// The closures that wait hold no reference to themselves: a cycle would keep every chunk until the collector runs.

function readChunk(
  body: ExchangeBody,
  resolve: (chunk: Uint8Array | undefined) => void,
  reject: (error: unknown) => void,
): void {
  try {
    const chunk = body.take();
    if (chunk === undefined) body.exchange.onReadable = () => readChunk(body, resolve, reject);
    else resolve(chunk ?? undefined);
  } catch (error) {
    reject(error);
  }
}

function readAll(
  body: ExchangeBody,
  chunks: Uint8Array[],
  resolve: (bytes: Uint8Array) => void,
  reject: (error: unknown) => void,
): void {
  try {
    let chunk = body.take();
    for (; chunk !== undefined && chunk !== null; chunk = body.take()) chunks.push(chunk);
    if (chunk === undefined) body.exchange.onReadable = () => readAll(body, chunks, resolve, reject);
    else resolve(concatenate(chunks));
  } catch (error) {
    reject(error);
  }
}

/** Queues bytes, waiting as often as the peer is slower. @throws SystemError when the exchange has died */
export async function writeAll(exchange: Exchange, bytes: Uint8Array): Promise<void> {
  let sent = 0;
  while (sent < bytes.byteLength) {
    if (exchange.error !== undefined) throw exchange.error;
    const taken = host.httpWrite(
      exchange.id,
      bytes.buffer as ArrayBuffer,
      bytes.byteOffset + sent,
      bytes.byteLength - sent,
    );
    if (taken < 0) throw systemError(taken, 'write a body');
    sent += taken;
    if (sent < bytes.byteLength)
      await new Promise<void>((resolve) => {
        exchange.onWritable = resolve;
      });
  }
}

/** Sends a body from its source to the end. @throws what the source or the exchange throws */
export async function sendBody(exchange: Exchange, source: IncomingBody | StreamLike): Promise<void> {
  if (!('getReader' in source)) {
    for (let chunk = await source.read(); chunk !== undefined; chunk = await source.read())
      await writeAll(exchange, chunk);
    return;
  }
  const reader = source.getReader();
  const stop = (error: Error) => {
    reader.cancel(error).catch(() => {});
  };
  whenClosed(exchange, stop);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (exchange.error !== undefined) throw exchange.error;
      if (done) return;
      if (!(value instanceof Uint8Array))
        throw new TypeError('a stream used as a body gave a chunk that is not a Uint8Array');
      await writeAll(exchange, value);
    }
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}

/** True for a body that is sent piece by piece. */
export function isStreaming(source: BodySource): source is IncomingBody | StreamLike {
  return source !== null && typeof source !== 'string' && !(source instanceof Uint8Array);
}
