// TCP against single segments: handshakes, receiving, acknowledging, attacks. The peer is written apart from the stack.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes } from '@noos/abi';
import { assertNothingHeld } from '../testing/tcp-pair.js';
import { bits, openTo } from '../testing/tcp-peer.js';
import { ackOf, bytes, server } from '../testing/tcp-server.js';

test('RFC 9293 §3.10.7.1: segments to closed ports are reset, resets are not answered', async () => {
  const { peer } = await server();
  peer.send({ sourcePort: 5, destinationPort: 81, sequence: 77, bits: bits.syn });
  const first = peer.takeOne();
  assert.deepEqual([first.bits, first.sequence, first.ack], [bits.rst | bits.ack, 0, 78]);
  peer.send({ sourcePort: 5, destinationPort: 81, sequence: 77, ack: 500, bits: bits.ack });
  const second = peer.takeOne();
  assert.deepEqual([second.bits, second.sequence], [bits.rst, 500]);
  peer.send({ sourcePort: 5, destinationPort: 81, sequence: 77, bits: bits.rst });
  assert.equal(peer.take().length, 0);
});

test('options are negotiated both ways and not more (RFC 7323, RFC 2018, RFC 6691)', async () => {
  const { peer } = await server();
  const plain = openTo(peer, { sourcePort: 1 }).synAck;
  assert.deepEqual(
    [plain.mss, plain.scale, plain.sackPermitted, plain.timestamps],
    [1460, undefined, undefined, undefined],
  );
  const all = openTo(peer, { sourcePort: 2, scale: 7, sackPermitted: true, timestamp: 100 }).synAck;
  assert.deepEqual([all.mss, all.scale, all.sackPermitted, all.timestamps?.[1]], [1460, 5, true, 100]);
});

test('a listener takes data in order, refuses old data with an acknowledgement', async () => {
  const { peer, received } = await server();
  const c = openTo(peer);
  peer.send({ ...ackOf(c), payload: bytes(10) });
  peer.run(50);
  assert.equal(peer.takeOne().ack, c.next + 10);
  peer.send({ ...ackOf(c), payload: bytes(10) });
  assert.equal(peer.takeOne().ack, c.next + 10);
  assert.equal(received[0]?.length, 10);
  // Half old, half new.
  peer.send({ ...ackOf(c), payload: bytes(20) });
  assert.equal(peer.takeOne().ack, c.next + 20);
  assert.equal(received[0]?.length, 20);
});

test('delayed acknowledgement: 40 ms for one segment, at once for the second (RFC 1122 §4.2.3.2)', async () => {
  const { peer } = await server();
  const c = openTo(peer);
  const startMs = Number(peer.simulation.nowNs()) / 1e6;
  peer.send({ ...ackOf(c), payload: bytes(100) });
  peer.run(39);
  assert.equal(peer.take().length, 0);
  peer.run(3);
  const delayed = peer.takeOne();
  assert.equal(delayed.ack, c.next + 100);
  assert.ok(Number(peer.simulation.nowNs()) / 1e6 - startMs < 44);
  peer.send({ ...ackOf(c), sequence: c.next + 100, payload: bytes(100) });
  assert.equal(peer.take().length, 0);
  peer.send({ ...ackOf(c), sequence: c.next + 200, payload: bytes(100) });
  assert.equal(peer.takeOne().ack, c.next + 300);
});

test('a response carries the acknowledgement', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer);
  connections[0]!.onReadable = () => {
    connections[0]!.read();
    connections[0]!.write(bytes(50));
  };
  peer.send({ ...ackOf(c), payload: bytes(100) });
  const answer = peer.takeOne();
  assert.deepEqual([answer.payload.length, answer.ack, answer.bits], [50, c.next + 100, bits.ack | bits.psh]);
  peer.send({ ...ackOf(c, c.expected + 50), sequence: c.next + 100 });
  peer.run(1000);
  assert.equal(peer.take().length, 0);
});

