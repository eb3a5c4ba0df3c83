/** The gateway under attack: frames of every shape, and more flows than it has room for. Others continue. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { createRandom, type FrameDevice, frameCable, loadStack } from '@noos/libos';
import { startUserNetwork, type UserNetwork } from '../network/user-network.js';
import { parseIpv4 } from './address.js';

const ip = (text: string): number => parseIpv4(text)!;
const gatewayAddress = ip('10.99.0.1');
const attackerAddress = ip('10.99.0.66');

let network: UserNetwork;
beforeEach(async () => {
  network = await startUserNetwork({ resolvers: ['127.0.0.1:9'] });
});
afterEach(() => network.close());

/** A place on the network; frames that come are dropped. */
function plug(lastByte: number): FrameDevice {
  const address = { cidr: `10.99.0.${lastByte}/24`, gateway: '10.99.0.1', dnsServers: [] };
  const { attachment } = network.station(`02:00:00:00:00:${lastByte.toString(16)}`, address);
  const [device, port] = frameCable();
  if (attachment.kind === 'switch') attachment.connect(port);
  return device;
}

/** RFC 1071. */
function checksum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An Ethernet frame with an IPv4 packet from the attacker to the gateway. */
function ipv4(protocol: number, payload: Buffer, checksumAt?: number): Buffer {
  const header = Buffer.alloc(20);
  header.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol]);
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt32BE(attackerAddress, 12);
  header.writeUInt32BE(gatewayAddress, 16);
  header.writeUInt16BE(checksum(header), 10);
  if (checksumAt !== undefined) {
    const pseudo = [...header.subarray(12, 20), 0, protocol, payload.length >> 8, payload.length & 255];
    payload.writeUInt16BE(checksum(Buffer.concat([Buffer.from(pseudo), payload])), checksumAt);
  }
  return Buffer.concat([
    Buffer.from('02005e00000102000000004208 00'.replace(' ', ''), 'hex'),
    header,
    payload,
  ]);
}

function udp(fromPort: number, toPort: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(fromPort, 0);
  header.writeUInt16BE(toPort, 2);
  header.writeUInt16BE(8 + bytes.length, 4);
  return ipv4(17, Buffer.concat([header, bytes]));
}

function tcpSyn(fromPort: number, toPort: number): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(fromPort, 0);
  header.writeUInt16BE(toPort, 2);
  header.writeUInt32BE(fromPort * 65_521, 4);
  header.set([0x50, 0x02, 0xff, 0xff], 12);
  return ipv4(6, header, 16);
}

const arp = Buffer.from(
  'ffffffffffff 020000000042 0806 0001 0800 0604 0001 020000000042 0a630042 000000000000 0a630001'.replaceAll(
    ' ',
    '',
  ),
  'hex',
);
const dhcpDiscover = ((): Buffer => {
  const message = Buffer.alloc(300);
  message.set([1, 1, 6, 0, 0xca, 0xfe, 0, 1]);
  message.set([2, 0, 0, 0, 0, 0x42], 28);
  message.set([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 12, 4, 0x65, 0x76, 0x69, 0x6c, 255], 236);
  return udp(68, 67, message);
})();
const dnsQuery = udp(
  4000,
  53,
  Buffer.from(
    'beef01000001000000000000076761746577617904 6e6f6f7308696e7465726e616c0000010001'.replace(' ', ''),
    'hex',
  ),
);
const echo = ipv4(1, Buffer.from('0800f7ff00000000', 'hex'));

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

