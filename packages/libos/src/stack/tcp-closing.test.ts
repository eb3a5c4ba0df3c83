// Opening at once, closing in every order, TIME-WAIT, deferred accepts, segment by segment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes } from '@noos/abi';
import { assertNothingHeld, collect } from '../testing/tcp-pair.js';
import { bits, createTcpPeer, openTo, peerAddress } from '../testing/tcp-peer.js';
import { ackOf, bytes, server } from '../testing/tcp-server.js';
import type { TcpConnection } from './tcp.js';

test('half-close: after our FIN the peer may still send', async () => {
  const { peer, connections, received } = await server();
  const c = openTo(peer);
  connections[0]!.shutdown();
  peer.run(1);
  assert.equal(peer.takeOne().bits, bits.fin | bits.ack);
  peer.send(ackOf(c, c.expected + 1));
  peer.send({ ...ackOf(c, c.expected + 1), payload: bytes(100) });
  assert.equal(received[0]?.length, 100);
  peer.send({ ...ackOf(c, c.expected + 1), sequence: c.next + 100, bits: bits.fin | bits.ack });
  assert.equal(received[0]?.closed, 0);
  assert.equal(peer.take().at(-1)!.ack, c.next + 101);
  // TIME-WAIT: the FIN again is acknowledged again; after 60 s all is gone.
  peer.send({ ...ackOf(c, c.expected + 1), sequence: c.next + 100, bits: bits.fin | bits.ack });
  assert.equal(peer.takeOne().ack, c.next + 101);
  assert.equal(peer.stack.exports.connectionsInUse(), 1);
  peer.run(60_100);
  assertNothingHeld(peer.stack, 'after TIME-WAIT');
});

test('TIME-WAIT: a reset is ignored (RFC 1337), a newer SYN takes over (RFC 6191)', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer);
  connections[0]!.release();
  peer.run(1);
  peer.send({ ...ackOf(c, c.expected + 1), bits: bits.fin | bits.ack });
  peer.take();
  peer.send({ ...c.base, sequence: c.next + 1, bits: bits.rst });
  assert.equal(peer.stack.exports.connectionsInUse(), 1);
  peer.send({ ...c.base, sequence: c.next - 500, bits: bits.syn });
  assert.equal(peer.takeOne().bits, bits.ack);
  const again = openTo(peer, { initialSequence: c.next + 5000 });
  assert.equal(again.synAck.bits, bits.syn | bits.ack);
  assert.equal(connections.length, 2);
  assert.equal(peer.stack.exports.connectionsInUse(), 1);
});

test('simultaneous open and simultaneous close (RFC 9293 §3.5, §3.6)', async () => {
  const peer = await createTcpPeer(1);
  const connection = peer.stack.tcpConnect(peerAddress, 90, 0, 5000);
  const received = collect(connection, 1000);
  let connected = false;
  connection.onConnected = () => {
    connected = true;
  };
  peer.run(1);
  const syn = peer.takeOne();
  const base = { sourcePort: 90, destinationPort: 5000 };
  peer.send({ ...base, sequence: 300, bits: bits.syn, mss: 1460 });
  const synAck = peer.takeOne();
  assert.deepEqual([synAck.bits, synAck.sequence, synAck.ack], [bits.syn | bits.ack, syn.sequence, 301]);
  peer.send({ ...base, sequence: 300, ack: syn.sequence + 1, bits: bits.syn | bits.ack, mss: 1460 });
  assert.ok(connected);
  connection.shutdown();
  peer.run(1);
  const fin = peer.take().at(-1)!;
  assert.equal(fin.bits & bits.fin, bits.fin);
  peer.send({ ...base, sequence: 301, ack: fin.sequence, bits: bits.fin | bits.ack });
  assert.equal(peer.take().at(-1)!.ack, 302);
  assert.equal(received.closed, undefined);
  peer.send({ ...base, sequence: 302, ack: fin.sequence + 1, bits: bits.ack });
  assert.equal(received.closed, 0);
  peer.run(61_000);
  assertNothingHeld(peer.stack, 'after both');
});

test('connect: refused, answered by a wrong acknowledgement, and timed out', async () => {
  const peer = await createTcpPeer(1);
  const refused = collect(peer.stack.tcpConnect(peerAddress, 90), 1);
  peer.run(1);
  const syn = peer.takeOne();
  const base = { sourcePort: 90, destinationPort: syn.sourcePort };
  peer.send({ ...base, sequence: 1, ack: syn.sequence + 5, bits: bits.ack });
  assert.deepEqual([peer.takeOne().bits, refused.closed], [bits.rst, undefined]);
  peer.send({ ...base, sequence: 0, bits: bits.rst });
  assert.equal(refused.closed, undefined);
  peer.send({ ...base, ack: syn.sequence + 1, bits: bits.rst | bits.ack });
  assert.equal(refused.closed, errorCodes.ECONNREFUSED);
  const silent = collect(peer.stack.tcpConnect(peerAddress, 91), 1);
  peer.run(130_000);
  assert.equal(silent.closed, errorCodes.ETIMEDOUT);
  assert.equal(peer.take().length, 7);
  assertNothingHeld(peer.stack, 'after both');
});

