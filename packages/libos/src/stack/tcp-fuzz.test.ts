// Random and mutated segments at a stack with listeners and connections in every state: no trap, no leak.
// NOOS_FUZZ_SEGMENTS sets how many (100,000 unless given), NOOS_FUZZ_SEED where they begin; a failure names its seed.
import { test } from 'node:test';
import { socketOptions } from '@noos/abi';
import { createRandom, type Random } from '../random.js';
import { assertNothingHeld, collect } from '../testing/tcp-pair.js';
import {
  bits,
  buildFrame,
  createTcpPeer,
  peerAddress,
  type SeenSegment,
  type Segment,
  type TcpPeer,
} from '../testing/tcp-peer.js';
import type { TcpConnection } from './tcp.js';

const segments = Number(process.env.NOOS_FUZZ_SEGMENTS ?? 100_000);
const firstSeed = Number(process.env.NOOS_FUZZ_SEED ?? 1);
const segmentsPerRun = 10_000;

/** What a flow looks like from the peer's side: enough to hit the stack near the right numbers. */
interface Flow {
  sourcePort: number;
  destinationPort: number;
  next: number;
  expected: number;
  stamp: number;
}

const interesting = [
  0,
  1,
  -1,
  2,
  100,
  1460,
  -1460,
  65_535,
  65_536,
  -65_536,
  2 ** 20,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
];

function near(random: Random, value: number): number {
  const offset =
    random.next() < 0.6
      ? 0
      : random.next() < 0.8
        ? interesting[random.below(interesting.length)]!
        : random.below(2 ** 32);
  return (value + offset) >>> 0;
}

function randomSegment(random: Random, flow: Flow): Partial<Segment> {
  const kinds = [
    bits.ack,
    bits.ack,
    bits.ack | bits.psh,
    bits.syn,
    bits.syn | bits.ack,
    bits.fin | bits.ack,
    bits.rst,
  ];
  const segment: Partial<Segment> = {
    sourcePort: flow.sourcePort,
    destinationPort: flow.destinationPort,
    sequence: near(random, flow.next),
    ack: near(random, flow.expected),
    bits: random.next() < 0.97 ? kinds[random.below(kinds.length)]! : random.below(64),
    window: random.next() < 0.8 ? 60_000 : random.below(65_536),
  };
  // Resets end too much to be frequent.
  if ((segment.bits! & bits.rst) !== 0 && random.next() < 0.9) segment.bits = bits.ack;
  if (random.next() < 0.4) segment.payload = new Uint8Array(random.next() < 0.9 ? random.below(1460) : 1460);
  if (random.next() < 0.5) segment.timestamps = [near(random, flow.stamp++), near(random, flow.stamp)];
  if (random.next() < 0.2) {
    const block = (): [number, number] => [near(random, flow.expected), near(random, flow.expected + 1460)];
    segment.sack = Array.from({ length: 1 + random.below(2) }, block);
  }
  if ((segment.bits! & bits.syn) !== 0) {
    if (random.next() < 0.8) segment.mss = random.below(65_536);
    if (random.next() < 0.5) segment.scale = random.below(256);
    if (random.next() < 0.5) segment.sackPermitted = true;
    delete segment.sack;
  }
  return segment;
}

