// What TCP sends and when, segment by segment: Nagle, windows, timeouts, recovery, keep-alive.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes, socketOptions } from '@noos/abi';
import { assertNothingHeld } from '../testing/tcp-pair.js';
import { bits, createTcpPeer, openTo } from '../testing/tcp-peer.js';
import { ackOf, bytes, server } from '../testing/tcp-server.js';
import type { TcpConnection } from './tcp.js';

test('the MSS of the peer bounds segments; its absence means 536 (RFC 9293 §3.7.1)', async () => {
  const { peer, connections } = await server();
  for (const [index, mss] of [536, 300].entries()) {
    const c = openTo(peer, { sourcePort: 10 + index, mss });
    connections[index]!.write(bytes(2000));
    peer.run(0.1);
    assert.equal(Math.max(...peer.take().map(({ payload }) => payload.length)), mss);
    peer.send({ ...c.base, sequence: c.next, bits: bits.rst });
  }
});

test('Nagle holds a second small segment back until the first is acknowledged; noDelay does not', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer);
  const connection = connections[0]!;
  connection.write(bytes(10));
  peer.run(1);
  assert.equal(peer.takeOne().payload.length, 10);
  connection.write(bytes(20));
  peer.run(1);
  connection.write(bytes(30));
  peer.run(1);
  assert.equal(peer.take().length, 0);
  peer.send(ackOf(c, c.expected + 10));
  assert.equal(peer.takeOne().payload.length, 50);
  connection.setOption(socketOptions.noDelay, 1);
  connection.write(bytes(5));
  peer.run(1);
  assert.equal(peer.takeOne().payload.length, 5);
});

test('RTO backs off exponentially and gives up with ETIMEDOUT (RFC 6298 §5.5)', async () => {
  const { peer, connections, received } = await server();
  openTo(peer);
  peer.run(1000);
  connections[0]!.write(bytes(10));
  peer.run(400_000);
  const times = peer.take().map(({ atMs }) => atMs);
  const gaps = times.slice(1, 11).map((at, index) => Math.round((at - times[index]!) / 10) * 10);
  assert.deepEqual(gaps, [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000]);
  assert.equal(received[0]?.closed, errorCodes.ETIMEDOUT);
  assertNothingHeld(peer.stack, 'after giving up');
});

test('zero window: probes back off, the connection stays, data flows when it opens (RFC 9293 §3.8.6.1)', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { window: 0 });
  connections[0]!.write(bytes(3000, 9));
  peer.run(1);
  assert.equal(peer.take().length, 0);
  const times: number[] = [];
  for (let elapsed = 0; elapsed < 600_000; elapsed += 10) {
    peer.run(10);
    for (const probe of peer.take()) {
      assert.equal(probe.payload.length, 1);
      times.push(probe.atMs);
      peer.send({ ...ackOf(c), window: 0 });
    }
  }
  const gaps = times.slice(1).map((at, index) => Math.round((at - times[index]!) / 100) / 10);
  assert.deepEqual(gaps.slice(0, 5), [0.4, 0.8, 1.6, 3.2, 6.4]);
  assert.ok(gaps.at(-1) === 60 && gaps.length > 12, String(gaps));
  peer.send({ ...ackOf(c), window: 8000 });
  peer.run(1);
  const sent = peer.take();
  assert.equal(
    sent.reduce((sum, { payload }) => sum + payload.length, 0),
    3000,
  );
  assert.ok(sent.every(({ payload }) => payload.every((byte) => byte === 9)));
});

test('an accepted probe byte is not sent again', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { window: 0 });
  connections[0]!.write(bytes(100));
  peer.run(400);
  assert.equal(peer.takeOne().payload.length, 1);
  peer.send({ ...ackOf(c, c.expected + 1), window: 1000 });
  const rest = peer.takeOne();
  assert.deepEqual([rest.sequence, rest.payload.length], [c.expected + 1, 99]);
});

test('silly window: a small opening is not used by the sender nor offered by the receiver', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { window: 4000 });
  connections[0]!.write(bytes(10_000));
  peer.run(1);
  peer.take();
  // The peer has taken 2920 and opens by 100 bytes: less than a segment and than half its largest window.
  peer.send({ ...ackOf(c, c.expected + 2920), window: 1180 });
  assert.equal(peer.take().length, 0);
  peer.send({ ...ackOf(c, c.expected + 2920), window: 2000 });
  assert.deepEqual(
    peer.take().map(({ payload }) => payload.length),
    [1460],
  );
});

test('a window that stays too small for a segment is used after a while', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { window: 4000 });
  connections[0]!.write(bytes(10_000));
  peer.run(1);
  peer.take();
  peer.send({ ...ackOf(c, c.expected + 2920), window: 1180 });
  peer.run(250);
  assert.equal(peer.takeOne().payload.length, 1180);
});

