/** Frame devices that wrap devices: faults follow their rates and seed, traces see every frame, tshark reads the pcap. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSimulation } from '../simulation.js';
import { withFaults } from './faults.js';
import { frameCable } from './frame-device.js';
import { withPcap } from './pcap.js';
import { withTrace } from './trace.js';

const frame = (number: number): Uint8Array =>
  Uint8Array.of(...new Array(60).fill(0), number >> 8, number & 255);
const numberOf = (bytes: Uint8Array): number => (bytes.at(-2)! << 8) | bytes.at(-1)!;

function arrivals(faults: Parameters<typeof withFaults>[1], count: number): number[] {
  const simulation = createSimulation(9);
  const [near, far] = simulation.link({ delayMs: 0 });
  const device = withFaults(near, faults, simulation.clock);
  const seen: number[] = [];
  far.receive = (bytes) => seen.push(numberOf(bytes));
  for (let i = 0; i < count; i++) {
    device.transmit(frame(i));
    simulation.run(0.1);
  }
  simulation.run(100);
  return seen;
}

test('loss, duplication and reordering follow their rates', () => {
  const lost = 5000 - arrivals({ seed: 1, loss: 0.2 }, 5000).length;
  assert.ok(lost > 900 && lost < 1100, `${lost} of 5000 lost`);
  const doubled = arrivals({ seed: 1, duplicate: 0.1 }, 5000).length - 5000;
  assert.ok(doubled > 420 && doubled < 580, `${doubled} of 5000 doubled`);
  const order = arrivals({ seed: 1, reorder: 0.1 }, 1000);
  assert.equal(order.length, 1000);
  const late = order.filter((number, i) => i > 0 && number < order[i - 1]!).length;
  assert.ok(late > 60, `${late} late`);
});

test('one seed gives one history', () => {
  const faults = { loss: 0.1, duplicate: 0.1, reorder: 0.2, corrupt: 0.1 };
  assert.deepEqual(arrivals({ seed: 5, ...faults }, 500), arrivals({ seed: 5, ...faults }, 500));
  assert.notDeepEqual(arrivals({ seed: 5, ...faults }, 500), arrivals({ seed: 6, ...faults }, 500));
});

test('corruption flips one bit', () => {
  const simulation = createSimulation(9);
  const [near, far] = simulation.link();
  const device = withFaults(near, { seed: 3, corrupt: 1 }, simulation.clock);
  let bits = 0;
  far.receive = (bytes) => {
    for (const byte of bytes) for (let bit = 0; bit < 8; bit++) bits += (byte >> bit) & 1;
  };
  device.transmit(new Uint8Array(100));
  simulation.run(1);
  assert.equal(bits, 1);
});

test('a trace sees both directions', () => {
  const [near, far] = frameCable();
  const seen: string[] = [];
  const device = withTrace(near, (direction, bytes) => seen.push(`${direction} ${numberOf(bytes)}`));
  device.transmit(frame(1));
  far.transmit(frame(2));
  assert.deepEqual(seen, ['transmit 1', 'receive 2']);
});

test('tshark reads the pcapng of an exchange without a malformed packet', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-pcap-'));
  try {
    const simulation = createSimulation(4);
    const [one, two] = simulation.link();
    const blocks: Uint8Array[] = [];
    const left = await simulation.stack({
      interfaces: [
        {
          device: withPcap(one, (bytes) => blocks.push(bytes), simulation.clock),
          mac: 0x020000000001,
          ipv4: { address: 0xc0000201, prefixLength: 24 },
        },
      ],
    });
    const right = await simulation.stack({
      interfaces: [{ device: two, mac: 0x020000000002, ipv4: { address: 0xc0000202, prefixLength: 24 } }],
    });
    const server = right.udpBind(7);
    server.onDatagram = ({ bytes, peerAddress, peerPort }) => {
      server.send(peerAddress, peerPort, bytes);
    };
    const client = left.udpBind(40000);
    client.send(0xc0000202, 7, new Uint8Array(5000).fill(7));
    client.send(0xc0000202, 9, new Uint8Array(3));
    simulation.run(50);
    const file = join(directory, 'run.pcapng');
    writeFileSync(file, Buffer.concat(blocks));
    const tshark = spawnSync(
      'tshark',
      ['-r', file, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-T', 'fields']
        .concat(['-e', 'frame.time_epoch', '-e', '_ws.col.Protocol', '-e', 'ip.checksum.status'])
        .concat(['-e', 'udp.checksum.status', '-e', '_ws.malformed', '-e', '_ws.expert.message']),
      { encoding: 'utf8' },
    );
    assert.equal(tshark.error, undefined, 'tshark is missing: apt-get install tshark (npm run setup)');
    assert.equal(tshark.status, 0, tshark.stderr);
    const rows = tshark.stdout
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => line.split('\t'));
    // ARP both ways, 4 fragments each way, one datagram, one ICMP error.
    assert.equal(rows.length, 12, tshark.stdout);
    assert.equal(rows[0]?.[0], '1767225601.000000000');
    assert.deepEqual([...new Set(rows.map((row) => row[1]))].sort(), ['ARP', 'ECHO', 'ICMP', 'IPv4', 'UDP']);
    for (const row of rows) {
      assert.match(row[2] ?? '', /^[1,]*$/, `IPv4 checksum of ${row.join(' ')}`);
      assert.equal(row[4], '', `malformed: ${row.join(' ')}`);
    }
    assert.ok(rows.some((row) => row[3] === '1'));
    assert.ok(!rows.some((row) => row[3] === '0'));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
