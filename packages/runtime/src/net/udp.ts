/**
 * UDP.
 *
 * In: the `udp` event. Out: `udpBind`. Imports core, net.
 */
import { dispatchKinds } from '@noos/abi';
import { requireRunning } from '../core/build-time.js';
import { systemError } from '../core/errors.js';
import { host, onDispatch } from '../core/host.js';
import { reportError } from '../core/report.js';
import { encodeUtf8 } from '../encoding/utf8.js';
import { checkAddress, checkPort, formatAddress } from './addresses.js';

export interface Datagram {
  data: Uint8Array<ArrayBuffer>;
  address: string;
  port: number;
}

export interface UdpOptions {
  /** 0 or absent: any free port. */
  port?: number;
  /** One of this machine's addresses; all unless given. */
  address?: string;
  /** An ICMP error about something sent, such as ECONNREFUSED. */
  onError?: (error: Error) => void;
}

export interface UdpSocket {
  readonly port: number;
  /** Sends one datagram; text as UTF-8. @throws SystemError EMSGSIZE, ENETUNREACH, ENOBUFS */
  send(data: string | Uint8Array, address: string, port: number): void;
  close(): void;
}

interface Handlers {
  datagram(): void;
  error(error: Error): void;
}

const sockets = new Map<number, Handlers>();

onDispatch(dispatchKinds.udp, ((handle: number, error?: number) => {
  const handlers = sockets.get(handle);
  if (typeof error === 'number' && error < 0) handlers?.error(systemError(error, 'UDP'));
  else handlers?.datagram();
}) as never);

/**
 * Binds a port and gives each datagram to `handler`, whose errors are logged.
 * @throws SystemError EADDRINUSE, EADDRNOTAVAIL, ENOBUFS
 */
export function udpBind(
  options: UdpOptions,
  handler: (datagram: Datagram, socket: UdpSocket) => unknown,
): UdpSocket {
  requireRunning('udpBind()');
  if (typeof handler !== 'function') throw new TypeError('udpBind: the handler must be a function');
  const handle = host.udpBind(checkPort(options.port ?? 0, 0), checkAddress(options.address));
  if (handle < 0) throw systemError(handle, `bind UDP port ${options.port ?? 0}`);
  const socket: UdpSocket = {
    port: host.udpLocalPort(handle),
    send(data, address, port) {
      const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
      const result = host.udpSend(
        handle,
        checkAddress(String(address)),
        checkPort(port),
        bytes.buffer as ArrayBuffer,
        bytes.byteOffset,
        bytes.byteLength,
      );
      if (result < 0) throw systemError(result, `send to ${address}:${port}`);
    },
    close() {
      if (sockets.delete(handle)) host.udpClose(handle);
    },
  };
  const deliver = async (datagram: Datagram) => {
    try {
      await handler(datagram, socket);
    } catch (error) {
      reportError(error, 'a datagram handler');
    }
  };
  sockets.set(handle, {
    datagram() {
      for (
        let data = host.udpReceive(handle);
        data !== undefined;
        data = sockets.has(handle) ? host.udpReceive(handle) : undefined
      )
        void deliver({
          data: new Uint8Array(data),
          address: formatAddress(host.udpPeerAddress()),
          port: host.udpPeerPort(),
        });
    },
    error(error) {
      options.onError?.(error);
    },
  });
  return socket;
}
