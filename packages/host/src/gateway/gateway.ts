/**
 * The way out of a virtual network: a router on our own stack that needs no privilege.
 *
 * In: a device of the network. Out: DHCP, DNS, NAT to the host's sockets, published ports. May import: the files
 * beside it, libos's stack.
 */
import { type FrameDevice, loadStack, type TcpConnection } from '@noos/libos';
import type { Network } from './address.js';
import type { BoundPort } from './bind.js';
import { createDestinations } from './destinations.js';
import { dhcpClientPort, dhcpServerPort } from './dhcp-message.js';
import { createDhcpServer, type Lease } from './dhcp-server.js';
import { createDnsForwarder } from './dns-forwarder.js';
import { dnsPort } from './dns-message.js';
import { serveDnsOverTcp } from './dns-tcp.js';
import { createTcpNat } from './nat-tcp.js';
import { createUdpNat, type SendToGuest } from './nat-udp.js';
import type { PublishedPort } from './port-spec.js';
import { publishTcp } from './publish-tcp.js';
import { createUdpPublisher } from './publish-udp.js';

/** Domain of the names below (ICANN reserved .internal for private use in 2024). */
export const internalDomain = 'noos.internal';
/** The gateway, which stands for the host. */
export const hostName = `host.${internalDomain}`;
const gatewayMac = 0x02_00_5e_00_00_01;
const limitedBroadcast = 0xffffffff;
const leaseSeconds = 86_400;

export interface GatewayOptions {
  device: FrameDevice;
  network: Network;
  /** Whether the gateway's address leads to services on the host's loopback. */
  hostLoopback: boolean;
  /** `address` or `address:port`; the host's by default. */
  resolvers?: readonly string[];
}

export interface Gateway {
  readonly address: number;
  /** Opens a port of the host for a guest. Throws HostError `port-in-use`, `port-forbidden`, `address-unavailable`. */
  publish(port: PublishedPort, guest: Promise<number>): Promise<BoundPort>;
  /** The address that a hardware address gets by DHCP, once it has one. */
  leaseOf(mac: string): Promise<number>;
  /** Processes what has arrived, sends last bytes, closes everything. */
  close(): Promise<void>;
}

/** Starts a gateway on the first address of `network`. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { device, network } = options;
  const address = network.base + 1;
  const stack = await loadStack({
    interfaces: [
      { device, mac: gatewayMac, ipv4: { address, prefixLength: network.prefixLength }, anyAddress: true },
    ],
  });
  const dhcp = createDhcpServer({
    network,
    gateway: address,
    search: [internalDomain],
    mtuBytes: device.mtuBytes,
    leaseSeconds,
  });
  const waiting = new Map<string, ((address: number) => void)[]>();
  dhcp.onLease = (mac: string, lease: Lease) => {
    for (const resolve of waiting.get(mac) ?? []) resolve(lease.address);
    waiting.delete(mac);
  };
  const dhcpSocket = stack.udpBind(dhcpServerPort);
  dhcpSocket.onDatagram = ({ bytes }) => {
    const reply = dhcp.answer(bytes);
    if (reply !== undefined) dhcpSocket.send(limitedBroadcast, dhcpClientPort, reply);
  };

  const dns = createDnsForwarder({
    lookUp(name) {
      if (name === hostName || name === `gateway.${internalDomain}`) return address;
      return name.endsWith(`.${internalDomain}`)
        ? dhcp.addressOf(name.slice(0, -internalDomain.length - 1))
        : undefined;
    },
    ownDomains: [internalDomain],
    ...(options.resolvers === undefined ? {} : { resolvers: options.resolvers }),
  });
  const dnsSocket = stack.udpBind(dnsPort, address);
  dnsSocket.onDatagram = async ({ bytes, peerAddress, peerPort }) => {
    const reply = await dns.answer(bytes, false);
    if (reply !== undefined) dnsSocket.send(peerAddress, peerPort, reply);
  };
  stack.tcpListen({ address, port: dnsPort }, (connection) =>
    serveDnsOverTcp(connection, (query) => dns.answer(query, true)),
  );

  const destinations = createDestinations(network, address, options.hostLoopback);
  const tcpNat = createTcpNat(destinations);
  stack.tcpListen({ port: 0, deferred: true, backlog: 1024 }, tcpNat.open);

  const wildcard = stack.udpBindWildcard();
  const sendToGuest: SendToGuest = (fromAddress, fromPort, toAddress, toPort, bytes) => {
    wildcard.sendFrom(fromAddress, fromPort, toAddress, toPort, bytes);
  };
  const udpNat = createUdpNat(destinations, sendToGuest);
  const udpPublisher = createUdpPublisher(address, sendToGuest);
  wildcard.onDatagram = (datagram) => {
    if (!udpPublisher.reply(datagram)) udpNat.forward(datagram);
  };

  const connectGuest = (guest: number, port: number): TcpConnection => stack.tcpConnect(guest, port, address);
  const bound = new Set<BoundPort>();
  return {
    address,
    async publish(port, guest) {
      const opened =
        port.protocol === 'tcp'
          ? await publishTcp(port, guest, connectGuest)
          : await udpPublisher.publish(port, guest);
      bound.add(opened);
      return opened;
    },
    leaseOf(mac) {
      const lease = dhcp.leases.get(mac);
      if (lease?.bound) return Promise.resolve(lease.address);
      return new Promise((resolve) => waiting.set(mac, [...(waiting.get(mac) ?? []), resolve]));
    },
    async close() {
      // Frames that have arrived are processed in the stack's next turn.
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([tcpNat.close(), ...[...bound].map((port) => port.close())]);
      udpNat.close();
      dns.close();
      stack.close();
    },
  };
}
