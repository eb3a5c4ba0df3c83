/**
 * TCP sockets of a stack as objects with callbacks. In: handles and events of stack.wasm. Out: connections, listeners.
 * May import: exports, socket-call. Errors of the stack are negative `errorCodes` of abi.
 */
import { socketEvents } from '@noos/abi';
import type { StackCore } from './core.js';
import { StackError } from './error.js';

/** A connection. Callbacks run inside a turn of the stack; they may use any socket. */
export interface TcpConnection {
  readonly localAddress: number;
  readonly localPort: number;
  readonly peerAddress: number;
  readonly peerPort: number;
  /** A connect has succeeded. */
  onConnected: () => void;
  /** Bytes to read, or the peer's FIN (`finished`). */
  onReadable: () => void;
  /** Room again after `write` took less than it was given. */
  onWritable: () => void;
  /** The connection ended; `error` is 0 or a negative error code. The last callback. */
  onClosed: (error: number) => void;
  /** Answers a held SYN (listener with `deferred`). */
  accept(): void;
  /** Refuses a held SYN with RST. */
  refuse(): void;
  /** Queues bytes; returns how many were taken, 0 when the send buffer is full or the connection is gone. */
  write(bytes: Uint8Array): number;
  /** Takes what has arrived (at most 64 KiB); empty when nothing waits. */
  read(): Uint8Array;
  /** What has arrived, contiguous and in place: valid until the next call of any socket. Follow with `consume`. */
  peek(): Uint8Array;
  consume(length: number): void;
  /** Bytes that `write` takes now. */
  sendSpace(): number;
  /** All was read and the peer has sent FIN. */
  finished(): boolean;
  /** Sends FIN after what is queued. */
  shutdown(): void;
  /** Sends RST and forgets. */
  abort(): void;
  /** Closes in order in the background and forgets; no further callback. */
  release(): void;
  setOption(option: number, value: number): void;
}

export interface TcpListener {
  readonly port: number;
  close(): void;
}

export interface TcpListenOptions {
  /** Own address; 0 for any. */
  address?: number;
  /** Port; 0 with `deferred` on a gateway: any port of any address. */
  port: number;
  /** Connections waiting at most, 128 unless given. */
  backlog?: number;
  /** The SYN is held: the connection's `accept` or `refuse` answers it. */
  deferred?: boolean;
}

const nothing = (): void => {};

/** The TCP half of a stack; `dispatch` is given every event. */
export function createTcp(core: StackCore): {
  listen(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener;
  connect(address: number, port: number, localAddress?: number, localPort?: number): TcpConnection;
  dispatch(handle: number, bits: number): void;
} {
  const { exports } = core;
  const connections = new Map<number, TcpConnection>();
  const listeners = new Map<number, (connection: TcpConnection) => void>();

  function wrap(handle: number): TcpConnection {
    const forget = (): void => void connections.delete(handle);
    const connection: TcpConnection = {
      localAddress: exports.tcpLocalAddress(handle) >>> 0,
      localPort: exports.tcpLocalPort(handle),
      peerAddress: exports.tcpPeerAddress(handle) >>> 0,
      peerPort: exports.tcpPeerPort(handle),
      onConnected: nothing,
      onReadable: nothing,
      onWritable: nothing,
      onClosed: nothing,
      accept: () => core.call(() => exports.tcpAcceptDeferred(handle)),
      refuse() {
        forget();
        core.call(() => exports.tcpRefuseDeferred(handle));
      },
      write: (bytes) =>
        core.call(() => {
          let taken = 0;
          while (taken < bytes.length) {
            const part = bytes.subarray(taken, taken + core.scratchBytes);
            core.putScratch(part);
            const count = exports.tcpSend(handle, core.scratch, part.length);
            if (count > 0) taken += count;
            if (count < part.length) break;
          }
          return taken;
        }),
      read: () =>
        core.call(() => {
          const length = exports.tcpReceive(handle, core.scratch, core.scratchBytes);
          return length > 0 ? core.bytesAt(core.scratch, length).slice() : new Uint8Array(0);
        }),
      peek() {
        const length = exports.tcpPeekLength(handle);
        return length === 0 ? new Uint8Array(0) : core.bytesAt(exports.tcpPeek(handle), length);
      },
      consume: (length) => core.call(() => exports.tcpConsume(handle, length)),
      sendSpace: () => exports.tcpSendSpace(handle) >>> 0,
      finished: () => exports.tcpFinished(handle) !== 0,
      shutdown: () => core.call(() => exports.tcpShutdown(handle)),
      abort() {
        forget();
        core.call(() => exports.tcpAbort(handle));
      },
      release() {
        forget();
        core.call(() => exports.tcpRelease(handle));
      },
      setOption: (option, value) => void exports.tcpSetOption(handle, option, value),
    };
    connections.set(handle, connection);
    return connection;
  }

  /** Hands over every connection that waits; at `EAGAIN` there is none left. */
  function acceptAll(listener: number, onConnection: (connection: TcpConnection) => void): void {
    for (;;) {
      const handle = exports.tcpAccept(listener);
      if (handle <= 0) return;
      onConnection(wrap(handle));
    }
  }

  return {
    listen({ address = 0, port, backlog = 128, deferred = false }, onConnection) {
      const handle = core.call(() => exports.tcpListen(address, port, backlog, core.owner, deferred ? 1 : 0));
      if (handle < 0) throw new StackError(handle, `cannot listen on port ${port}`);
      listeners.set(handle, onConnection);
      return {
        port: port === 0 ? 0 : exports.tcpLocalPort(handle),
        close() {
          listeners.delete(handle);
          core.call(() => exports.tcpRelease(handle));
        },
      };
    },
    connect(address, port, localAddress = 0, localPort = 0) {
      const handle = core.call(() => exports.tcpConnect(localAddress, localPort, address, port, core.owner));
      if (handle < 0) throw new StackError(handle, 'cannot connect');
      return wrap(handle);
    },
    dispatch(handle, bits) {
      const onConnection = listeners.get(handle);
      if (onConnection !== undefined) return acceptAll(handle, onConnection);
      const connection = connections.get(handle);
      if (connection === undefined) return;
      if (bits & socketEvents.connected) connection.onConnected();
      if (bits & socketEvents.readable) connection.onReadable();
      if (bits & socketEvents.writable) connection.onWritable();
      if (bits & socketEvents.closed && connections.delete(handle)) {
        connection.onClosed(exports.tcpError(handle));
        core.call(() => exports.tcpRelease(handle));
      }
    },
  };
}
