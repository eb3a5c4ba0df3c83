// TCP against single segments: what the RFCs say about each one. The peer is written apart from the stack.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes, socketOptions } from '@noos/abi';
import { assertNothingHeld, collect, type Received } from '../testing/tcp-pair.js';
import {
  bits,
  createTcpPeer,
  type Established,
  openTo,
  peerAddress,
  type TcpPeer,
} from '../testing/tcp-peer.js';
import type { TcpConnection } from './tcp.js';

const bytes = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);

interface Server {
  peer: TcpPeer;
  connections: TcpConnection[];
  received: Received[];
}

/** A stack that listens on port 80 and reads what comes. */
async function server(seed = 1): Promise<Server> {
  const peer = await createTcpPeer(seed);
  const connections: TcpConnection[] = [];
  const received: Received[] = [];
  peer.stack.tcpListen({ port: 80, backlog: 16 }, (connection) => {
    connections.push(connection);
    received.push(collect(connection, 1 << 20));
  });
  return { peer, connections, received };
}

const ackOf = (c: Established, ack = c.expected) => ({ ...c.base, sequence: c.next, ack, bits: bits.ack });

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

test('SACK recovery sends only what is missing (RFC 6675)', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer, { sackPermitted: true });
  connections[0]!.write(bytes(14_600));
  peer.run(1);
  peer.take();
  const at = (segment: number): number => c.expected + segment * 1460;
  // Segments 0 and 4 are lost.
  const blocks: [number, number][] = [[at(1), at(2)]];
  peer.send({ ...ackOf(c), sack: blocks });
  peer.send({ ...ackOf(c), sack: [[at(1), at(3)]] });
  assert.equal(peer.take().length, 0);
  peer.send({ ...ackOf(c), sack: [[at(1), at(4)]] });
  assert.deepEqual(
    peer.take().map(({ sequence }) => sequence),
    [at(0)],
  );
  for (let end = 6; end <= 10; end++)
    peer.send({
      ...ackOf(c),
      sack: [
        [at(5), at(end)],
        [at(1), at(4)],
      ],
    });
  // The second is the one rescue retransmission of NextSeg rule 4: there is nothing else to send.
  assert.deepEqual(
    peer.take().map(({ sequence }) => sequence),
    [at(4), at(9)],
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
  assert.deepEqual(
    peer.take().map(({ sequence }) => sequence),
    [at(0)],
  );
  peer.send({ ...ackOf(c, at(2)) });
  assert.deepEqual(
    peer.take().map(({ sequence }) => sequence),
    [at(2), at(3)],
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

test('release answers late data with a reset once our side is done (RFC 9293 §3.10.4)', async () => {
  const { peer, connections } = await server();
  const c = openTo(peer);
  connections[0]!.write(bytes(10));
  connections[0]!.release();
  peer.run(1);
  const fin = peer.takeOne();
  assert.deepEqual([fin.payload.length, fin.bits & bits.fin], [10, bits.fin]);
  // Before the response is acknowledged, data is taken and dropped: a reset might destroy the response.
  peer.send({ ...ackOf(c), payload: bytes(5) });
  assert.equal(peer.takeOne().bits, bits.ack);
  peer.send({ ...ackOf(c, c.expected + 11), sequence: c.next + 5, payload: bytes(5) });
  assert.equal(peer.takeOne().bits & bits.rst, bits.rst);
  assertNothingHeld(peer.stack, 'after the reset');
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
