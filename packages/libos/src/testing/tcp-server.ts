/**
 * A stack that listens on port 80, against the segment peer. In: a seed. Out: connections and what they receive.
 * May import: tcp-peer, tcp-pair, stack.
 */
import type { TcpConnection } from '../stack/tcp.js';
import { collect, type Received } from './tcp-pair.js';
import { bits, createTcpPeer, type Established, type TcpPeer } from './tcp-peer.js';

/** Bytes of one value. */
export const bytes = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);

export interface Server {
  peer: TcpPeer;
  connections: TcpConnection[];
  received: Received[];
}

/** A stack that listens on port 80 and reads what comes. */
export async function server(seed = 1): Promise<Server> {
  const peer = await createTcpPeer(seed);
  const connections: TcpConnection[] = [];
  const received: Received[] = [];
  peer.stack.tcpListen({ port: 80, backlog: 16 }, (connection) => {
    connections.push(connection);
    received.push(collect(connection, 1 << 20));
  });
  return { peer, connections, received };
}

/** A bare acknowledgement of what the stack has sent. */
export const ackOf = (c: Established, ack = c.expected) => ({
  ...c.base,
  sequence: c.next,
  ack,
  bits: bits.ack,
});
