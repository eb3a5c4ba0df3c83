/**
 * Random and mutated inputs for every parser of outside bytes and for a whole stack: no trap, no byte read outside
 * the input, nothing kept. NOOS_FUZZ_INPUTS sets the inputs per test (default 40,000), NOOS_FUZZ_SEED the seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameDevice } from './device/frame-device.js';
import { withTrace } from './device/trace.js';
import { createRandom, type Random } from './random.js';
import { createSimulation } from './simulation.js';
import type { Stack } from './stack/stack.js';
import { loadWire } from './testing/wire.js';

const inputs = Number(process.env.NOOS_FUZZ_INPUTS ?? 40_000);
const seed = Number(process.env.NOOS_FUZZ_SEED ?? 1);
const wire = await loadWire();

/** Values that parsers trip over. */
const interesting = [0, 1, 2, 3, 4, 5, 8, 12, 13, 20, 40, 63, 64, 127, 128, 191, 192, 193, 254, 255];

/** One to four changes: bytes, 16-bit fields, cuts, repetitions, insertions. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let result = Uint8Array.from(bytes);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(Math.max(result.length, 1));
    switch (random.below(6)) {
      case 0:
        if (result.length > 0) result[at] = random.below(256);
        break;
      case 1:
        if (result.length > 0) result[at] = interesting[random.below(interesting.length)]!;
        break;
      case 2:
        if (result.length > 0) result[at]! ^= 1 << random.below(8);
        break;
      case 3:
        result = result.slice(0, at);
        break;
      case 4: {
        const from = random.below(result.length + 1);
        result = Uint8Array.from([
          ...result.subarray(0, at),
          ...result.subarray(from, from + 32),
          ...result.subarray(at),
        ]);
        break;
      }
      default:
        if (result.length > 1)
          result.set([random.below(256), random.below(256)], Math.min(at, result.length - 2));
    }
  }
  return result.length > 4000 ? result.slice(0, 4000) : result;
}

function randomBytes(random: Random, limit: number): Uint8Array {
  const bytes = new Uint8Array(random.below(limit));
  random.fill(bytes);
  return bytes;
}

/** Sets the checksum field at `offset` right, so that mutations reach what is behind the check. */
function repair(bytes: Uint8Array, offset: number, length: number): void {
  if (bytes.length < offset + 2 || length > bytes.length) return;
  bytes[offset] = 0;
  bytes[offset + 1] = 0;
  const address = wire.put(bytes);
  const sum = wire.checksum(address, length);
  bytes[offset] = sum >> 8;
  bytes[offset + 1] = sum & 255;
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const name = hex('03777777 04746573 7400');
const dnsAnswer = hex(
  `1234 8180 0001 0003 0001 0000  0377777704746573740000010001
   c00c 0005 0001 00000064 0004 0161c010
   c026 0001 0001 00000064 0004 c0000201
   c026 0001 0001 00000064 0004 c0000202
   c010 0006 0001 00000064 0018 c010 c010 00000001 00000001 00000001 00000001 0000003c`,
);
const dhcpReply = new Uint8Array(330);
dhcpReply.set([2, 1, 6]);
dhcpReply.set([2, 0, 0, 0, 0, 1], 28);
dhcpReply.set(
  hex(
    '63825363 350105 36040a630001 330400000e10 0104ffffff00 03040a630001 06080a6300010a630002 1a020578' +
      '0f0474657374 7706 0161 0474 6573 3a0400000708 3b0400000c4e 340103 ff',
  ),
  236,
);
const tcpSyn = hex(
  'c000 0050 00000001 00000000 a002 ffff 0000 0000 020405b4 0402 080a0000000100000000 01 030307',
);
const arpRequest = hex('0001080006040001 020000000001 c0000201 000000000000 c0000202');
const ipv4Packet = hex('4600001c 00014000 40110000 c0000201 c0000202 94040000 00350035 00000000');

const parsers: { title: string; seeds: Uint8Array[]; run: (bytes: Uint8Array) => unknown }[] = [
  { title: 'ARP', seeds: [arpRequest], run: (bytes) => wire.parseArp(wire.put(bytes), bytes.length) },
  {
    title: 'IPv4',
    seeds: [ipv4Packet],
    run(bytes) {
      repair(bytes, 10, ((bytes[0] ?? 0) & 15) * 4);
      return wire.parseIpv4Packet(wire.put(bytes), bytes.length);
    },
  },
  {
    title: 'ICMP',
    seeds: [hex('0304000005780578'), hex('0800000000010001')],
    run(bytes) {
      repair(bytes, 2, bytes.length);
      return wire.parseIcmp(wire.put(bytes), bytes.length);
    },
  },
  {
    title: 'UDP',
    seeds: [hex('00350035000c000001020304')],
    run: (bytes) => wire.parseUdp(wire.put(bytes), bytes.length),
  },
  {
    title: 'TCP and its options',
    seeds: [tcpSyn, hex('c0000050000000010000000080100000000000000101050a0000000100000005')],
    run: (bytes) => wire.parseTcp(wire.put(bytes), bytes.length),
  },
  { title: 'DHCP', seeds: [dhcpReply], run: (bytes) => wire.parseDhcp(wire.put(bytes), bytes.length) },
  {
    title: 'DNS',
    seeds: [dnsAnswer],
    run(bytes) {
      const scratch = wire.scratchAddress();
      new Uint8Array(wire.memory.buffer).set(name, scratch);
      bytes.set(dnsAnswer.subarray(0, Math.min(4, bytes.length)));
      return wire.parseDns(wire.put(bytes), bytes.length, 0x1234, scratch);
    },
  },
  {
    title: 'DNS names',
    seeds: [dnsAnswer, hex('c000'), hex('0161c000'), hex(`3f${'61'.repeat(64)}c000`)],
    run: (bytes) => wire.parseName(wire.put(bytes), bytes.length, bytes.length > 40 ? 12 : 0),
  },
  {
    title: 'host names',
    seeds: [Buffer.from('www.example.com.'), Buffer.from('a'.repeat(63))],
    run: (bytes) => wire.parseNameText(wire.put(bytes), bytes.length),
  },
  {
    title: 'addresses as text',
    seeds: [Buffer.from('192.0.2.1')],
    run: (bytes) => wire.parseAddressText(wire.put(bytes), bytes.length),
  },
];

for (const { title, seeds, run } of parsers)
  test(`${title}: ${inputs} inputs that end where memory ends`, () => {
    const random = createRandom(seed);
    let accepted = 0;
    for (let i = 0; i < inputs; i++) {
      const bytes =
        i % 4 === 0 ? randomBytes(random, 100) : mutate(seeds[random.below(seeds.length)]!, random);
      try {
        if (Number(run(bytes)) > 0) accepted++;
      } catch (error) {
        assert.fail(`input ${Buffer.from(bytes).toString('hex')}: ${error}`);
      }
    }
    // Mutations that are never accepted would only test the first check.
    assert.ok(accepted > inputs / 100, `${accepted} accepted`);
  });

/** Frames of real exchanges, both ways: ARP, ICMP, UDP, fragments, TCP, DNS. */
async function recordedFrames(): Promise<Uint8Array[]> {
  const { frames, left, right, simulation } = await pair();
  const echo = right.udpBind(7);
  echo.onDatagram = ({ bytes, peerAddress, peerPort }) => {
    echo.send(peerAddress, peerPort, bytes);
  };
  const socket = left.udpBind(1000);
  for (const length of [0, 100, 3000]) socket.send(0xc0000202, 7, new Uint8Array(length));
  socket.send(0xc0000202, 8, new Uint8Array(100));
  right.tcpListen({ port: 80 }, (connection) => {
    connection.onReadable = () => {
      connection.write(connection.read());
      if (connection.finished()) connection.release();
    };
  });
  const connection = left.tcpConnect(0xc0000202, 80);
  connection.onConnected = () => {
    connection.write(new Uint8Array(5000));
    connection.shutdown();
  };
  simulation.run(3000);
  // An echo request, which nothing here sends of itself.
  const ping = hex(
    '020000000002 020000000001 0800 45000020 00014000 40010000 c0000201 c0000202 0800 0000 0001 0001 61626364',
  );
  return [...frames, ping];
}

async function pair(): Promise<{
  frames: Uint8Array[];
  left: Stack;
  right: Stack;
  near: FrameDevice;
  simulation: ReturnType<typeof createSimulation>;
}> {
  const simulation = createSimulation(seed);
  const [near, far] = simulation.link();
  const frames: Uint8Array[] = [];
  const traced = withTrace(near, (_, frame) => frames.push(frame.slice()));
  const left = await simulation.stack({
    interfaces: [{ device: traced, mac: 0x020000000001, ipv4: { address: 0xc0000201, prefixLength: 24 } }],
    dns: { servers: [0xc0000202] },
  });
  const right = await simulation.stack({
    interfaces: [{ device: far, mac: 0x020000000002, ipv4: { address: 0xc0000202, prefixLength: 24 } }],
  });
  return { frames, left, right, near, simulation };
}

/** Checksums of a mutated frame, right again in most cases; and its destination, so that it is taken. */
function repairFrame(frame: Uint8Array, random: Random): void {
  frame.set(hex('020000000002').subarray(0, Math.min(6, frame.length)));
  if (random.below(8) === 0 || frame.length < 34 || frame[12] !== 8 || frame[13] !== 0) return;
  const packet = frame.subarray(14);
  const header = (packet[0]! & 15) * 4;
  if (header < 20 || header > packet.length) return;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (random.below(8) !== 0) view.setUint16(2, packet.length);
  repair(packet.subarray(0, header), 10, header);
  const transport = packet.subarray(header);
  const protocol = packet[9];
  if (protocol === 1) repair(transport, 2, transport.length);
  const offset = protocol === 6 ? 16 : protocol === 17 ? 6 : -1;
  if (offset < 0 || transport.length < offset + 2) return;
  transport.fill(0, offset, offset + 2);
  const pseudo = Uint8Array.from([
    ...packet.subarray(12, 20),
    0,
    protocol!,
    transport.length >> 8,
    transport.length & 255,
  ]);
  const sum = wire.checksum(wire.put(Uint8Array.from([...pseudo, ...transport])), 12 + transport.length);
  transport.set([sum >> 8, sum & 255], offset);
}

test(`a whole stack: ${inputs} frames, then nothing is left of them`, async () => {
  const seeds = await recordedFrames();
  const { right, near, simulation } = await pair();
  const random = createRandom(seed + 1);
  right.udpBind(7).onDatagram = () => {};
  right.udpBind(1000).onDatagram = () => {};
  right.tcpListen({ port: 80 }, (connection) => {
    connection.onReadable = () => {
      connection.read();
      if (connection.finished()) connection.release();
    };
  });
  right.dnsResolve('www.test').catch(() => {});
  simulation.run(10);
  const memoryBytes = right.exports.memory.buffer.byteLength;
  for (let i = 0; i < inputs; i++) {
    const frame =
      i % 16 === 0 ? randomBytes(random, 200) : mutate(seeds[random.below(seeds.length)]!, random);
    repairFrame(frame, random);
    near.transmit(frame.length > 1514 ? frame.subarray(0, 1514) : frame);
    if (i % 32 === 31) simulation.run(0.2);
  }
  // Longer than reassembly, handshakes, retransmissions, TIME-WAIT and the life of a neighbour.
  simulation.run(3_600_000);
  const { exports } = right;
  assert.equal(exports.fragmentsPending(), 0);
  assert.equal(exports.connectionsInUse(), 0);
  assert.equal(exports.waitingBytesNow(), 0);
  assert.equal(exports.queryCount(), 0);
  assert.equal(exports.neighbourCount(), 0);
  assert.equal(exports.timersRunning(), 0);
  assert.equal(exports.udpSocketCount(), 2);
  const grown = exports.memory.buffer.byteLength - memoryBytes;
  // Once the allocator asks for as much again as there is; tables that are made when they are first needed come on top.
  const tablesBytes = 8 * 1024 * 1024;
  assert.ok(grown <= memoryBytes + tablesBytes, `memory grew by ${grown} bytes from ${memoryBytes}`);
});