test('out of order data is acknowledged at once with SACK blocks, latest first, and a FIN ahead waits', async () => {
  const { peer, received } = await server();
  const c = openTo(peer, { sackPermitted: true });
  const put = (offset: number, length: number, more = 0): void =>
    peer.send({ ...ackOf(c), sequence: c.next + offset, payload: bytes(length), bits: bits.ack | more });
  const blocks = () => peer.takeOne().sack?.map((block) => block.map((edge) => edge - c.next));
  put(100, 100);
  assert.deepEqual(blocks(), [[100, 200]]);
  put(300, 100);
  assert.deepEqual(blocks(), [
    [300, 400],
    [100, 200],
  ]);
  put(500, 10, bits.fin);
  assert.deepEqual(blocks(), [
    [500, 510],
    [300, 400],
    [100, 200],
  ]);
  put(200, 100);
  assert.deepEqual(blocks(), [
    [100, 400],
    [500, 510],
  ]);
  put(0, 100);
  const filled = peer.takeOne();
  assert.equal(filled.ack - c.next, 400);
  assert.deepEqual(filled.sack, [[c.next + 500, c.next + 510]]);
  put(400, 100);
  assert.equal(peer.takeOne().ack - c.next, 511);
  assert.deepEqual([received[0]?.length, received[0]?.finished], [510, true]);
});

test('SACK: ranges in the order in which they changed last, whatever their addresses (RFC 2018 §4)', async () => {
  const { peer } = await server();
  const c = openTo(peer, { sackPermitted: true });
  const put = (offset: number): number[] | undefined => {
    peer.send({ ...ackOf(c), sequence: c.next + offset, payload: bytes(100) });
    return peer.takeOne().sack?.map(([start]) => start - c.next);
  };
  assert.deepEqual(put(900), [900]);
  assert.deepEqual(put(300), [300, 900]);
  assert.deepEqual(put(700), [700, 300, 900]);
  assert.deepEqual(put(1300), [1300, 700, 300, 900]);
  assert.deepEqual(put(1100), [1100, 1300, 700, 300]);
  // Two ranges become one: the places of both are one.
  assert.deepEqual(put(800), [700, 1100, 1300, 300]);
  assert.deepEqual(put(1500), [1500, 700, 1100, 1300]);
});

test('duplicates beyond a hole are reported with the range that holds them (RFC 2883 §4)', async () => {
  const { peer, received } = await server();
  const c = openTo(peer, { sackPermitted: true });
  const put = (offset: number, length: number): [number, number[][] | undefined] => {
    peer.send({ ...ackOf(c), sequence: c.next + offset, payload: bytes(length) });
    const { ack, sack } = peer.takeOne();
    return [ack - c.next, sack?.map((block) => block.map((edge) => edge - c.next))];
  };
  put(200, 100);
  put(500, 100);
  const [all, first] = [
    [200, 300],
    [500, 600],
  ];
  assert.deepEqual(put(200, 100), [0, [[200, 300], all, first]]);
  assert.deepEqual(put(520, 20), [0, [[520, 540], first, all]]);
  // In part: only what came twice.
  assert.deepEqual(put(250, 100), [
    0,
    [
      [250, 300],
      [200, 350],
      [500, 600],
    ],
  ]);
  // In order, and reaching into what had come ahead.
  assert.deepEqual(put(0, 220), [
    350,
    [
      [200, 220],
      [500, 600],
    ],
  ]);
  assert.deepEqual(put(100, 300), [
    400,
    [
      [100, 350],
      [500, 600],
    ],
  ]);
  assert.equal(received[0]?.length, 400);
});

test('a duplicate is reported also when a response goes out', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { sackPermitted: true });
  connections[0]!.onReadable = () => {
    connections[0]!.read();
    connections[0]!.write(bytes(10));
  };
  peer.send({ ...ackOf(c), payload: bytes(100) });
  peer.take();
  peer.send({ ...ackOf(c, c.expected + 10), sequence: c.next + 50, payload: bytes(100) });
  const [report, response] = peer.take();
  assert.deepEqual([report?.sack, report?.ack], [[[c.next + 50, c.next + 100]], c.next + 150]);
  assert.equal(response?.payload.length, 10);
});

