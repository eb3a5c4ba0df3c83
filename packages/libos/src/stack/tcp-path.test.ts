// Segment sizes and the path: GSO out, GRO in, path MTU and other ICMP errors; initial sequence numbers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes, netFeatures } from '@noos/abi';
import { collect } from '../testing/tcp-pair.js';
import {
  bits,
  buildFrame,
  createTcpPeer,
  onesComplementSum,
  openTo,
  peerAddress,
  type SeenSegment,
  stackAddress,
  stackMac,
  type TcpPeer,
} from '../testing/tcp-peer.js';
import type { TcpConnection } from './tcp.js';

/** A listener on port 80 and the connections it has taken. */
function listenOn(peer: TcpPeer): TcpConnection[] {
  const connections: TcpConnection[] = [];
  peer.stack.tcpListen({ port: 80 }, (connection) => connections.push(connection));
  return connections;
}

/** Sends "destination unreachable" about a segment that the stack has sent. */
function sendUnreachable(
  peer: TcpPeer,
  about: SeenSegment,
  code: number,
  mtuBytes = 0,
  sequence?: number,
  protocol = 6,
): void {
  const frame = buildFrame({});
  const icmp = new Uint8Array(14 + 20 + 8 + 20 + 8);
  icmp.set(frame.subarray(0, 34));
  const view = new DataView(icmp.buffer);
  view.setUint16(16, icmp.length - 14);
  view.setUint8(23, 1);
  view.setUint16(24, 0);
  view.setUint16(24, ~onesComplementSum(icmp.subarray(14, 34), 0) & 0xffff);
  view.setUint16(34, (3 << 8) | code);
  view.setUint16(40, mtuBytes);
  view.setUint16(42, 0x4500);
  view.setUint16(44, 1500);
  view.setUint16(50, 0x4000 | protocol);
  view.setUint32(54, stackAddress);
  view.setUint32(58, peerAddress);
  view.setUint16(52, ~onesComplementSum(icmp.subarray(42, 62), 0) & 0xffff);
  view.setUint16(62, about.sourcePort);
  view.setUint16(64, about.destinationPort);
  view.setUint32(66, sequence ?? about.sequence);
  view.setUint16(36, ~onesComplementSum(icmp.subarray(34), 0) & 0xffff);
  peer.sendFrame(icmp);
}

test('with TSO the device gets segments of up to 64 KiB, whole multiples of the MSS', async () => {
  const peer = await createTcpPeer(1, 65_535, true);
  peer.stack.exports.interfaceConfigure(0, BigInt(stackMac), 1500, netFeatures.hostTso4 | netFeatures.csum);
  const connections = listenOn(peer);
  const c = openTo(peer, { scale: 7, sackPermitted: true, window: 65_535 });
  connections[0]!.write(new Uint8Array(65_536));
  let acknowledged = 0;
  const sizes: number[] = [];
  while (acknowledged < 400_000) {
    peer.run(1);
    for (const { payload } of peer.take()) {
      sizes.push(payload.length);
      acknowledged += payload.length;
    }
    peer.send({ ...c.base, sequence: c.next, ack: (c.expected + acknowledged) >>> 0, bits: bits.ack });
    connections[0]!.write(new Uint8Array(65_536));
  }
  assert.ok(Math.max(...sizes) > 40_000, `${sizes}`);
  assert.ok(
    sizes.filter((size) => size > 1460).every((size) => size % 1460 === 0 || size < 65_400),
    `${sizes}`,
  );
  assert.equal(sizes[0]! % 1460, 0);
});

test('a segment merged by GRO is taken whole and acknowledged at once', async () => {
  const peer = await createTcpPeer(1, 65_535);
  peer.stack.exports.interfaceConfigure(0, BigInt(stackMac), 1500, 0);
  const received = listenOn(peer);
  const c = openTo(peer);
  const into = collect(received[0]!, 100_000);
  peer.send({
    ...c.base,
    sequence: c.next,
    ack: c.expected,
    bits: bits.ack,
    payload: new Uint8Array(40_000),
  });
  assert.equal(into.length, 40_000);
  assert.equal(peer.takeOne().ack, c.next + 40_000);
});

