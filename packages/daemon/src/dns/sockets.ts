/**
 * The resolver's sockets inside a sandbox.
 *
 * The sockets take ports of their own, so that a container may serve DNS itself on port 53 of all its addresses.
 * In: the namespace, what replies. Out: served queries. May import: redirection.
 */
import { type Socket as Connection, createServer, type Server } from 'node:net';
import { type Datagrams, openSocketInNamespace, serveDatagrams } from '@noos/linux';
import { type Transport, withLength } from './forward.js';
import { redirectDns } from './redirection.js';
import { resolverAddress } from './resolv-conf.js';

/** Connections a sandbox may have open, and how long one may be silent. */
const connectionLimit = 64;
const connectionIdleMs = 10_000;
/** Queries of a sandbox that wait for an answer; further ones are dropped, as if lost. */
const waitingLimit = 256;

type Reply = (message: Buffer, transport: Transport) => Buffer | undefined | Promise<Buffer | undefined>;

export interface ResolverSockets {
  close(): void;
}

export async function openSockets(path: string, reply: Reply): Promise<ResolverSockets> {
  let waiting = 0;

  /** Returns the reply, or calls `send` with it later. */
  function serve(message: Buffer, transport: Transport, send: (reply: Buffer) => void): Buffer | undefined {
    if (waiting >= waitingLimit) return undefined;
    const answer = reply(message, transport);
    if (!(answer instanceof Promise)) return answer;
    waiting++;
    answer
      .then((later) => {
        if (later) send(later);
      })
      .finally(() => waiting--);
    return undefined;
  }

  const udp = openUdp(path, serve);
  let tcp: Server | undefined;
  const close = () => {
    udp.close();
    tcp?.close();
    for (const connection of connections) connection.destroy();
  };
  const connections = new Set<Connection>();
  try {
    tcp = await openTcp(path, serve, connections);
    const address = tcp.address();
    const tcpPort = typeof address === 'object' && address ? address.port : 0;
    await redirectDns(path, { udp: udp.port, tcp: tcpPort });
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

type Serve = (message: Buffer, transport: Transport, send: (reply: Buffer) => void) => Buffer | undefined;

function openUdp(path: string, serve: Serve): Datagrams {
  const datagrams = serveDatagrams(openSocketInNamespace(path, 'udp', resolverAddress, 0), (message, peer) =>
    serve(message, 'udp', (answer) => datagrams.send(answer, peer)),
  );
  return datagrams;
}

async function openTcp(path: string, serve: Serve, connections: Set<Connection>): Promise<Server> {
  const server = createServer((connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    connection.on('error', () => connection.destroy());
    connection.setTimeout(connectionIdleMs, () => connection.destroy());
    let received = Buffer.alloc(0);
    connection.on('data', (bytes) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const message = received.subarray(2, end);
        received = received.subarray(end);
        const send = (answer: Buffer) => {
          if (!connection.destroyed) connection.write(withLength(answer));
        };
        const answer = serve(message, 'tcp', send);
        if (answer) send(answer);
      }
    });
  });
  server.maxConnections = connectionLimit;
  const fd = openSocketInNamespace(path, 'tcp', resolverAddress, 0);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, () => {
      // accept(2) fails without descriptors: that connection is lost.
      server.off('error', reject).on('error', () => {});
      resolve();
    });
  });
  return server;
}