test('a duplicate is reported as such (RFC 2883)', async () => {
  const { peer } = await server();
  const c = openTo(peer, { sackPermitted: true });
  peer.send({ ...ackOf(c), payload: bytes(100) });
  peer.run(50);
  peer.take();
  peer.send({ ...ackOf(c), payload: bytes(100) });
  assert.deepEqual(peer.takeOne().sack, [[c.next, c.next + 100]]);
});

test('RFC 5961 §3: a reset must hit the next sequence number exactly, else it is challenged', async () => {
  const { peer, received } = await server();
  const c = openTo(peer);
  peer.send({ ...c.base, sequence: c.next + 1000, bits: bits.rst });
  const challenge = peer.takeOne();
  assert.deepEqual([challenge.bits, challenge.sequence, challenge.ack], [bits.ack, c.expected, c.next]);
  peer.send({ ...c.base, sequence: c.next - 1, bits: bits.rst });
  peer.send({ ...c.base, sequence: c.next + 100_000, bits: bits.rst });
  assert.equal(peer.take().length, 0);
  assert.equal(received[0]?.closed, undefined);
  peer.send({ ...c.base, sequence: c.next, bits: bits.rst });
  assert.equal(received[0]?.closed, errorCodes.ECONNRESET);
  assertNothingHeld(peer.stack, 'after the reset');
});

test('RFC 5961 §4 and §5: SYN and impossible acknowledgements are challenged, at most 10 in 5 s', async () => {
  const { peer, received } = await server();
  const c = openTo(peer);
  peer.send({ ...c.base, sequence: c.next, bits: bits.syn });
  assert.equal(peer.takeOne().bits, bits.ack);
  peer.send({ ...ackOf(c, c.expected + 1000), payload: bytes(10) });
  assert.equal(peer.takeOne().ack, c.next);
  peer.send({ ...ackOf(c, (c.expected - 200_000) >>> 0), payload: bytes(10) });
  assert.equal(peer.takeOne().ack, c.next);
  assert.equal(received[0]?.length, 0);
  for (let i = 0; i < 50; i++) peer.send({ ...c.base, sequence: c.next, bits: bits.syn });
  assert.equal(peer.take().length, 7);
  peer.run(5000);
  peer.send({ ...c.base, sequence: c.next, bits: bits.syn });
  assert.equal(peer.take().length, 1);
});

test('PAWS: an old timestamp is refused, a missing one ignored, wrap-around works (RFC 7323 §5)', async () => {
  const { peer, received } = await server();
  const c = openTo(peer, { timestamp: 0xfffffff0 });
  const echo = c.synAck.timestamps![0];
  peer.send({ ...ackOf(c), payload: bytes(10), timestamps: [0xfffffffa, echo] });
  assert.equal(received[0]?.length, 10);
  peer.run(50);
  peer.send({ ...ackOf(c), sequence: c.next + 10, payload: bytes(10), timestamps: [5, echo] });
  assert.equal(received[0]?.length, 20);
  peer.take();
  peer.send({ ...ackOf(c), sequence: c.next + 20, payload: bytes(10), timestamps: [0xfffffffc, echo] });
  assert.equal(received[0]?.length, 20);
  const refused = peer.takeOne();
  assert.deepEqual([refused.ack, refused.timestamps?.[1]], [c.next + 20, 5]);
  peer.send({ ...ackOf(c), sequence: c.next + 20, payload: bytes(10) });
  assert.equal(received[0]?.length, 20);
  assert.equal(peer.take().length, 0);
  peer.send({ ...ackOf(c), sequence: c.next + 20, payload: bytes(10), timestamps: [6, echo] });
  assert.equal(received[0]?.length, 30);
});

test('urgent data is read like any other', async () => {
  const { peer, received } = await server();
  const c = openTo(peer);
  peer.send({ ...ackOf(c), bits: bits.ack | bits.urg, payload: bytes(10) });
  assert.equal(received[0]?.length, 10);
});
