/**
 * HTTP of libos over pipes in memory (http-testing.wasm): what a test sends and gets, without TCP.
 *
 * In: http-testing.wasm. Out: `PipeBench`, one instance with one listener. May import: abi.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dispatchKinds, socketEvents } from '@noos/abi';

export const clientAddress = 0xc0000201;
/** Result of `httpRead` at the end of a body. */
const bodyEnd = -1000;
const scratchBytes = 1 << 21;
const secondNs = 1_000_000_000n;

/** What `httpNextEvent` reports. */
export interface HttpEvent {
  kind: number;
  exchange: number;
  error: number;
  method: string;
  target: string;
  headers: string;
  status: number;
  bodyBytes: number;
}

type Wasm = Record<string, (...values: never[]) => never> & {
  memory: WebAssembly.Memory;
};
type Call = (...values: (number | bigint)[]) => number;

let compiled: WebAssembly.Module | undefined;

/** Limits that a test changes: name → value, as in the start parameters `http.NAME`. */
export type LimitOverrides = Record<string, number>;

export class PipeBench {
  readonly wasm: Record<string, Call>;
  readonly listener: number;
  nowNs = secondNs;
  readonly #memory: WebAssembly.Memory;
  readonly #scratch: number;
  readonly #globals: Record<string, WebAssembly.Global>;

