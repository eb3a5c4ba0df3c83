/**
 * Holds a host port: a bound socket, so that no other program takes the port, which also forwards by hand what the
 * firewall cannot translate: IPv6 from ::1 and link-local addresses, and a family that the container does not have.
 *
 * In: a host address and port, the container's. Out: an open socket. May import: @noos/linux.
 */
import { createSocket, type Socket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';
import { pipeline } from 'node:stream';
import { openSocketInNamespace, serveDatagrams } from '@noos/linux';
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
const udpFlowLimit = 1024;

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

interface Flow {
  socket: Socket;
  idle: NodeJS.Timeout;
}

/** Answers leave from the address that the client asked, which may be any of the host's. */
function holdUdp(held: HeldAddress): HeldPort {
  const flows = new Map<string, Flow>();
  const outer = serveDatagrams(
    openSocketInNamespace('', 'udp', held.hostIp, held.hostPort),
    (bytes, client) => {
      if (held.forward) flowOf(client)?.socket.send(bytes, held.port, held.address, () => {});
      return undefined;
    },
  );

  function flowOf(client: string): Flow | undefined {
    const known = flows.get(client);
    if (known) {
      known.idle.refresh();
      return known;
    }
    if (flows.size >= udpFlowLimit) return undefined;
    const socket = createSocket(isIPv6(held.address) ? 'udp6' : 'udp4');
    const drop = () => {
      if (flows.delete(client)) socket.close();
    };
    const flow = { socket, idle: setTimeout(drop, udpIdleMs).unref() };
    flows.set(client, flow);
    socket.on('error', drop);
    socket.on('message', (bytes, from) => {
      // Anybody may send to the port: only the container is passed on.
      if (from.port !== held.port || from.address !== held.address) return;
      flow.idle.refresh();
      outer.send(bytes, client);
    });
    return flow;
  }

  return {
    async close() {
      outer.close();
      for (const { socket, idle } of flows.values()) {
        clearTimeout(idle);
        socket.close();
      }
      flows.clear();
    },
  };
}

/** Rejects with EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL as bind(2) does. */
export const holdPort = async (held: HeldAddress): Promise<HeldPort> =>
  held.protocol === 'udp' ? holdUdp(held) : holdTcp(held);
