/**
 * A published UDP port: every peer on the host's side has a port of the gateway on the guest's side.
 *
 * In: a port, the guest's address once it has one. Out: a bound port; `reply` for what the guest sends back.
 * May import: errors, port-spec, the NAT's types.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Datagram } from '@noos/libos';
import { type BoundPort, bindError } from './bind.js';
import type { SendToGuest } from './nat-udp.js';
import type { PublishedPort } from './port-spec.js';

/** RFC 4787 REQ-5. */
const idleMs = 120_000;
const maxPeers = 1024;
/** Ports of the gateway that stand for peers: the dynamic range (RFC 6335 §6). */
const [firstPort, lastPort] = [49_152, 65_535];

interface Peer {
  from: RemoteInfo;
  socket: Socket;
  guestPort: number;
  key: string;
  timer: NodeJS.Timeout;
}

export interface UdpPublisher {
  /** Binds a port; datagrams that come before the guest has an address are dropped. */
  publish(port: PublishedPort, guest: Promise<number>): Promise<BoundPort>;
  /** Sends a guest's datagram on when it answers a peer; false when it is none. */
  reply(datagram: Datagram): boolean;
}

/** `gateway`: the address that the guest sees as the peers'. */
export function createUdpPublisher(gateway: number, sendToGuest: SendToGuest): UdpPublisher {
  const byPort = new Map<number, Peer>();
  const byKey = new Map<string, number>();
  let nextPort = firstPort;

  function drop(gatewayPort: number): void {
    const peer = byPort.get(gatewayPort);
    if (peer === undefined) return;
    byPort.delete(gatewayPort);
    byKey.delete(peer.key);
    clearTimeout(peer.timer);
  }

  function portFor(from: RemoteInfo, socket: Socket, bound: PublishedPort): number {
    const key = `${bound.hostAddress}/${bound.hostPort}/${from.address}/${from.port}`;
    const known = byKey.get(key);
    if (known !== undefined) {
      byPort.get(known)!.timer.refresh();
      return known;
    }
    if (byPort.size >= maxPeers) drop(byPort.keys().next().value!);
    while (byPort.has(nextPort)) nextPort = nextPort === lastPort ? firstPort : nextPort + 1;
    const gatewayPort = nextPort;
    nextPort = nextPort === lastPort ? firstPort : nextPort + 1;
    const timer = setTimeout(() => drop(gatewayPort), idleMs).unref();
    byPort.set(gatewayPort, { from, socket, guestPort: bound.guestPort, key, timer });
    byKey.set(key, gatewayPort);
    return gatewayPort;
  }

  return {
    async publish(port, guest) {
      const socket = await bind(port);
      const bound = { ...port, hostPort: socket.address().port };
      let address: number | undefined;
      guest.then(
        (known) => {
          address = known;
        },
        () => {},
      );
      socket.on('message', (bytes, from) => {
        if (address === undefined) return;
        sendToGuest(gateway, portFor(from, socket, bound), address, port.guestPort, bytes);
      });
      socket.on('error', () => {});
      return {
        ...bound,
        async close() {
          for (const [gatewayPort, peer] of byPort) if (peer.socket === socket) drop(gatewayPort);
          socket.close();
        },
      };
    },
    reply({ bytes, localAddress, localPort, peerPort }) {
      const peer = localAddress === gateway ? byPort.get(localPort) : undefined;
      if (peer === undefined || peer.guestPort !== peerPort) return false;
      peer.timer.refresh();
      peer.socket.send(bytes, peer.from.port, peer.from.address, () => {});
      return true;
    },
  };
}

async function bind(port: PublishedPort): Promise<Socket> {
  const attempt = (address: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address, port: port.hostPort, exclusive: true }, () => {
        socket.removeAllListeners('error');
        resolve(socket);
      });
    });
  try {
    if (port.hostAddress !== undefined) return await attempt(port.hostAddress);
    return await attempt('::').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') throw error;
      return attempt('0.0.0.0');
    });
  } catch (error) {
    throw bindError(port, error);
  }
}