test('the window closes when nobody reads and opens by a worthwhile step', async () => {
  const peer = await createTcpPeer(3);
  let connection: TcpConnection | undefined;
  peer.stack.tcpListen({ port: 80 }, (accepted) => {
    connection = accepted;
  });
  const c = openTo(peer);
  let sent = 0;
  let window = 65_535;
  while (window > 0) {
    const length = Math.min(1460, window);
    peer.send({ ...ackOf(c), sequence: c.next + sent, payload: bytes(length) });
    sent += length;
    window -= length;
  }
  peer.run(100);
  const last = peer.take().at(-1)!;
  assert.deepEqual([last.ack - c.next, last.window], [sent, 0]);
  // One byte too much is answered and not taken.
  peer.send({ ...ackOf(c), sequence: c.next + sent, payload: bytes(1) });
  assert.deepEqual([peer.takeOne().ack - c.next], [sent]);
  connection!.consume(500);
  peer.run(1);
  assert.equal(peer.take().length, 0);
  connection!.consume(2000);
  peer.run(1);
  assert.ok(peer.takeOne().window >= 1460);
});

test('fast retransmit after three duplicates without SACK, the whole flight not sent again (RFC 6582)', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer);
  connections[0]!.write(bytes(14_600));
  peer.run(1);
  const flight = peer.take();
  assert.equal(flight.length, 10);
  for (let i = 0; i < 3; i++) peer.send(ackOf(c));
  const again = peer.takeOne();
  assert.deepEqual([again.sequence, again.payload.length], [c.expected, 1460]);
  // A partial acknowledgement: the next hole at once.
  peer.send(ackOf(c, c.expected + 2920));
  assert.equal(peer.take()[0]?.sequence, c.expected + 2920);
  peer.send(ackOf(c, c.expected + 14_600));
  peer.run(2000);
  assert.equal(peer.take().length, 0);
});

test('SACK recovery sends only what is missing, once it is a quarter of a round trip late (RFC 8985)', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { sackPermitted: true });
  connections[0]!.write(bytes(14_600));
  peer.run(1);
  peer.take();
  const at = (segment: number): number => c.expected + segment * 1460;
  // Segments 0 and 4 are lost.
  peer.send({ ...ackOf(c), sack: [[at(1), at(2)]] });
  assert.deepEqual(
    peer.take().map(({ sequence }) => sequence),
    [at(0)],
  );
  peer.send({ ...ackOf(c), sack: [[at(1), at(3)]] });
  peer.send({ ...ackOf(c), sack: [[at(1), at(4)]] });
  assert.equal(peer.take().length, 0);
  for (let end = 6; end <= 10; end++)
    peer.send({
      ...ackOf(c),
      sack: [
        [at(5), at(end)],
        [at(1), at(4)],
      ],
    });
  assert.deepEqual(
    peer.take().map(({ sequence }) => sequence),
    [at(4)],
  );
  peer.send(ackOf(c, at(10)));
  peer.run(3000);
  assert.equal(peer.take().length, 0);
});

test('after a timeout what was acknowledged selectively is not sent again', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { sackPermitted: true });
  connections[0]!.write(bytes(7300));
  peer.run(1);
  peer.take();
  const at = (segment: number): number => c.expected + segment * 1460;
  peer.send({ ...ackOf(c), sack: [[at(1), at(2)]] });
  peer.run(201);
  // At once as it counts as lost, and by the timer.
  assert.deepEqual(
    peer.take().map(({ sequence }) => sequence),
    [at(0), at(0)],
  );
  peer.send({ ...ackOf(c, at(2)) });
  assert.deepEqual(
    peer.take().map(({ sequence }) => sequence),
    [at(2), at(3), at(4)],
  );
});

test('blocks that cannot be are ignored', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { sackPermitted: true });
  connections[0]!.write(bytes(2920));
  peer.run(1);
  peer.take();
  for (let i = 0; i < 10; i++)
    peer.send({
      ...ackOf(c),
      sack: [
        [c.expected + 5000, c.expected + 9000],
        [c.expected - 100, c.expected],
        [c.expected + 10, c.expected + 5],
      ],
    });
  assert.equal(peer.take().length, 0);
});

test('keep-alive probes an idle peer and ends a dead one', async () => {
  const { peer, connections, received } = await server();
  const c = openTo(peer);
  connections[0]!.setOption(socketOptions.keepAlive, 10);
  peer.run(10_010);
  const probe = peer.takeOne();
  assert.deepEqual([probe.sequence, probe.payload.length], [c.expected - 1, 0]);
  peer.send(ackOf(c));
  peer.run(9_900);
  assert.equal(peer.take().length, 0);
  peer.run(200);
  assert.equal(peer.take().length, 1);
  peer.run(120_000);
  assert.equal(received[0]?.closed, errorCodes.ETIMEDOUT);
  assert.ok((peer.take().at(-1)!.bits & bits.rst) !== 0);
});
