/**
 * TCP from the guests to the world: every connection becomes one of the host's.
 *
 * In: held SYNs of the stack. Out: sockets of the host. May import: addresses, splice, libos's types.
 */
import { connect, type Socket } from 'node:net';
import type { TcpConnection } from '@noos/libos';
import type { Destinations } from './destinations.js';
import { finishSockets } from './finish.js';
import { splice } from './splice.js';

/** Connections at once; more are refused. */
const maxConnections = 4096;

export interface TcpNat {
  /** Takes a held SYN: accepted once the host's connection stands, refused when it fails. */
  open(connection: TcpConnection): void;
  /** Ends every connection, last bytes sent. */
  close(): Promise<void>;
}

export function createTcpNat(destinations: Destinations): TcpNat {
  const sockets = new Set<Socket>();
  return {
    open(connection) {
      const host = destinations.hostAddress(connection.localAddress);
      if (host === undefined || sockets.size >= maxConnections) {
        connection.refuse();
        return;
      }
      const socket = connect({ host, port: connection.localPort, allowHalfOpen: true });
      sockets.add(socket);
      let guestGone = false;
      const forget = (): void => void sockets.delete(socket);
      const failed = (): void => {
        forget();
        if (!guestGone) connection.refuse();
      };
      connection.onClosed = () => {
        guestGone = true;
        socket.destroy();
      };
      socket.once('error', failed);
      socket.once('connect', () => {
        socket.off('error', failed);
        if (guestGone) return;
        connection.accept();
        splice(connection, socket, forget);
      });
    },
    close: () => finishSockets(sockets),
  };
}
