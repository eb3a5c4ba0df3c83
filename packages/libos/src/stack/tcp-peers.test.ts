/** One peer that takes all it can get does not keep others out: connections, and memory of their buffers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingHeld } from '../testing/tcp-pair.js';
import {
  bits,
  buildFrame,
  createTcpPeer,
  peerAddress,
  stackAddress,
  type TcpPeer,
} from '../testing/tcp-peer.js';
import type { TcpConnection } from './tcp.js';

const attacker = peerAddress + 1;
const client = peerAddress + 2;
const budgetBytes = 64 << 20;

/** Opens a connection from an address; its acknowledgement number to come, undefined when it was refused. */
function open(peer: TcpPeer, source: number, sourcePort: number): number | undefined {
  const base = { sourcePort, destinationPort: 80 };
  peer.sendFrame(buildFrame({ ...base, sequence: 1000, bits: bits.syn, mss: 1460 }, source));
  const answer = peer.take().find(({ destinationPort }) => destinationPort === sourcePort);
  if (answer === undefined) return undefined;
  const ack = (answer.sequence + 1) >>> 0;
  peer.sendFrame(buildFrame({ ...base, sequence: 1001, ack, bits: bits.ack }, source));
  return peer.take().some((segment) => (segment.bits & bits.rst) !== 0) ? undefined : ack;
}

test('one address gets two thirds of the connections; another one is served, also after a third has tried', async () => {
  const peer = await createTcpPeer(1);
  const accepted: TcpConnection[] = [];
  peer.stack.tcpListen({ port: 80, backlog: 64 }, (connection) => accepted.push(connection));
  for (const [index, source] of [attacker, attacker + 4].entries()) {
    let count = 0;
    while (open(peer, source, 1 + count) !== undefined) count++;
    assert.equal(count, [10_923, 3608][index]);
    for (let port = 1; port <= 50; port++) assert.ok(open(peer, client + 10 * index, port) !== undefined);
  }
  for (const connection of accepted) connection.abort();
  peer.run(1000);
  assertNothingHeld(peer.stack, 'after the attack');
});

test('a router may have all connections, as it speaks for many', async () => {
  const peer = await createTcpPeer(1);
  peer.stack.exports.interfaceSetAddress(0, stackAddress, 24, peerAddress);
  const accepted: TcpConnection[] = [];
  peer.stack.tcpListen({ port: 80, backlog: 64 }, (connection) => accepted.push(connection));
  for (let port = 1; port <= 12_000; port++)
    assert.ok(open(peer, peerAddress, port) !== undefined, `${port}`);
  for (const connection of accepted) connection.abort();
  peer.run(1000);
  assertNothingHeld(peer.stack, 'after all');
});

test('a place in TIME-WAIT counts as free', async () => {
  const peer = await createTcpPeer(1);
  const accepted: TcpConnection[] = [];
  peer.stack.tcpListen({ port: 80, backlog: 64 }, (connection) => accepted.push(connection));
  // More connections than one address may have at once, one after the other.
  for (let port = 1; port <= 12_000; port++) {
    const ack = open(peer, client, port);
    assert.ok(ack !== undefined, `connection ${port}`);
    accepted.pop()!.release();
    peer.run(0.01);
    const base = { sourcePort: port, destinationPort: 80, bits: bits.ack };
    peer.sendFrame(buildFrame({ ...base, sequence: 1001, ack: ack + 1, bits: bits.ack | bits.fin }, client));
    peer.take();
  }
});

test('bytes ahead of holes and unread responses of some leave memory for what others send and get', async () => {
  const peer = await createTcpPeer(1);
  const accepted: TcpConnection[] = [];
  peer.stack.tcpListen({ port: 80, backlog: 64 }, (connection) => accepted.push(connection));
  for (const [index, source] of [attacker, attacker + 4, attacker + 8].entries()) {
    for (let port = 1; port <= 1100; port++) {
      const ack = open(peer, source, port);
      assert.ok(ack !== undefined);
      peer.sendFrame(
        buildFrame(
          {
            sourcePort: port,
            destinationPort: 80,
            sequence: 1001 + 64_000,
            ack,
            bits: bits.ack,
            payload: new Uint8Array(1000),
          },
          source,
        ),
      );
      if (index === 2) accepted.at(-1)!.write(new Uint8Array(60_000));
    }
    peer.take();
    const used = Number(peer.stack.exports.ringBytesUsed());
    assert.ok(
      used <= (index === 0 ? (2 * budgetBytes) / 3 + 65_536 : budgetBytes - budgetBytes / 8),
      `${used} bytes`,
    );
    // A request and an answer of another client.
    const ack = open(peer, client, 5000 + index)!;
    const mine = accepted.at(-1)!;
    let read = 0;
    mine.onReadable = () => {
      read += mine.read().length;
    };
    const base = { sourcePort: 5000 + index, destinationPort: 80, ack, bits: bits.ack };
    peer.sendFrame(buildFrame({ ...base, sequence: 1001, payload: new Uint8Array(1460) }, client));
    peer.sendFrame(buildFrame({ ...base, sequence: 2461, payload: new Uint8Array(1460) }, client));
    assert.equal(read, 2920);
    assert.equal(mine.write(new Uint8Array(4000)), 4000);
    peer.run(1);
    const answered = peer.take().filter(({ destinationPort }) => destinationPort === 5000 + index);
    assert.equal(
      answered.reduce((sum, { payload }) => sum + payload.length, 0),
      4000,
    );
  }
  for (const connection of accepted) connection.abort();
  peer.run(1000);
  assertNothingHeld(peer.stack, 'after the attack');
});

test('a sender that got no memory continues when some is given back', async () => {
  const peer = await createTcpPeer(1);
  const accepted: TcpConnection[] = [];
  peer.stack.tcpListen({ port: 80, backlog: 64 }, (connection) => accepted.push(connection));
  // A byte that is not read and one that is not acknowledged, until all first rings are used up.
  let refused: TcpConnection | undefined;
  for (let port = 1; refused === undefined; port++)
    for (let source = attacker; source < attacker + 24; source++) {
      const ack = open(peer, source, port);
      if (ack === undefined) continue;
      const base = { sourcePort: port, destinationPort: 80, sequence: 1001, ack, bits: bits.ack };
      peer.sendFrame(buildFrame({ ...base, payload: new Uint8Array(1) }, source));
      if (accepted.at(-1)!.write(new Uint8Array(100)) === 0) refused ??= accepted.at(-1);
      peer.take();
    }
  assert.ok(accepted.length > 4000, `${accepted.length} connections`);
  let told = 0;
  refused.onWritable = () => told++;
  peer.run(1);
  assert.equal(told, 0);
  for (const connection of accepted.slice(0, 2000)) if (connection !== refused) connection.abort();
  peer.run(1);
  assert.equal(told, 1);
  assert.equal(refused.write(new Uint8Array(100)), 100);
});
