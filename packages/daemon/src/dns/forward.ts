/**
 * Asks the servers of the outside, one after the other, from the host's namespace.
 *
 * In: a query as the client sent it, servers. Out: the first useful reply. May import: message.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { answers, codeOf, type Query, rcode } from './message.js';

/** Time for one server; resolvers in containers wait 5 s before they ask again (resolv.conf(5), RES_TIMEOUT). */
const serverTimeoutMs = 2000;
/** Queries at servers, of all sandboxes; each holds a socket. */
const inFlightLimit = 1024;
const maximumMessageBytes = 65535;

export type Transport = 'udp' | 'tcp';

export interface Forwarder {
  /** Undefined: no server gave an answer. `full`: too many queries wait already. */
  ask(
    query: Query,
    message: Buffer,
    servers: readonly string[],
    transport: Transport,
  ): Promise<Buffer | undefined | 'full'>;
}

type Exchange = (
  server: string,
  message: Buffer,
  accept: (reply: Buffer) => boolean,
) => Promise<Buffer | undefined>;

export function createForwarder({ port = 53, timeoutMs = serverTimeoutMs } = {}): Forwarder {
  let inFlight = 0;

  /** A socket per query: its random port guards against forged replies, being connected against other senders. */
  const byUdp: Exchange = (server, message, accept) =>
    new Promise((resolve) => {
      const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
      let finished = false;
      const finish = (reply?: Buffer) => {
        if (finished) return;
        finished = true;
        clearTimeout(timer);
        socket.close();
        resolve(reply);
      };
      const timer = setTimeout(finish, timeoutMs);
      socket.on('error', () => finish());
      socket.on('message', (reply) => {
        if (accept(reply)) finish(reply);
      });
      // A callback of connect would be called on failure too (no route); the events tell one from the other.
      socket.once('connect', () => socket.send(message));
      socket.connect(port, server);
    });

  const byTcp: Exchange = (server, message, accept) =>
    new Promise((resolve) => {
      const socket = connect({ port, host: server });
      let received = Buffer.alloc(0);
      const finish = (reply?: Buffer) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(reply);
      };
      const timer = setTimeout(finish, timeoutMs);
      socket.on('error', () => finish());
      socket.on('close', () => finish());
      socket.on('data', (bytes) => {
        received = Buffer.concat([received, bytes]);
        if (received.length < 2) return;
        const length = received.readUInt16BE(0);
        if (received.length < 2 + length) return;
        const reply = received.subarray(2, 2 + length);
        finish(accept(reply) ? reply : undefined);
      });
      socket.write(withLength(message));
    });

  return {
    async ask(query, message, servers, transport) {
      if (inFlight >= inFlightLimit) return 'full';
      inFlight++;
      try {
        const exchange = transport === 'udp' ? byUdp : byTcp;
        for (const server of servers) {
          const id = randomInt(0x10000);
          const asked = Buffer.from(message);
          asked.writeUInt16BE(id, 0);
          const reply = await exchange(server, asked, (bytes) => answers(bytes, query, id));
          if (!reply || [rcode.serverFailure, rcode.refused].some((code) => code === codeOf(reply))) continue;
          const relayed = Buffer.from(reply);
          relayed.writeUInt16BE(query.id, 0);
          return relayed;
        }
        return undefined;
      } finally {
        inFlight--;
      }
    },
  };
}

/** DNS over TCP puts the length before each message (RFC 1035 §4.2.2). */
export function withLength(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(Math.min(message.length, maximumMessageBytes), 0);
  message.copy(framed, 2);
  return framed;
}
