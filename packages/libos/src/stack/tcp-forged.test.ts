// Forged segments: whatever an outsider who sees nothing of a connection can send, the genuine peer continues afterwards
// (RFC 5961, RFC 7323 §5.3). The peer is written apart from the stack.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes } from '@noos/abi';
import { collect } from '../testing/tcp-pair.js';
import {
  bits,
  createTcpPeer,
  type Established,
  openTo,
  peerAddress,
  type Segment,
} from '../testing/tcp-peer.js';
import { ackOf, bytes, type Server, server } from '../testing/tcp-server.js';

const firstTimestamp = 1000;

interface Choice {
  name: string;
  /** Changes to a segment with the right sequence number and an acceptable acknowledgment. */
  fields: (c: Established, echo: number) => Partial<Segment>;
}

/** Bytes the genuine peer has sent, and those the stack has in flight, when the forged segment comes. */
const receivedBefore = 100;
const inFlight = 200;

const sequences: Choice[] = [
  ['at RCV.NXT', 0],
  ['left of RCV.NXT', -60],
  ['across RCV.NXT', -10],
  ['right of RCV.NXT', 150],
  ['beyond the window', 0x1000_0000],
].map(([name, offset]) => ({
  name: String(name),
  fields: (c) => ({ sequence: (c.next + receivedBefore + Number(offset)) >>> 0 }),
}));

const payloads: Choice[] = [0, 20].map((length) => ({
  name: `${length} bytes`,
  fields: () => ({ payload: bytes(length, 99) }),
}));

/** The first one could be the peer's own: what it carries is believed if sequence and flags fit. */
const acks: Choice[] = [
  ['ack SND.UNA', 0],
  ['ack before the first byte', -500],
  ['ack of what was not sent', inFlight + 1],
  ['ack half the space ahead', 0x7fff_0000],
  ['ack half the space behind', -0x7fff_0000],
].map(([name, offset]) => ({
  name: String(name),
  fields: (c) => ({ ack: (c.expected + Number(offset)) >>> 0 }),
}));

const timestamps: Choice[] = [
  ['TSval as the last', 1, 0],
  ['TSval 10^6 ahead', 1_000_000, undefined],
  ['TSval 2^31 - 10^6 ahead', 0x7fff_0000, undefined],
  ['TSval behind', -500, 0],
].map(([name, ahead, echoOffset]) => ({
  name: String(name),
  fields: (_, echo) => ({
    // Who has not seen the connection cannot know what it echoes.
    timestamps: [
      (firstTimestamp + Number(ahead)) >>> 0,
      echoOffset === undefined ? (echo - 0x1234_5678) >>> 0 : echo,
    ],
  }),
}));

const flags: Choice[] = [
  ['ACK', bits.ack],
  ['ACK PSH URG', bits.ack | bits.psh | bits.urg],
  ['FIN ACK', bits.fin | bits.ack],
  ['FIN', bits.fin],
  ['SYN', bits.syn],
  ['SYN ACK', bits.syn | bits.ack],
  ['RST ACK', bits.rst | bits.ack],
  ['RST', bits.rst],
  ['no flag', 0],
].map(([name, value]) => ({ name: String(name), fields: () => ({ bits: Number(value) }) }));

/** What nobody could tell from the peer's own segment: an exact reset, or a FIN whose acknowledgment fits. */
function isGenuine(names: string[]): boolean {
  const [sequence, , ack, timestamp, flag] = names as [string, string, string, string, string];
  if (flag.startsWith('RST')) return sequence === 'at RCV.NXT';
  if (flag !== 'FIN ACK' || ack !== 'ack SND.UNA' || timestamp === 'TSval behind') return false;
  return sequence !== 'left of RCV.NXT' && sequence !== 'beyond the window';
}

function* combinations(): Generator<Choice[]> {
  for (const sequence of sequences)
    for (const payload of payloads)
      for (const ack of acks)
        for (const timestamp of timestamps)
          for (const flag of flags) yield [sequence, payload, ack, timestamp, flag];
}

/** The peer continues: 600 bytes in three segments arrive, and what the stack sends is acknowledged. */
function assertGoesOn(state: Server, c: Established, index: number, what: string): void {
  const { peer, connections, received } = state;
  peer.take();
  const echo = (c as Established & { echo: number }).echo;
  for (const part of [0, 1, 2]) {
    const segment = {
      ...c.base,
      sequence: (c.next + receivedBefore + 200 * part) >>> 0,
      ack: (c.expected + inFlight) >>> 0,
      bits: bits.ack,
      payload: bytes(200),
      timestamps: [firstTimestamp + 10 + part, echo] as [number, number],
    };
    peer.send(segment);
  }
  peer.run(50);
  const last = peer.take().at(-1);
  assert.equal(last?.ack, (c.next + receivedBefore + 600) >>> 0, `${what}: not acknowledged`);
  assert.equal(last.bits & bits.rst, 0, what);
  // TS.Recent is the genuine peer's: that of the segment which the last acknowledgement had been waiting for.
  const echoed = last.timestamps![1] - firstTimestamp;
  assert.ok(echoed >= 10 && echoed <= 12, `${what}: TS.Recent`);
  assert.equal(received[index]?.length, receivedBefore + 600, what);
  assert.equal(received[index]?.closed, undefined, what);
  connections[index]!.write(bytes(5));
  peer.run(1);
  assert.equal(peer.take().at(-1)?.sequence, (c.expected + inFlight) >>> 0, `${what}: cannot send`);
}

