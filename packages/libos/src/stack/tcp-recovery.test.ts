// What TCP takes as lost and when, what it does about it, and how it takes that back (RFC 8985, RFC 9937, RFC 5682,
// RFC 3522, RFC 3708), against a peer whose acknowledgements the test delays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Established, SeenSegment, Segment, TcpPeer } from '../testing/tcp-peer.js';
import { ackOf, bytes, server } from '../testing/tcp-server.js';
import type { TcpConnection } from './tcp.js';

const mss = 1460;

interface Path {
  peer: TcpPeer;
  c: Established;
  connection: TcpConnection;
  /** Size of a full segment. */
  full: number;
  /** An acknowledgement of `segments` full segments; it echoes the timestamp of `seen`, when there are timestamps. */
  ack(segments: number, seen?: SeenSegment, more?: Partial<Segment>): void;
  /** Sequence number of full segment `index`. */
  at(index: number): number;
  /** Numbers of the segments seen since the last call. */
  segments(): number[];
}

/** A connection whose handshake took `roundTripMs`, with SACK. */
async function path(roundTripMs: number, timestamps: boolean, sack = true): Promise<Path> {
  const { peer, connections } = await server();
  const base = { sourcePort: 40_000, destinationPort: 80 };
  let clock = 1000;
  peer.send({
    ...base,
    sequence: 1000,
    bits: 2,
    window: 65_535,
    mss,
    scale: 7,
    sackPermitted: sack,
    ...(timestamps ? { timestamps: [clock, 0] as [number, number] } : {}),
  });
  const synAck = peer.takeOne();
  const c: Established = { base, next: 1001, expected: (synAck.sequence + 1) >>> 0 };
  const full = timestamps ? mss - 12 : mss;
  const at = (index: number): number => (c.expected + index * full) >>> 0;
  const ack = (segments: number, seen?: SeenSegment, more: Partial<Segment> = {}): void => {
    const segment: Partial<Segment> = { ...ackOf(c, at(segments)), window: 8000, ...more };
    if (timestamps) segment.timestamps = [++clock, (seen ?? synAck).timestamps![0]];
    peer.send(segment);
  };
  peer.run(roundTripMs);
  ack(0);
  const segments = (): number[] => peer.take().map(({ sequence }) => ((sequence - c.expected) >>> 0) / full);
  return { peer, c, connection: connections[0]!, full, ack, at, segments };
}

/** Round trips in which everything is acknowledged in time: the estimate settles. Returns segments acknowledged. */
function settle({ peer, connection, full, ack }: Path, roundTripMs: number, rounds: number): number {
  for (let round = 1; round <= rounds; round++) {
    connection.write(bytes(full));
    peer.run(roundTripMs);
    ack(round, peer.takeOne());
  }
  return rounds;
}

/** Round trips in each of which all that may leave does and is acknowledged. Returns segments acknowledged. */
function grow({ peer, connection, full, ack, c }: Path, roundTripMs: number, rounds: number): number {
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    connection.write(bytes(65_536));
    peer.run(roundTripMs);
    const sent = peer.take();
    const last = sent.at(-1)!;
    done = ((last.sequence + last.payload.length - c.expected) >>> 0) / full;
    ack(Math.floor(done), last);
    done = Math.floor(done);
  }
  return done;
}

for (const timestamps of [true, false])
  test(`an acknowledgement 20 to 190 ms late on a path of 250 ms repeats nothing, timestamps ${timestamps}`, async () => {
    for (const lateMs of [20, 60, 120, 190]) {
      const one = await path(250, timestamps);
      const done = settle(one, 250, 20);
      one.connection.write(bytes(8 * one.full));
      one.peer.run(250 + lateMs);
      const sent = one.peer.take();
      assert.equal(sent.length, 8, `${lateMs} ms late`);
      one.ack(done + 8, sent[0]);
      one.peer.run(1000);
      assert.equal(one.peer.take().length, 0);
    }
  });

test('a spurious timeout is undone by the echoed timestamp: the window is as before (RFC 3522, RFC 4015)', async () => {
  const one = await path(250, true);
  const done = settle(one, 250, 20);
  one.connection.write(bytes(60 * one.full));
  one.peer.run(480);
  const sent = one.peer.take();
  const first = sent.filter(({ sequence }) => sequence === one.at(done));
  assert.ok(first.length === 2 && first[1]!.atMs - first[0]!.atMs > 450, 'the timer has expired');
  const flight = sent.length - 1;
  one.ack(done + 1, first[0]);
  one.peer.run(1);
  // Nothing is sent again but new data, as much as one acknowledged segment allows.
  const next = one.segments();
  assert.ok(next.length > 0 && next.every((segment) => segment >= done + flight), String(next));
  one.ack(done + flight, first[0]);
  one.peer.run(240);
  const after = one.segments();
  assert.ok(after.length >= flight && after.every((segment) => segment >= done + flight), String(after));
});

test('F-RTO without timestamps: new data after the first acknowledgement, then all is undone (RFC 5682)', async () => {
  const one = await path(250, false);
  const done = settle(one, 250, 20);
  one.connection.write(bytes(60 * one.full));
  one.peer.run(480);
  const flight = one.peer.take().length - 1;
  one.ack(done + 1);
  one.peer.run(1);
  const probe = one.segments();
  assert.deepEqual(probe, [done + flight, done + flight + 1]);
  // The second was never sent again, and it has arrived: the timeout was spurious.
  one.ack(done + 2);
  one.peer.run(1);
  const next = one.segments();
  assert.ok(
    next.every((segment) => segment > done + flight + 1),
    String(next),
  );
  one.ack(done + flight);
  one.peer.run(240);
  assert.ok(one.segments().length >= flight - 2, 'the window is as before');
});