/** Flips bytes after the IPv4 header and mends the checksum most of the time, so that parsers see the damage. */
function mutate(random: Random, frame: Uint8Array): Uint8Array {
  const copy = frame.slice();
  for (let count = 1 + random.below(4); count > 0; count--)
    copy[34 + random.below(copy.length - 34)] = random.below(256);
  if (random.next() < 0.2) return copy;
  const view = new DataView(copy.buffer);
  view.setUint16(50, 0);
  let sum = 6 + copy.length - 34;
  for (let at = 26; at < copy.length; at += 2) sum += (copy[at]! << 8) | (copy[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(50, ~sum & 0xffff);
  return copy;
}

function follow(flows: Map<number, Flow>, seen: SeenSegment[]): void {
  for (const segment of seen) {
    const key = segment.destinationPort * 65_536 + segment.sourcePort;
    const flow = flows.get(key) ?? {
      sourcePort: segment.destinationPort,
      destinationPort: segment.sourcePort,
      next: 0,
      expected: 0,
      stamp: 1,
    };
    flows.set(key, flow);
    const length =
      segment.payload.length + (segment.bits & bits.syn ? 1 : 0) + (segment.bits & bits.fin ? 1 : 0);
    flow.expected = (segment.sequence + length) >>> 0;
    if (segment.bits & bits.ack) flow.next = segment.ack;
    if (segment.timestamps !== undefined) flow.stamp = Math.max(flow.stamp, segment.timestamps[1]);
  }
}

/** Listeners and connections that behave at random; returns those that are alive. */
function ownApplication(peer: TcpPeer, random: Random): Set<TcpConnection> {
  const alive = new Set<TcpConnection>();
  const behave = (connection: TcpConnection): void => {
    const received = collect(connection, 1 << 20);
    const read = connection.onReadable;
    alive.add(connection);
    connection.onClosed = () => void alive.delete(connection);
    connection.onReadable = () => {
      if (random.next() < 0.8) read();
      else if (random.next() < 0.5) connection.consume(connection.peek().length >> 1);
      const choice = random.below(60);
      if (choice < 20) connection.write(new Uint8Array(random.below(5000)));
      if (choice === 20 || received.finished) connection.shutdown();
      if (choice === 21 || choice === 22) alive.delete(connection);
      if (choice === 21) connection.release();
      if (choice === 22) connection.abort();
      received.length = 0;
    };
    if (random.next() < 0.5) connection.setOption(socketOptions.keepAlive, 60);
    if (random.next() < 0.5) connection.setOption(socketOptions.noDelay, 1);
  };
  peer.stack.tcpListen({ port: 80, backlog: 32 }, behave);
  peer.stack.tcpListen({ port: 81, deferred: true, backlog: 32 }, (connection) => {
    behave(connection);
    if (random.next() < 0.7) return void connection.accept();
    alive.delete(connection);
    connection.refuse();
  });
  for (let port = 1; port <= 4; port++) behave(peer.stack.tcpConnect(peerAddress, port, 0, 6000 + port));
  return alive;
}

async function fuzz(seed: number, count: number): Promise<void> {
  const random = createRandom(seed);
  const peer = await createTcpPeer(seed);
  const flows = new Map<number, Flow>();
  const alive = ownApplication(peer, random);
  let frame = buildFrame({});
  for (let i = 0; i < count; i++) {
    follow(flows, peer.take());
    const list = [...flows.values()];
    const flow =
      list.length === 0 || random.next() < 0.05
        ? {
            sourcePort: 1 + random.below(40),
            destinationPort: 79 + random.below(4),
            next: 1,
            expected: 0,
            stamp: 1,
          }
        : list[random.below(list.length)]!;
    if (random.next() < 0.2) frame = mutate(random, frame);
    else frame = buildFrame(randomSegment(random, flow));
    peer.sendFrame(frame);
    if (random.next() < 0.02) peer.run(random.below(random.next() < 0.1 ? 100_000 : 500));
    if (flows.size > 64) flows.clear();
  }
  for (const connection of alive) connection.abort();
  // Handshakes and orderly closes that were under way give up.
  peer.run(1_000_000);
  assertNothingHeld(peer.stack, `seed ${seed}`);
}

test(`${segments} random and mutated segments`, async () => {
  for (let seed = firstSeed; (seed - firstSeed) * segmentsPerRun < segments; seed++)
    try {
      await fuzz(seed, Math.min(segmentsPerRun, segments));
    } catch (error) {
      throw new Error(`seed ${seed}: NOOS_FUZZ_SEED=${seed} NOOS_FUZZ_SEGMENTS=${segmentsPerRun}`, {
        cause: error,
      });
    }
});
