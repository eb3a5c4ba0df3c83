/**
 * A published TCP port: connections of the host's world become connections from the gateway to the guest.
 *
 * In: a port, the guest's address once it has one. Out: a listener. May import: errors, splice, port-spec.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TcpConnection } from '@noos/libos';
import type { BoundPort } from './bind.js';
import { bindError } from './bind.js';
import { finishSockets } from './finish.js';
import type { PublishedPort } from './port-spec.js';
import { splice } from './splice.js';

/** Connections that the kernel keeps until they are accepted; it has its own bound (net.core.somaxconn). */
const backlog = 4096;
/** Connections at once, as many as a guest's HTTP server takes; more are reset. */
const maxConnections = 15_360;
/**
 * A client may have so many times what is free (libos's `storage/shares.ts`): the guest sees one address for all
 * clients, so that only here one of them can be kept from taking all connections.
 */
const timesFree = 2;

/** Binds the port; a connection that comes before the guest has an address waits for it. */
export async function publishTcp(
  port: PublishedPort,
  guest: Promise<number>,
  connect: (address: number, port: number) => TcpConnection,
): Promise<BoundPort> {
  const sockets = new Set<Socket>();
  const clients = new Map<string, number>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.maxConnections = maxConnections;

  async function forward(socket: Socket): Promise<void> {
    const reset = (): void => void socket.resetAndDestroy();
    socket.on('error', () => {});
    const address = await guest;
    if (socket.destroyed) return;
    let connection: TcpConnection;
    try {
      connection = connect(address, port.guestPort);
    } catch {
      reset();
      return;
    }
    let gone = false;
    const abandon = (): void => {
      gone = true;
      connection.abort();
    };
    socket.once('close', abandon);
    connection.onClosed = () => {
      socket.off('close', abandon);
      reset();
    };
    connection.onConnected = () => {
      socket.off('close', abandon);
      if (!gone) splice(connection, socket, () => {});
    };
  }

  server.on('connection', (socket) => {
    const client = socket.remoteAddress ?? '';
    const count = clients.get(client) ?? 0;
    if (count >= timesFree * (maxConnections - sockets.size)) {
      socket.resetAndDestroy();
      return;
    }
    clients.set(client, count + 1);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      const rest = clients.get(client)! - 1;
      if (rest === 0) clients.delete(client);
      else clients.set(client, rest);
    });
    forward(socket).catch(() => socket.destroy());
  });
  await listen(server, port);
  const { port: hostPort } = server.address() as AddressInfo;
  return {
    ...port,
    hostPort,
    async close() {
      server.close();
      await finishSockets(sockets);
    },
  };
}

/** Without an address: every one of IPv6 and IPv4, or of IPv4 where there is no IPv6. */
async function listen(server: Server, port: PublishedPort): Promise<void> {
  const attempt = (host: string): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: port.hostPort, backlog }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    if (port.hostAddress !== undefined) return await attempt(port.hostAddress);
    await attempt('::').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') throw error;
      return attempt('0.0.0.0');
    });
  } catch (error) {
    throw bindError(port, error);
  }
}
