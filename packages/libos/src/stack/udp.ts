/**
 * UDP sockets of a stack as objects with callbacks. In: handles and events of stack.wasm. Out: sockets.
 * May import: core, error.
 */
import type { StackCore } from './core.js';
import { StackError } from './error.js';

/** A received datagram; `bytes` is the receiver's own copy. */
export interface Datagram {
  bytes: Uint8Array;
  peerAddress: number;
  peerPort: number;
  /** Where it was sent to. */
  localAddress: number;
  localPort: number;
}

export interface UdpSocket {
  readonly port: number;
  onDatagram: (datagram: Datagram) => void;
  /** An ICMP error came back for something that was sent; a negative error code. */
  onError: (error: number) => void;
  /** Returns the bytes sent, or a negative error code (EAGAIN: the device is full). */
  send(address: number, port: number, bytes: Uint8Array): number;
  /** As `send` from any local address and port (gateway). */
  sendFrom(localAddress: number, localPort: number, address: number, port: number, bytes: Uint8Array): number;
  /** Datagrams lost because nobody read them in time. */
  dropped(): number;
  close(): void;
}

/** The UDP half of a stack; `dispatch` is given every socket with an event. */
export function createUdp(core: StackCore): {
  bind(port: number, address?: number): UdpSocket;
  bindWildcard(): UdpSocket;
  dispatch(handle: number): void;
} {
  const { exports } = core;
  const sockets = new Map<number, UdpSocket>();

  function wrap(handle: number, what: string): UdpSocket {
    if (handle < 0) throw new StackError(handle, what);
    const socket: UdpSocket = {
      port: exports.udpLocalPort(handle),
      onDatagram() {},
      onError() {},
      send: (address, port, bytes) =>
        core.call(() => {
          core.putScratch(bytes);
          return exports.udpSend(handle, address, port, core.scratch, bytes.length);
        }),
      sendFrom: (localAddress, localPort, address, port, bytes) =>
        core.call(() => {
          core.putScratch(bytes);
          const { scratch } = core;
          return exports.udpSendFrom(handle, localAddress, localPort, address, port, scratch, bytes.length);
        }),
      dropped: () => exports.udpDropped(handle),
      close() {
        sockets.delete(handle);
        core.call(() => exports.udpClose(handle));
      },
    };
    sockets.set(handle, socket);
    return socket;
  }

  return {
    bind: (port, address = 0) =>
      wrap(
        core.call(() => exports.udpBind(address, port, core.owner)),
        `cannot bind UDP port ${port}`,
      ),
    bindWildcard: () =>
      wrap(
        core.call(() => exports.udpBindWildcard(core.owner)),
        'cannot bind the wildcard socket',
      ),
    dispatch(handle) {
      const error = exports.udpTakeError(handle);
      if (error !== 0) sockets.get(handle)?.onError(error);
      // A callback may close the socket.
      for (let socket = sockets.get(handle); socket !== undefined; socket = sockets.get(handle)) {
        const length = exports.udpReceive(handle, core.scratch, core.scratchBytes);
        if (length < 0) return;
        socket.onDatagram({
          bytes: core.bytesAt(core.scratch, length).slice(),
          peerAddress: exports.peerAddress.value >>> 0,
          peerPort: exports.peerPort.value,
          localAddress: exports.localAddress.value >>> 0,
          localPort: exports.localPort.value,
        });
      }
    },
  };
}