test('no forged segment stops a connection: sequence, payload, acknowledgment, timestamp and flags, all combined', async () => {
  const state = await server();
  const { peer, connections, received } = state;
  let index = 0;
  for (const combination of combinations()) {
    const what = combination.map(({ name }) => name);
    if (isGenuine(what)) continue;
    const opened = openTo(peer, {
      sourcePort: 10_000 + index,
      sackPermitted: true,
      timestamp: firstTimestamp - 1,
    });
    const echo = opened.synAck.timestamps![0];
    const c = Object.assign(opened, { echo });
    peer.send({ ...ackOf(c), payload: bytes(receivedBefore), timestamps: [firstTimestamp, echo] });
    connections[index]!.write(bytes(inFlight));
    peer.run(0.1);
    const forged: Partial<Segment> = { ...c.base, window: 65_535 };
    for (const { fields } of combination) Object.assign(forged, fields(c, echo));
    peer.send(forged);
    assertGoesOn(state, c, index, what.join(', '));
    const delivered = received[index]!.bytes.subarray(0, receivedBefore + 600);
    if (what[2] !== 'ack SND.UNA')
      assert.ok(!delivered.includes(99), `${what.join(', ')}: forged bytes were delivered`);
    connections[index]!.abort();
    peer.run(0.1);
    index++;
  }
  assert.ok(index > 1700, `${index} combinations`);
});

test('challenge acknowledgements to forged ones are bounded, and say the truth (RFC 5961 §7)', async () => {
  const { peer } = await server();
  const c = openTo(peer, { timestamp: firstTimestamp });
  const echo = c.synAck.timestamps![0];
  const stamped = { timestamps: [firstTimestamp + 1, echo] as [number, number] };
  for (const forged of [
    { ...ackOf(c, (c.expected + 1_000_000) >>> 0), payload: bytes(10) },
    { ...ackOf(c, (c.expected - 1) >>> 0) },
    { ...ackOf(c), bits: bits.syn },
    { ...ackOf(c), sequence: c.next + 5, bits: bits.rst },
  ]) {
    peer.run(5000);
    peer.take();
    for (let i = 0; i < 50; i++) peer.send({ ...forged, ...stamped });
    const answers = peer.take();
    assert.equal(answers.length, 10);
    for (const { bits: flags, sequence, ack, timestamps: stamps } of answers)
      assert.deepEqual(
        [flags, sequence, ack, stamps?.[1]],
        [bits.ack, c.expected, c.next, firstTimestamp + 1],
      );
  }
});

test('a FIN that later bytes prove wrong ends nothing; after the right one nothing is taken', async () => {
  const { peer, received } = await server();
  const c = openTo(peer);
  peer.send({ ...ackOf(c), sequence: c.next + 50, bits: bits.fin | bits.ack });
  peer.send({ ...ackOf(c), payload: bytes(100) });
  assert.deepEqual([received[0]?.length, received[0]?.finished], [100, false]);
  peer.send({ ...ackOf(c), sequence: c.next + 100, bits: bits.fin | bits.ack });
  assert.equal(received[0]?.finished, true);
  peer.take();
  peer.send({ ...ackOf(c), sequence: c.next + 101, payload: bytes(10), bits: bits.fin | bits.ack });
  peer.run(50);
  assert.ok(peer.take().every(({ ack }) => ack === c.next + 101));
  assert.equal(received[0]?.length, 100);
});

test('a forged SYN while connecting does not keep the SYN-ACK out', async () => {
  const peer = await createTcpPeer(1);
  const connection = peer.stack.tcpConnect(peerAddress, 90, 0, 5000);
  const received = collect(connection, 100);
  peer.run(1);
  const syn = peer.takeOne();
  const base = { sourcePort: 90, destinationPort: 5000 };
  peer.send({ ...base, sequence: 77_000_000, bits: bits.syn, mss: 100 });
  peer.take();
  peer.send({ ...base, sequence: 300, ack: syn.sequence + 1, bits: bits.syn | bits.ack, mss: 1460 });
  assert.deepEqual([peer.takeOne().ack, received.closed], [301, undefined]);
  peer.send({ ...base, sequence: 301, ack: syn.sequence + 1, bits: bits.ack, payload: bytes(10) });
  assert.equal(received.length, 10);
  connection.write(bytes(1400));
  peer.run(1);
  assert.equal(peer.take().at(-1)?.payload.length, 1400);
});

test('TIME-WAIT outlives a SYN that nobody listens for, and a FIN from long ago does not prolong it', async () => {
  const peer = await createTcpPeer(1);
  const connection = peer.stack.tcpConnect(peerAddress, 90, 0, 5000);
  const received = collect(connection, 100);
  peer.run(1);
  const syn = peer.takeOne();
  const base = { sourcePort: 90, destinationPort: 5000 };
  peer.send({ ...base, sequence: 300, ack: syn.sequence + 1, bits: bits.syn | bits.ack });
  connection.release();
  peer.run(1);
  peer.send({ ...base, sequence: 301, ack: syn.sequence + 2, bits: bits.fin | bits.ack });
  peer.run(1);
  peer.take();
  peer.send({ ...base, sequence: 100_000, bits: bits.syn });
  assert.equal(peer.takeOne().bits, bits.ack);
  assert.equal(peer.stack.exports.connectionsInUse(), 1);
  peer.run(59_000);
  peer.send({ ...base, sequence: 200, ack: syn.sequence + 2, bits: bits.fin | bits.ack });
  peer.run(1100);
  assert.equal(peer.stack.exports.connectionsInUse(), 0);
  assert.notEqual(received.closed, errorCodes.ECONNRESET);
});