test('F-RTO: a duplicate after the new data means loss, and what is missing follows (RFC 5682)', async () => {
  const one = await path(250, false);
  const done = settle(one, 250, 20);
  one.connection.write(bytes(60 * one.full));
  one.peer.run(480);
  const flight = one.peer.take().length - 1;
  one.ack(done + 1);
  one.peer.run(1);
  one.segments();
  one.ack(done + 1, undefined, { sack: [[one.at(done + flight), one.at(done + flight + 1)]] });
  one.peer.run(1);
  assert.equal(one.segments()[0], done + 1);
});

test('a reduction is undone when the peer reports all that was sent again as duplicate (RFC 3708)', async () => {
  const one = await path(100, false);
  const done = settle(one, 100, 10);
  one.connection.write(bytes(60 * one.full));
  one.peer.run(100);
  const flight = one.peer.take().length;
  // The first two segments are late by more than the reordering allowed for.
  one.ack(done, undefined, { sack: [[one.at(done + 2), one.at(done + flight)]] });
  one.peer.run(60);
  const again = one.segments().filter((segment) => segment < done + flight);
  assert.deepEqual(again.length > 0 && again.every((segment) => segment < done + 2), true, String(again));
  one.ack(done + flight);
  one.ack(done + flight, undefined, { sack: [[one.at(done), one.at(done + 2)]] });
  one.peer.run(99);
  one.segments();
  one.connection.write(bytes(60 * one.full));
  one.ack(done + 2 * flight);
  one.peer.run(99);
  assert.ok(one.segments().length > flight, 'the window has grown on from what it was');
});

test('the loss of the last segments shows after two round trips, by a probe (RFC 8985 §7)', async () => {
  const one = await path(50, true);
  const done = settle(one, 50, 10);
  one.connection.write(bytes(4 * one.full));
  one.peer.run(50);
  const sent = one.peer.take();
  one.ack(done + 2, sent[1]);
  one.peer.run(99);
  assert.deepEqual(one.segments(), []);
  one.peer.run(10);
  const probe = one.peer.take();
  assert.deepEqual(
    probe.map(({ sequence }) => sequence),
    [one.at(done + 3)],
  );
  // The probe is reported: the segment before it was lost, and goes out again without the timer.
  one.peer.run(50);
  one.ack(done + 2, sent[1], { sack: [[one.at(done + 3), one.at(done + 4)]] });
  one.peer.run(20);
  assert.deepEqual(one.segments(), [done + 2]);
});

test('a retransmission that is lost again is found by what was sent after it (RFC 8985)', async () => {
  const one = await path(100, true);
  const done = settle(one, 100, 10);
  one.connection.write(bytes(10 * one.full));
  one.peer.run(100);
  const sent = one.peer.take();
  assert.equal(sent.length, 10);
  one.ack(done, sent[0], { sack: [[one.at(done + 1), one.at(done + 6)]] });
  one.peer.run(1);
  assert.equal(one.segments()[0], done);
  // Its repetition is lost too; new data that was sent after it arrives a round trip later.
  one.connection.write(bytes(20 * one.full));
  one.ack(done, sent[0], { sack: [[one.at(done + 1), one.at(done + 10)]] });
  one.peer.run(1);
  const news = one.segments();
  assert.ok(news.length > 0 && news.every((segment) => segment >= done + 10), String(news));
  one.peer.run(110);
  one.ack(done, sent[0], { sack: [[one.at(done + 1), one.at(done + 11)]] });
  one.peer.run(30);
  assert.equal(one.segments()[0], done, 'long before the timer');
});

test('in recovery segments leave in step with what is delivered (RFC 9937)', async () => {
  const one = await path(100, true);
  const done = grow(one, 100, 2);
  one.connection.write(bytes(65_536));
  one.peer.run(100);
  const sent = one.peer.take();
  const flight = sent.length;
  assert.ok(flight >= 20, String(flight));
  const counts: number[] = [];
  for (let reported = 2; reported <= flight; reported++) {
    one.connection.write(bytes(2 * one.full));
    one.ack(done, sent[0], { sack: [[one.at(done + 1), one.at(done + reported)]] });
    one.peer.run(2.5);
    counts.push(one.segments().length);
  }
  assert.ok(Math.max(...counts) <= 2, `no burst: ${counts}`);
  const total = counts.reduce((sum, count) => sum + count, 0);
  assert.ok(total >= flight * 0.5 && total <= flight * 0.85, `about 0.7 of what was delivered: ${counts}`);
});

test('a fast retransmission starts the timer anew', async () => {
  const one = await path(100, false, false);
  const done = settle(one, 100, 10);
  one.connection.write(bytes(6 * one.full));
  // Duplicates come just before the timer would expire.
  one.peer.run(280);
  assert.equal(one.segments().length, 6);
  for (let i = 0; i < 3; i++) one.ack(done);
  assert.equal(one.segments()[0], done);
  one.peer.run(200);
  assert.deepEqual(one.segments(), []);
});
