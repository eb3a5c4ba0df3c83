/** UDP between two stacks in the simulation: exchange, errors, fragments, broadcast, loopback, gateway mode. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes } from '@noos/abi';
import { createSimulation, type Simulation } from '../simulation.js';
import type { Stack } from './stack.js';
import type { Datagram } from './udp.js';

const a = 0xc0000201;
const b = 0xc0000202;

async function pair(mtuBytes = 1500): Promise<{ simulation: Simulation; left: Stack; right: Stack }> {
  const simulation = createSimulation(1);
  const [one, two] = simulation.link({ mtuBytes });
  const left = await simulation.stack({
    interfaces: [{ device: one, mac: 0x020000000001, ipv4: { address: a, prefixLength: 24 } }],
  });
  const right = await simulation.stack({
    interfaces: [{ device: two, mac: 0x020000000002, ipv4: { address: b, prefixLength: 24 } }],
  });
  return { simulation, left, right };
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);
}

for (const length of [0, 1, 2, 7, 1471, 1472, 1473, 1480, 4000, 65507])
  test(`a datagram of ${length} bytes there and back`, async () => {
    const { simulation, left, right } = await pair();
    const server = right.udpBind(7);
    server.onDatagram = ({ bytes, peerAddress, peerPort }) => {
      server.send(peerAddress, peerPort, bytes);
    };
    const client = left.udpBind(0);
    const received: Datagram[] = [];
    client.onDatagram = (datagram) => received.push(datagram);
    assert.equal(client.send(b, 7, pattern(length)), length);
    simulation.runUntil(() => received.length > 0, 100);
    assert.deepEqual(received[0], {
      bytes: pattern(length),
      peerAddress: b,
      peerPort: 7,
      localAddress: a,
      localPort: client.port,
    });
  });

test('nobody listens: port unreachable reaches the sender', async () => {
  const { simulation, left } = await pair();
  const client = left.udpBind(0);
  let error = 0;
  client.onError = (code) => {
    error = code;
  };
  client.send(b, 9, pattern(100));
  simulation.runUntil(() => error !== 0, 100);
  assert.equal(error, errorCodes.ECONNREFUSED);
});

test('no such neighbour: host unreachable after three requests', async () => {
  const { simulation, left } = await pair();
  const client = left.udpBind(0);
  let error = 0;
  client.onError = (code) => {
    error = code;
  };
  client.send(0xc0000209, 9, pattern(100));
  simulation.run(2900);
  assert.equal(error, 0);
  simulation.run(200);
  assert.equal(error, errorCodes.EHOSTUNREACH);
  assert.equal(left.exports.neighbourCount(), 0);
});

test('errors of calls', async () => {
  const { left } = await pair();
  left.udpBind(53);
  assert.throws(() => left.udpBind(53), { code: 'EADDRINUSE' });
  assert.throws(() => left.udpBind(54, 0x01020304), { code: 'EADDRNOTAVAIL' });
  const socket = left.udpBind(0);
  assert.equal(socket.send(b, 7, new Uint8Array(65508)), errorCodes.EMSGSIZE);
  assert.equal(socket.send(0x08080808, 7, new Uint8Array(1)), errorCodes.ENETUNREACH);
  assert.ok(socket.port >= 49152);
  socket.close();
  assert.equal(left.exports.udpSocketCount(), 1);
});

test('broadcast reaches a bound socket and no port unreachable answers it', async () => {
  const { simulation, left, right } = await pair();
  const seen: Datagram[] = [];
  right.udpBind(68).onDatagram = (datagram) => seen.push(datagram);
  const client = left.udpBind(0);
  let error = 0;
  client.onError = (code) => {
    error = code;
  };
  client.send(0xffffffff, 68, pattern(10));
  client.send(0xc00002ff, 68, pattern(11));
  client.send(0xffffffff, 69, pattern(12));
  simulation.run(100);
  assert.deepEqual(
    seen.map(({ bytes, localAddress }) => [bytes.length, localAddress]),
    [
      [10, 0xffffffff],
      [11, 0xc00002ff],
    ],
  );
  assert.equal(error, 0);
});

test('loopback: own address and 127.0.0.1', async () => {
  const { simulation, left } = await pair();
  const server = left.udpBind(7);
  server.onDatagram = ({ bytes, peerAddress, peerPort }) => {
    server.send(peerAddress, peerPort, bytes);
  };
  const client = left.udpBind(0);
  const received: Datagram[] = [];
  client.onDatagram = (datagram) => received.push(datagram);
  for (const address of [a, 0x7f000001]) client.send(address, 7, pattern(60000));
  simulation.run(1);
  assert.deepEqual(
    received.map(({ peerAddress, bytes }) => [peerAddress, bytes.length]),
    [
      [a, 60000],
      [0x7f000001, 60000],
    ],
  );
  assert.deepEqual(received[1]?.bytes, pattern(60000));
});

test('a slow reader loses what does not fit, and what is queued keeps its order', async () => {
  const { simulation, left, right } = await pair();
  const server = right.udpBind(7);
  const client = left.udpBind(0);
  const numbers: number[] = [];
  server.onDatagram = ({ bytes }) => numbers.push(bytes[0]!);
  for (let i = 0; i < 5; i++) client.send(b, 7, Uint8Array.of(i));
  simulation.run(10);
  assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
  server.close();
  assert.equal(right.exports.udpQueueBytes(), 0);
});

test('gateway: any destination address, answered from that address', async () => {
  const simulation = createSimulation(2);
  const [one, two] = simulation.link();
  const guest = await simulation.stack({
    interfaces: [
      { device: one, mac: 0x020000000001, ipv4: { address: a, prefixLength: 24, gateway: 0xc0000201 + 1 } },
    ],
  });
  const gateway = await simulation.stack({
    interfaces: [
      {
        device: two,
        mac: 0x020000000002,
        ipv4: { address: b, prefixLength: 24 },
        anyAddress: true,
        answersAnyArp: true,
      },
    ],
  });
  const wildcard = gateway.udpBindWildcard();
  wildcard.onDatagram = ({ bytes, peerAddress, peerPort, localAddress, localPort }) => {
    wildcard.sendFrom(localAddress, localPort, peerAddress, peerPort, bytes);
  };
  const client = guest.udpBind(0);
  const received: Datagram[] = [];
  client.onDatagram = (datagram) => received.push(datagram);
  client.send(0x08080808, 53, pattern(30));
  client.send(0xc0000277, 5353, pattern(31));
  simulation.run(100);
  assert.deepEqual(
    received.map(({ peerAddress, peerPort, bytes }) => [peerAddress, peerPort, bytes.length]),
    [
      [0x08080808, 53, 30],
      [0xc0000277, 5353, 31],
    ],
  );
});