test('data after release is answered with a reset in every state (RFC 1122 §4.2.2.13, RFC 2525 §2.17)', async () => {
  for (const state of ['FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSING'] as const) {
    const { peer, connections } = await server();
    const c = openTo(peer);
    if (state === 'CLOSING') {
      // The peer's FIN comes first and acknowledges nothing; data beyond it is not data.
      connections[0]!.release();
      peer.run(1);
      peer.send({ ...ackOf(c), bits: bits.fin | bits.ack });
      peer.take();
      peer.send({ ...ackOf(c), sequence: c.next + 1, payload: bytes(5) });
      assert.ok(peer.take().every(({ bits: flags }) => (flags & bits.rst) === 0));
      continue;
    }
    connections[0]!.release();
    peer.run(1);
    assert.equal(peer.takeOne().bits, bits.fin | bits.ack);
    const ack = state === 'FIN-WAIT-1' ? c.expected : c.expected + 1;
    if (state === 'FIN-WAIT-2') peer.send(ackOf(c, ack));
    peer.send({ ...ackOf(c, ack), payload: bytes(5) });
    const reset = peer.takeOne();
    assert.deepEqual([reset.bits & bits.rst, reset.sequence], [bits.rst, c.expected + 1], state);
    assert.equal(reset.ack, c.next, `${state}: the bytes are not acknowledged`);
    assertNothingHeld(peer.stack, state);
  }
});

test('release with unread bytes resets at once; with the peer gone too', async () => {
  for (const more of [0, bits.fin]) {
    const { peer, connections } = await server();
    const c = openTo(peer);
    connections[0]!.onReadable = () => undefined;
    peer.send({ ...ackOf(c), payload: bytes(5), bits: bits.ack | more });
    peer.run(50);
    peer.take();
    connections[0]!.release();
    peer.run(1);
    const reset = peer.takeOne();
    assert.deepEqual([reset.bits & bits.rst, reset.sequence], [bits.rst, c.expected]);
    assertNothingHeld(peer.stack, 'after the reset');
  }
});

test('release: a response under way arrives before the reset; bytes after it are not acknowledged', async () => {
  for (const unread of [true, false]) {
    const { peer, connections } = await server();
    const c = openTo(peer);
    connections[0]!.onReadable = () => undefined;
    let next = c.next;
    const late = (ack: number): void =>
      peer.send({ ...ackOf(c, ack), sequence: next, payload: bytes(5), bits: bits.ack });
    if (unread) {
      late(c.expected);
      next += 5;
      peer.run(50);
      peer.take();
    }
    connections[0]!.write(bytes(3000));
    connections[0]!.release();
    peer.run(1);
    // Unread bytes: no FIN, which would say that all was well.
    const sent = peer.take();
    assert.equal(
      sent.reduce((sum, { payload }) => sum + payload.length, 0),
      3000,
    );
    assert.equal(sent.at(-1)!.bits & bits.fin, unread ? 0 : bits.fin);
    late(c.expected + 1460);
    assert.deepEqual(peer.take(), []);
    // What was lost is sent again.
    peer.run(400);
    const again = peer.take();
    assert.equal(again[0]?.sequence, c.expected + 1460);
    assert.ok(again.every(({ ack, bits: flags }) => ack === next && (flags & bits.rst) === 0));
    peer.send({ ...ackOf(c, c.expected + 3000), sequence: next });
    const reset = peer.takeOne();
    assert.equal(reset.bits & bits.rst, bits.rst);
    assertNothingHeld(peer.stack, 'after the reset');
  }
});

test('an abandoned FIN-WAIT-2 ends after 60 s', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer);
  connections[0]!.release();
  peer.run(1);
  peer.send(ackOf(c, c.expected + 1));
  peer.run(59_000);
  assert.equal(peer.stack.exports.connectionsInUse(), 1);
  peer.run(1_100);
  assertNothingHeld(peer.stack, 'after FIN-WAIT-2');
});

test('deferred: the SYN is held; accepted, refused, taken back', async () => {
  const peer = await createTcpPeer(1);
  const held: TcpConnection[] = [];
  peer.stack.tcpListen({ port: 0, deferred: true }, (connection) => held.push(connection));
  const syn = (sourcePort: number): void =>
    peer.send({ sourcePort, destinationPort: 4321, sequence: 9, bits: bits.syn, mss: 1460 });
  syn(1);
  syn(1);
  syn(2);
  syn(3);
  peer.run(5000);
  assert.equal(peer.take().length, 0);
  assert.deepEqual(
    held.map(({ localPort, peerPort }) => [localPort, peerPort]),
    [
      [4321, 1],
      [4321, 2],
      [4321, 3],
    ],
  );
  const closed: number[] = [];
  let connected = 0;
  held[0]!.onConnected = () => connected++;
  held[2]!.onClosed = (error) => closed.push(error);
  held[0]!.accept();
  held[1]!.refuse();
  peer.run(1);
  const [synAck, reset] = peer.take().sort((one, other) => one.destinationPort - other.destinationPort);
  assert.deepEqual([synAck?.bits, synAck?.ack], [bits.syn | bits.ack, 10]);
  assert.deepEqual([reset?.bits, reset?.ack, reset?.destinationPort], [bits.rst | bits.ack, 10, 2]);
  peer.send({
    sourcePort: 1,
    destinationPort: 4321,
    sequence: 10,
    ack: synAck!.sequence + 1,
    bits: bits.ack,
  });
  assert.equal(connected, 1);
  peer.send({ sourcePort: 3, destinationPort: 4321, sequence: 10, bits: bits.rst });
  assert.deepEqual(closed, [errorCodes.ECONNRESET]);
  held[0]!.abort();
  peer.run(1);
  assertNothingHeld(peer.stack, 'after all');
});