test('path MTU: what was too large goes out again smaller, once the error quotes what is in flight', async () => {
  const peer = await createTcpPeer(1);
  const connections = listenOn(peer);
  const c = openTo(peer);
  connections[0]!.write(new Uint8Array(2920));
  peer.run(1);
  const [first] = peer.take();
  sendUnreachable(peer, first!, 4, 1000, (c.expected + 100_000) >>> 0);
  assert.equal(peer.take().length, 0);
  sendUnreachable(peer, first!, 4, 1000);
  const again = peer.take();
  assert.equal(again[0]?.sequence, c.expected);
  assert.deepEqual(
    again.map(({ payload }) => payload.length),
    [960, 960, 960, 40],
  );
  // Nobody has links this small: the floor holds.
  sendUnreachable(peer, first!, 4, 68);
  peer.send({ ...c.base, sequence: c.next, ack: (c.expected + 2920) >>> 0, bits: bits.ack });
  peer.take();
  connections[0]!.write(new Uint8Array(1024));
  peer.run(1);
  assert.deepEqual(
    peer.take().map(({ payload }) => payload.length),
    [536, 488],
  );
});

test('an ICMP error that quotes UDP, or a short segment, leaves TCP as it is; peers are offered what the link takes', async () => {
  const peer = await createTcpPeer(1);
  const connections = listenOn(peer);
  const c = openTo(peer);
  peer.stack.udpBind(5353).send(peerAddress, 9, new Uint8Array(1400));
  peer.run(1);
  sendUnreachable(peer, { ...c.synAck, sourcePort: 5353, destinationPort: 9 }, 4, 600, undefined, 17);
  connections[0]!.write(new Uint8Array(1460));
  peer.run(1);
  const [whole] = peer.take();
  assert.equal(whole?.payload.length, 1460);
  sendUnreachable(peer, whole!, 4, 1500);
  assert.equal(peer.take().length, 0);
  assert.equal(openTo(peer, { sourcePort: 2 }).synAck.mss, 1460);
  // A true error about one connection serves later ones, which still take what the link carries.
  sendUnreachable(peer, whole!, 4, 1000);
  assert.equal(peer.take()[0]?.payload.length, 960);
  assert.equal(openTo(peer, { sourcePort: 3 }).synAck.mss, 1460);
  connections[2]!.write(new Uint8Array(1460));
  peer.run(1);
  assert.equal(peer.take().find(({ destinationPort }) => destinationPort === 3)?.payload.length, 960);
});

test('ICMP: port unreachable refuses a connect, changes nothing later (RFC 5927 §5.2)', async () => {
  const peer = await createTcpPeer(1);
  const opening = collect(peer.stack.tcpConnect(peerAddress, 90), 1);
  peer.run(1);
  const syn = peer.takeOne();
  sendUnreachable(peer, syn, 3, 0, (syn.sequence + 7) >>> 0);
  assert.equal(opening.closed, undefined);
  sendUnreachable(peer, syn, 3);
  assert.equal(opening.closed, errorCodes.ECONNREFUSED);
  const connections = listenOn(peer);
  openTo(peer);
  const open = collect(connections[0]!, 1);
  connections[0]!.write(new Uint8Array(10));
  peer.run(1);
  sendUnreachable(peer, peer.takeOne(), 3);
  assert.equal(open.closed, undefined);
  // The soft error is the reason when the connection gives up.
  const unreachable = collect(peer.stack.tcpConnect(peerAddress, 92), 1);
  peer.run(1);
  sendUnreachable(peer, peer.take().at(-1)!, 1);
  peer.run(200_000);
  assert.equal(unreachable.closed, errorCodes.EHOSTUNREACH);
});

test('initial sequence numbers differ by seed and address, and rise for the same four numbers (RFC 6528)', async () => {
  const sequences: number[] = [];
  for (const seed of [1, 2]) {
    const peer = await createTcpPeer(seed);
    listenOn(peer);
    for (let port = 1; port <= 20; port++) sequences.push(openTo(peer, { sourcePort: port }).synAck.sequence);
  }
  const gaps = sequences.slice(1).map((sequence, index) => Math.abs(sequence - sequences[index]!));
  assert.ok(gaps.filter((gap) => gap > 1_000_000).length >= 37, `${gaps}`);
  const peer = await createTcpPeer(3);
  const connections = listenOn(peer);
  const before = openTo(peer).synAck.sequence;
  connections[0]!.abort();
  peer.run(1000);
  // One every 4 microseconds.
  const advance = (openTo(peer).synAck.sequence - before) >>> 0;
  assert.ok(advance > 249_000 && advance < 251_000, `${advance}`);
});