  constructor(limits: LimitOverrides = {}) {
    compiled ??= new WebAssembly.Module(
      readFileSync(new URL('../../build/http-testing.wasm', import.meta.url)),
    );
    const panic = (address: number, length: number) => {
      throw new Error(this.text(address, length));
    };
    const instance = new WebAssembly.Instance(compiled, {
      platform: {
        panic,
        memory_release: (address: number, length: number) =>
          void new Uint8Array(this.#memory.buffer, address >>> 0, length).fill(0),
      },
    });
    const exports = instance.exports as unknown as Wasm;
    this.#memory = exports.memory;
    this.wasm = exports as unknown as Record<string, Call>;
    this.#globals = exports as unknown as Record<string, WebAssembly.Global>;
    this.#scratch = this.call('allocate', scratchBytes);
    for (const [name, value] of Object.entries(limits)) assert.equal(this.setLimit(name, value), 0, name);
    this.elapse(0);
    this.listener = this.call('httpListen', 80, 0);
    assert.ok(this.listener > 0);
  }

  call(name: string, ...values: (number | bigint)[]): number {
    const f = this.wasm[name];
    if (f === undefined) throw new Error(`http-testing.wasm has no export ${name}`);
    return f(...values);
  }

  /** LIMIT_SET 0, LIMIT_UNKNOWN 1, LIMIT_OUT_OF_RANGE 2. */
  setLimit(name: string, value: number | bigint): number {
    const [place] = this.put(name) as [[number, number]];
    return this.call('httpLimitSet', ...place, BigInt(value));
  }

  global(name: string): number {
    return this.#globals[name]!.value as number;
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  bytes(address: number, length: number): Buffer {
    return Buffer.from(this.#memory.buffer, address, length);
  }

  /** Latin-1: one character a byte. */
  text(address: number, length: number): string {
    return this.bytes(address, length).toString('latin1');
  }

  /** Copies texts (Latin-1) and bytes one behind the other into scratch memory; returns [address, length] of each. */
  put(...parts: (string | Uint8Array)[]): [number, number][] {
    let at = this.#scratch;
    return parts.map((part) => {
      const bytes = typeof part === 'string' ? Buffer.from(part, 'latin1') : part;
      assert.ok(at + bytes.length <= this.#scratch + scratchBytes);
      new Uint8Array(this.#memory.buffer).set(bytes, at);
      const place: [number, number] = [at, bytes.length];
      at += bytes.length;
      return place;
    });
  }

  /** Lets `seconds` pass; timers fire. */
  elapse(seconds: number): void {
    this.nowNs += BigInt(Math.round(seconds * 1e9));
    // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110, and the time since.
    this.call('advanceClock', this.nowNs, 784_111_777n * secondNs + this.nowNs - secondNs);
  }

  /** A client connects to the listener, from `address` when given. */
  open(address?: number): number {
    const handle = this.call('pipeOpen');
    if (address !== undefined) this.call('pipeSetPeer', handle, address);
    this.call('httpTcpEvent', this.listener, this.call('pipeAcceptable'));
    return handle;
  }

  #tell(handle: number, bits: number): boolean {
    if (bits !== 0) this.call('httpTcpEvent', handle, bits);
    return bits !== 0;
  }

  /** Bytes of the peer; false when libos has let go of the connection. */
  deliver(handle: number, data: string | Uint8Array): boolean {
    const [[address, length]] = this.put(data) as [[number, number]];
    return this.#tell(handle, this.call('pipeDeliver', handle, address, length));
  }

  finish(handle: number): void {
    this.#tell(handle, this.call('pipeFinish', handle));
  }

  reset(handle: number, error = 0): void {
    this.#tell(handle, this.call('pipeReset', handle, error));
  }

  /** The connect that libos started last; completes it unless told otherwise. */
  connected(handle: number): void {
    this.#tell(handle, this.call('pipeConnected', handle));
  }

  get lastConnect(): number {
    return this.global('lastConnect');
  }

  /** Takes what libos has sent. */
  take(handle: number): Buffer {
    const bytes = Buffer.from(this.bytes(this.call('pipeSent', handle), this.call('pipeSentLength', handle)));
    this.#tell(handle, this.call('pipeTaken', handle));
    return bytes;
  }

  /** Takes what libos has sent, as Latin-1, and continues until nothing more comes. */
  takeAll(handle: number, application?: (event: HttpEvent) => void): string {
    let all = '';
    for (;;) {
      const piece = this.take(handle).toString('latin1');
      this.run(application);
      if (piece === '' && this.call('pipeSentLength', handle) === 0) return all;
      all += piece;
    }
  }

  ended(handle: number): { shut: boolean; aborted: boolean; released: boolean } {
    const bits = this.call('pipeEnded', handle);
    return { shut: (bits & 1) !== 0, aborted: (bits & 2) !== 0, released: (bits & 4) !== 0 };
  }

  /** Hands every event to `application`; returns them. */
  run(application?: (event: HttpEvent) => void): HttpEvent[] {
    const events: HttpEvent[] = [];
    while (this.call('httpNextEvent') !== 0) {
      const exchange = this.global('httpEventExchange');
      const kind = this.global('httpEventKind');
      const read = (name: string) =>
        this.text(this.call(name, exchange), this.call(`${name}Length`, exchange));
      const isRequest = kind === dispatchKinds.httpRequest;
      const isResponse = kind === dispatchKinds.httpResponse;
      const event: HttpEvent = {
        kind,
        exchange,
        error: this.global('httpEventError'),
        method: isRequest ? read('requestMethod') : '',
        target: isRequest ? read('requestTarget') : '',
        headers: isRequest ? read('requestHeaders') : isResponse ? read('responseHeaders') : '',
        status: isResponse ? this.call('responseStatus', exchange) : 0,
        bodyBytes: Number(
          isRequest
            ? this.call('requestBodyBytes', exchange)
            : isResponse
              ? this.call('responseBodyBytes', exchange)
              : 0,
        ),
      };
      events.push(event);
      application?.(event);
    }
    return events;
  }

  respond(exchange: number, status: number, headers: string, body: string | Uint8Array = ''): number {
    const [h, b] = this.put(headers, body) as [[number, number], [number, number]];
    return this.call('httpRespond', exchange, status, ...h, ...b);
  }

  respondHead(exchange: number, status: number, headers: string, contentLength: number): number {
    const [h] = this.put(headers) as [[number, number]];
    return this.call('httpRespondHead', exchange, status, ...h, BigInt(contentLength));
  }

  write(exchange: number, body: string | Uint8Array): number {
    const [b] = this.put(body) as [[number, number]];
    return this.call('httpWrite', exchange, ...b);
  }

  /** Body bytes; undefined: none now; null: the end; a number: an error. */
  read(exchange: number, capacity = 65_536): Buffer | undefined | null | number {
    const [[address]] = this.put('') as [[number, number]];
    const result = this.call('httpRead', exchange, address, capacity);
    if (result === bodyEnd) return null;
    if (result < 0) return result;
    return result === 0 ? undefined : Buffer.from(this.bytes(address, result));
  }

  /** A client request to 192.0.2.1. */
  request(method: string, target: string, headers = '', bodyBytes = 0, port = 80): number {
    const [m, t, h] = this.put(method, target, headers) as [number, number][];
    return this.call(
      'httpRequest',
      clientAddress,
      port,
      ...(m as [number, number]),
      ...(t as [number, number]),
      ...(h as [number, number]),
      BigInt(bodyBytes),
    );
  }

  /** Resets connections and forgets them. */
  forget(...handles: number[]): void {
    for (const handle of handles) {
      this.reset(handle);
      this.run();
      this.call('pipeForget', handle);
    }
  }

  /** Asserts that nothing is held for connections any more, after resetting `handles`. */
  assertNothingHeld(...handles: number[]): void {
    this.forget(...handles);
    const held = {
      server: this.global('serverConnections'),
      client: this.global('clientConnections'),
      exchanges: this.global('openExchanges'),
      heads: this.call('detachedHeads'),
      pending: Number(this.call('outputPendingBytes')),
      timers: this.call('timersRunning'),
      pipes: this.call('pipesLive'),
    };
    assert.deepEqual(held, { server: 0, client: 0, exchanges: 0, heads: 0, pending: 0, timers: 0, pipes: 1 });
  }
}

export const { httpRequest, httpReadable, httpWritable, httpClosed, httpResponse } = dispatchKinds;
export { socketEvents };
