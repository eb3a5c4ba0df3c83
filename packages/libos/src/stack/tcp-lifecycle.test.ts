// Many connections: no leak over 10,000, SYN floods, bounds of backlog and pool, release in every state.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes, socketOptions } from '@noos/abi';
import { createRandom } from '../random.js';
import { assertNothingHeld, collect, createTcpPair, rightAddress } from '../testing/tcp-pair.js';
import { bits, buildFrame, createTcpPeer, openTo } from '../testing/tcp-peer.js';
import type { TcpConnection } from './tcp.js';

test('10,000 connections opened, used and closed leave nothing behind', async () => {
  const { simulation, left, right } = await createTcpPair({ seed: 1 });
  let served = 0;
  let answered = 0;
  right.tcpListen({ port: 80, backlog: 256 }, (connection) => {
    connection.onReadable = () => {
      const request = connection.read();
      if (request.length > 0) connection.write(request);
      if (connection.finished()) {
        served++;
        connection.release();
      }
    };
    connection.onReadable();
  });
  const ports = new Set<number>();
  for (let round = 0; round < 100; round++) {
    for (let i = 0; i < 100; i++) {
      const connection = left.tcpConnect(rightAddress, 80);
      ports.add(connection.localPort);
      connection.onConnected = () => {
        connection.write(Buffer.from('ping'));
      };
      connection.onReadable = () => {
        if (connection.read().length > 0) {
          answered++;
          connection.shutdown();
        }
      };
    }
    simulation.run(20);
  }
  assert.deepEqual([served, answered], [10_000, 10_000]);
  assert.ok(ports.size > 8000, `ports are spread: ${ports.size}`);
  simulation.run(61_000);
  assertNothingHeld(left, 'left');
  assertNothingHeld(right, 'right');
  assert.equal(left.exports.timersRunning() + right.exports.timersRunning() <= 2, true);
});

test('connections ended at random moments in random ways leave nothing behind', async () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const { simulation, left, right } = await createTcpPair({
      seed,
      delayMs: 1,
      faults: { loss: 0.1, duplicate: 0.05, reorder: 0.1 },
    });
    const random = createRandom(seed);
    const endSomehow = (connection: TcpConnection): void => {
      const choice = random.below(4);
      if (choice === 0) connection.abort();
      else if (choice === 1) connection.release();
      else connection.shutdown();
    };
    right.tcpListen({ port: 80 }, (connection) => {
      // A reset may be lost: keep-alive finds out.
      connection.setOption(socketOptions.keepAlive, 30);
      connection.onReadable = () => {
        connection.read();
        if (connection.finished() || random.next() < 0.2) connection.release();
      };
      connection.write(new Uint8Array(random.below(20_000)));
      if (random.next() < 0.3) endSomehow(connection);
    });
    for (let i = 0; i < 300; i++) {
      const connection = left.tcpConnect(rightAddress, random.next() < 0.9 ? 80 : 81);
      connection.onReadable = () => {
        connection.read();
        if (connection.finished()) connection.shutdown();
      };
      connection.setOption(socketOptions.keepAlive, 30);
      connection.onConnected = () => void connection.write(new Uint8Array(random.below(20_000)));
      simulation.clock.at(simulation.nowNs() + BigInt(random.below(300_000_000)), () =>
        endSomehow(connection),
      );
      simulation.run(random.below(20));
    }
    // The longest patience: a connection without an answer gives up after some 220 s, then TIME-WAIT.
    simulation.run(1_000_000);
    assertNothingHeld(left, `left, seed ${seed}`);
    assertNothingHeld(right, `right, seed ${seed}`);
  }
});

