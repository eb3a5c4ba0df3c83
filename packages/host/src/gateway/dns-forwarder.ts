/**
 * Answers the guests' DNS queries: names of the network from a table, all others from the host's resolvers.
 *
 * In: queries, as messages. Out: replies, as messages. May import: messages.
 */
import { createSocket, type Socket } from 'node:dgram';
import { getServers } from 'node:dns';
import { connect } from 'node:net';
import { emitReply, parseQuery, recordTypes, responseCodes } from './dns-message.js';

/** Before the next resolver is asked (RFC 1035 §4.2.1 proposes 2 to 5 seconds). */
const timeoutMs = 2500;
/** Queries in progress; more are answered with SERVFAIL. */
const maxQueries = 256;

export interface DnsForwarderOptions {
  /** The address of a name of this network, undefined when it is not one. Names come in lower case. */
  lookUp: (name: string) => number | undefined;
  /** Domains of this network: a name below one that `lookUp` does not know does not exist. */
  ownDomains: readonly string[];
  /** `address` or `address:port`; the host's by default. */
  resolvers?: readonly string[];
}

export interface DnsForwarder {
  /** Resolves with the reply; undefined when the message is no query. `tcp`: how the guest asked. */
  answer(query: Uint8Array, tcp: boolean): Promise<Uint8Array | undefined>;
  close(): void;
}

interface Resolver {
  host: string;
  port: number;
}

/** Parses `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53` and `2001:db8::1` as dns.getServers gives them. */
export function parseResolver(text: string): Resolver {
  const bracketed = /^\[(.*)\](?::(\d+))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1]!, port: Number(bracketed[2] ?? 53) };
  const [host = '', port, ...more] = text.split(':');
  return more.length > 0 ? { host: text, port: 53 } : { host, port: Number(port ?? 53) };
}

/** Makes a forwarder. Every query to a resolver goes from a fresh socket: random source port (RFC 5452 §9.2). */
export function createDnsForwarder(options: DnsForwarderOptions): DnsForwarder {
  const open = new Set<() => void>();

  function own(name: string): { address: number | undefined } | undefined {
    const address = options.lookUp(name);
    if (address !== undefined) return { address };
    const below = options.ownDomains.some((domain) => name === domain || name.endsWith(`.${domain}`));
    return below ? { address: undefined } : undefined;
  }

  /** One exchange with one resolver; undefined when it did not answer. */
  function ask(query: Uint8Array, resolver: Resolver, tcp: boolean): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const finish = (reply?: Uint8Array): void => {
        clearTimeout(timer);
        open.delete(finish);
        stop();
        resolve(reply);
      };
      const timer = setTimeout(finish, timeoutMs);
      open.add(finish);
      const stop = tcp ? askTcp(query, resolver, finish) : askUdp(query, resolver, finish);
    });
  }

  async function forward(query: Uint8Array, tcp: boolean): Promise<Uint8Array | undefined> {
    for (const text of options.resolvers ?? getServers()) {
      const reply = await ask(query, parseResolver(text), tcp);
      if (reply !== undefined) return reply;
    }
    return undefined;
  }

  return {
    async answer(message, tcp) {
      const query = new Uint8Array(message);
      const question = parseQuery(query);
      if (question === undefined) return undefined;
      const mine = own(question.name);
      if (mine !== undefined) {
        if (mine.address === undefined) return emitReply(query, question, responseCodes.nameError);
        const addresses = question.type === recordTypes.a && question.class === 1 ? [mine.address] : [];
        return emitReply(query, question, responseCodes.noError, addresses);
      }
      const reply = open.size < maxQueries ? await forward(query, tcp) : undefined;
      return reply ?? emitReply(query, question, responseCodes.serverFailure);
    },
    close() {
      for (const finish of [...open]) finish();
    },
  };
}

type Finish = (reply?: Uint8Array) => void;

function askUdp(query: Uint8Array, resolver: Resolver, finish: Finish): () => void {
  const socket: Socket = createSocket(resolver.host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => finish());
  // Connected, so that only this resolver's datagrams arrive and a refused port is an error.
  // A callback of connect would be called on failure too (no route); the events tell one from the other.
  socket.once('connect', () => socket.send(query));
  socket.connect(resolver.port, resolver.host);
  socket.on('message', (reply) => {
    if (reply.length >= 12 && reply[0] === query[0] && reply[1] === query[1] && (reply[2]! & 0x80) !== 0)
      finish(reply);
  });
  let closed = false;
  return () => {
    if (!closed) socket.close();
    closed = true;
  };
}

function askTcp(query: Uint8Array, resolver: Resolver, finish: Finish): () => void {
  const socket = connect(resolver.port, resolver.host);
  let received = Buffer.alloc(0);
  socket.on('connect', () => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  });
  socket.on('error', () => finish());
  socket.on('close', () => finish());
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2) return;
    const length = received.readUInt16BE(0);
    if (received.length >= 2 + length) finish(received.subarray(2, 2 + length));
  });
  return () => socket.destroy();
}