/** Another guest's datagram and connection reach a server of this host and are answered. */
async function othersAreServed(lastByte: number): Promise<void> {
  const stack = await loadStack({
    interfaces: [
      {
        device: plug(lastByte),
        mac: 0x02_00_00_00_00_00 + lastByte,
        ipv4: { address: ip(`10.99.0.${lastByte}`), prefixLength: 24, gateway: gatewayAddress },
      },
    ],
  });
  const datagrams = createSocket('udp4').bind(0, '127.0.0.1');
  await once(datagrams, 'listening');
  datagrams.on('message', (bytes, from) => datagrams.send(bytes, from.port, from.address));
  const socket = stack.udpBind(0);
  const answered = new Promise<void>((resolve) => {
    socket.onDatagram = () => resolve();
  });
  socket.send(gatewayAddress, datagrams.address().port, Buffer.from('still there?'));
  await answered;
  datagrams.close();

  const server = createServer((peer) => peer.end('yes')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = stack.tcpConnect(gatewayAddress, (server.address() as AddressInfo).port);
  await new Promise<void>((resolve, reject) => {
    connection.onReadable = () => resolve();
    connection.onClosed = (error) => reject(new Error(`closed with ${error}`));
  });
  connection.onClosed = () => {};
  server.close();
  stack.close();
}

test('frames of every shape', { timeout: 60_000 }, async () => {
  const attacker = plug(66);
  const random = createRandom(5);
  const seeds = [arp, dhcpDiscover, dnsQuery, echo, tcpSyn(5000, 53), udp(5000, 9, Buffer.alloc(1400))];
  for (let round = 0; round < 30_000; round++) {
    const frame = Buffer.from(seeds[random.below(seeds.length)]!);
    for (let changes = random.below(6); changes > 0; changes--)
      frame[random.below(frame.length)] = random.below(256);
    // Half of the changed packets get past the header's checksum.
    if (random.below(2) === 0 && frame.readUInt16BE(12) === 0x0800) {
      frame.writeUInt16BE(0, 24);
      frame.writeUInt16BE(checksum(frame.subarray(14, 34)), 24);
    }
    attacker.transmit(random.below(4) === 0 ? frame.subarray(0, random.below(frame.length + 1)) : frame);
    if (round % 100 === 0) await settle();
  }
  await othersAreServed(2);
});

test('100,000 UDP flows: sockets stay bounded, the newest flow works', { timeout: 120_000 }, async () => {
  const attacker = plug(66);
  attacker.transmit(arp);
  const sink = createSocket('udp4').bind(0, '127.0.0.1');
  await once(sink, 'listening');
  const before = openDescriptors();
  for (let flow = 0; flow < 100_000; flow++) {
    const frame = udp(1 + (flow % 65_535), sink.address().port, Buffer.from('x'));
    // A second and third source address for what the ports of one do not give.
    frame[29] = 66 + Math.floor(flow / 65_535);
    frame.writeUInt16BE(0, 24);
    frame.writeUInt16BE(checksum(frame.subarray(14, 34)), 24);
    attacker.transmit(frame);
    if (flow % 200 === 0) await settle();
  }
  // docs/networking-user-mode.md: 1,024 mappings.
  assert.ok(openDescriptors() - before > 1000, 'the flows did not arrive');
  assert.ok(openDescriptors() - before <= 1024 + 8, `${openDescriptors() - before} descriptors more`);
  await othersAreServed(2);
  sink.close();
});

test('100,000 half-open connections: sockets stay bounded, others are served', {
  timeout: 120_000,
}, async () => {
  const attacker = plug(66);
  attacker.transmit(arp);
  const server = createServer((peer) => peer.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const before = openDescriptors();
  let most = 0;
  for (let flow = 0; flow < 100_000; flow++) {
    const frame = tcpSyn(1 + (flow % 65_535), (server.address() as AddressInfo).port);
    attacker.transmit(frame);
    if (flow % 200 === 0) await settle();
    if (flow % 5000 === 0) most = Math.max(most, openDescriptors() - before);
  }
  // Two descriptors of this process a connection: the gateway's and the server's.
  assert.ok(most > 1000, `the connections did not arrive: ${most}`);
  assert.ok(most <= 2 * 4096 + 8, `${most} descriptors more`);
  await othersAreServed(2);
  server.close();
});