test('a SYN flood is survived: cookies answer, memory stays bounded, a real client connects', async () => {
  const peer = await createTcpPeer(1);
  const accepted: TcpConnection[] = [];
  peer.stack.tcpListen({ port: 80, backlog: 64 }, (connection) => accepted.push(connection));
  const flood = (from: number, count: number): void => {
    for (let i = from; i < from + count; i++)
      peer.sendFrame(
        buildFrame({
          sourcePort: 1024 + (i % 60_000),
          destinationPort: 80,
          sequence: i * 7919,
          bits: bits.syn,
          mss: 1460,
        }),
      );
  };
  flood(0, 2000);
  assert.equal(peer.stack.exports.connectionsInUse(), 64);
  assert.equal(peer.take().length, 2000);
  // With options: they survive in the timestamp.
  const c = openTo(peer, {
    sourcePort: 1000,
    mss: 1400,
    scale: 6,
    sackPermitted: true,
    timestamp: 77,
    window: 1000,
  });
  assert.deepEqual([c.synAck.mss, c.synAck.scale, c.synAck.sackPermitted], [1460, 5, true]);
  assert.equal(accepted.length, 1);
  peer.take();
  accepted[0]!.write(new Uint8Array(30_000));
  peer.run(1);
  const sent = peer.take();
  // MSS 1360 is the nearest that a cookie can carry, less 12 bytes of timestamps; the window of 1000 counts times 64.
  assert.deepEqual([sent.length, sent[0]?.payload.length], [10, 1348]);
  // Without timestamps: MSS only.
  const plain = openTo(peer, { sourcePort: 1001, mss: 1460, scale: 6, sackPermitted: true });
  assert.deepEqual([plain.synAck.scale, plain.synAck.sackPermitted], [undefined, undefined]);
  assert.equal(accepted.length, 2);
  // Forged answers get nowhere.
  const random = createRandom(9);
  for (let i = 0; i < 500; i++)
    peer.send({
      sourcePort: 2,
      destinationPort: 80,
      sequence: 5,
      ack: random.below(2 ** 32),
      bits: bits.ack,
    });
  assert.equal(accepted.length, 2);
  // An answer that comes too late is worth nothing.
  flood(5000, 100);
  peer.take();
  peer.send({ sourcePort: 999, destinationPort: 80, sequence: 50, bits: bits.syn, mss: 1460 });
  const late = peer.takeOne();
  peer.run(130_000);
  peer.take();
  peer.send({ sourcePort: 999, destinationPort: 80, sequence: 51, ack: late.sequence + 1, bits: bits.ack });
  assert.equal(accepted.length, 2);
  assert.equal(peer.takeOne().bits, bits.rst);
  for (const connection of accepted) connection.abort();
  peer.run(1000);
  assertNothingHeld(peer.stack, 'after the flood');
});

test('a full accept queue leaves SYNs unanswered and later connections whole', async () => {
  const peer = await createTcpPeer(1);
  const { exports } = peer.stack;
  // The embedder accepts at once; an owner without a dispatcher never does.
  const listener = exports.tcpListen(0, 80, 2, 1, 0);
  assert.ok(listener > 0);
  for (const sourcePort of [1, 2]) openTo(peer, { sourcePort });
  peer.take();
  peer.send({ sourcePort: 3, destinationPort: 80, sequence: 1, bits: bits.syn });
  assert.equal(peer.take().length, 0);
  const first = exports.tcpAccept(listener);
  assert.equal(exports.tcpPeerPort(first), 1);
  openTo(peer, { sourcePort: 3 });
  exports.tcpRelease(listener);
  peer.run(1);
  assert.equal(peer.take().filter((segment) => (segment.bits & bits.rst) !== 0).length, 2);
  exports.tcpAbort(first);
  peer.run(1);
  assertNothingHeld(peer.stack, 'after the listener');
});

test('handles that are dead or wrong do nothing', async () => {
  const { simulation, left, right } = await createTcpPair({ seed: 1 });
  right.tcpListen({ port: 80 }, (connection) => {
    connection.onReadable = () => connection.read();
  });
  const { exports } = left;
  const handle = exports.tcpConnect(0, 0, rightAddress, 80, 0);
  left.udpBind(0);
  simulation.run(10);
  exports.tcpAbort(handle);
  for (const dead of [handle, 0, -1, 12345, 0x7fffffff, handle + 65_536]) {
    assert.equal(exports.tcpSend(dead, 0, 1), errorCodes.EINVAL);
    assert.equal(exports.tcpReceive(dead, 0, 1), errorCodes.EINVAL);
    assert.equal(exports.tcpError(dead), errorCodes.EINVAL);
    assert.equal(exports.tcpPeek(dead), 0);
    exports.tcpRelease(dead);
    exports.tcpAbort(dead);
    exports.tcpConsume(dead, 5);
  }
  left.udpBind(0);
  simulation.run(10);
  assertNothingHeld(left, 'left');
});

test('the same seed gives the same segments', async () => {
  const traces: string[] = [];
  for (let run = 0; run < 2; run++) {
    let trace = '';
    const { simulation, left, right } = await createTcpPair({
      seed: 42,
      faults: { loss: 0.1, reorder: 0.1 },
      wrap: (device) => {
        const transmit = device.transmit.bind(device);
        device.transmit = (frame) => {
          trace += Buffer.from(frame.subarray(0, 66)).toString('hex');
          return transmit(frame);
        };
        return device;
      },
    });
    right.tcpListen({ port: 80 }, (connection) => void collect(connection, 100_000));
    const client = left.tcpConnect(rightAddress, 80);
    client.onConnected = () => void client.write(new Uint8Array(50_000));
    simulation.run(20_000);
    traces.push(trace);
  }
  assert.ok(traces[0]!.length > 5000);
  assert.equal(traces[0], traces[1]);
});
