/**
 * UDP from the guests to the world: each of a guest's ports has a socket of the host (RFC 4787: endpoint-independent
 * mapping, address-dependent filtering).
 *
 * In: datagrams of the stack. Out: datagrams of the host and back. May import: addresses, libos's types.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Datagram } from '@noos/libos';
import { parseIpv4 } from './address.js';
import type { Destinations } from './destinations.js';

/** RFC 4787 REQ-5: a mapping lives at least two minutes. */
const idleMs = 120_000;
/** Mappings at once, and addresses that may answer on one; the longest unused goes first. */
const maxMappings = 1024;
const maxPeers = 256;

/** Sends to a guest as if from the given address and port. */
export type SendToGuest = (
  fromAddress: number,
  fromPort: number,
  address: number,
  port: number,
  bytes: Uint8Array,
) => void;

interface Mapping {
  socket: Socket;
  peers: Set<number>;
  timer: NodeJS.Timeout;
}

export interface UdpNat {
  forward(datagram: Datagram): void;
  close(): void;
}

export function createUdpNat(destinations: Destinations, sendToGuest: SendToGuest): UdpNat {
  const mappings = new Map<number, Mapping>();

  function drop(key: number): void {
    const mapping = mappings.get(key);
    if (mapping === undefined) return;
    mappings.delete(key);
    clearTimeout(mapping.timer);
    mapping.socket.close();
  }

  function map(key: number, address: number, port: number): Mapping {
    if (mappings.size >= maxMappings) drop(mappings.keys().next().value!);
    const socket = createSocket('udp4');
    const mapping = { socket, peers: new Set<number>(), timer: setTimeout(() => drop(key), idleMs).unref() };
    socket.on('error', () => drop(key));
    socket.on('message', (bytes, from) => {
      const peer = parseIpv4(from.address);
      if (peer === undefined || !mapping.peers.has(peer)) return;
      mapping.timer.refresh();
      sendToGuest(destinations.guestView(from.address, peer), from.port, address, port, bytes);
    });
    mappings.set(key, mapping);
    return mapping;
  }

  return {
    forward({ bytes, localAddress, localPort, peerAddress, peerPort }) {
      const host = destinations.hostAddress(localAddress);
      if (host === undefined || localPort === 0) return;
      const key = peerAddress * 65_536 + peerPort;
      const mapping = mappings.get(key) ?? map(key, peerAddress, peerPort);
      // Moved to the end: the first is the longest unused.
      mappings.delete(key);
      mappings.set(key, mapping);
      mapping.timer.refresh();
      if (mapping.peers.size >= maxPeers) mapping.peers.delete(mapping.peers.values().next().value!);
      mapping.peers.add(parseIpv4(host)!);
      mapping.socket.send(bytes, localPort, host, () => {});
    },
    close() {
      for (const key of [...mappings.keys()]) drop(key);
    },
  };
}
