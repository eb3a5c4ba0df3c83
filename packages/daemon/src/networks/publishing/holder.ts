/**
 * Holds a host port: a bound socket, so that no other program takes the port, which also forwards by hand what the
 * firewall cannot translate: connections to ::1, and to an address family the container does not have.
 *
 * In: a host address and port, the container's. Out: an open socket. May import: nothing.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';
import { pipeline } from 'node:stream';
import type { Protocol } from '../firewall/ruleset.js';

export interface HeldPort {
  close(): Promise<void>;
}

export interface HeldAddress {
  protocol: Protocol;
  hostIp: string;
  hostPort: number;
  address: string;
  port: number;
  /** False: the port is kept from others, and whoever comes to the socket itself is turned away. */
  forward: boolean;
}

/** moby's proxy: UDPConnTrackTimeout. */
const udpIdleMs = 90_000;
/** A forwarder by hand is for local use; the rest goes through the kernel. */
const udpPeerLimit = 1024;

function holdTcp(held: HeldAddress): Promise<HeldPort> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (!held.forward) {
      client.destroy();
      return;
    }
    const inner = connect({ host: held.address, port: held.port, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, inner]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
    }
    const end = () => {
      if (client.destroyed || inner.destroyed) for (const socket of [client, inner]) socket.destroy();
    };
    pipeline(client, inner, end);
    pipeline(inner, client, end);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      { host: held.hostIp, port: held.hostPort, ipv6Only: isIPv6(held.hostIp), exclusive: true },
      () => {
        server.off('error', reject);
        server.on('error', () => {});
        resolve({
          close: () =>
            new Promise((closed) => {
              for (const socket of sockets) socket.destroy();
              server.close(() => closed());
            }),
        });
      },
    );
  });
}

const datagramSocket = (address: string): Socket =>
  createSocket(isIPv6(address) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });

function holdUdp(held: HeldAddress): Promise<HeldPort> {
  const outer = datagramSocket(held.hostIp);
  const peers = new Map<string, { socket: Socket; idle: NodeJS.Timeout }>();

  function peerOf(client: RemoteInfo): Socket | undefined {
    const key = `${client.address} ${client.port}`;
    const known = peers.get(key);
    if (known) {
      known.idle.refresh();
      return known.socket;
    }
    if (peers.size >= udpPeerLimit) return undefined;
    const socket = datagramSocket(held.address);
    const drop = () => {
      if (peers.delete(key)) socket.close();
    };
    const idle = setTimeout(drop, udpIdleMs).unref();
    peers.set(key, { socket, idle });
    socket.on('error', drop);
    socket.on('message', (bytes) => {
      idle.refresh();
      outer.send(bytes, client.port, client.address, () => {});
    });
    return socket;
  }

  if (held.forward)
    outer.on('message', (bytes, client) => peerOf(client)?.send(bytes, held.port, held.address, () => {}));
  return new Promise((resolve, reject) => {
    outer.once('error', (error) => {
      outer.close();
      reject(error);
    });
    outer.bind({ address: held.hostIp, port: held.hostPort, exclusive: true }, () => {
      outer.removeAllListeners('error').on('error', () => {});
      resolve({
        close: () =>
          new Promise((closed) => {
            for (const { socket, idle } of peers.values()) {
              clearTimeout(idle);
              socket.close();
            }
            peers.clear();
            outer.close(() => closed());
          }),
      });
    });
  });
}

/** Rejects with EADDRINUSE, EADDRNOTAVAIL, EACCES as bind(2) does. */
export const holdPort = (held: HeldAddress): Promise<HeldPort> =>
  held.protocol === 'udp' ? holdUdp(held) : holdTcp(held);
