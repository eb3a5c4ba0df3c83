/** Our TCP against the Linux kernel's, over a TAP device: transfers, closes, faults, many connections, a SYN flood. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Faults, TcpConnection } from '@noos/libos';
import { forgedSyn } from './linux/forged-syn.js';
import { type LinuxPeer, startPeer } from './linux/linux-peer.js';
import { createNamespace, type Namespace } from './linux/namespace.js';
import { patternDigest } from './linux/peer.js';
import { echo, receiveAll, receiveText, sendPattern } from './linux/stack-roles.js';
import {
  linuxAddressNumber,
  stackAddress,
  stackAddressNumber,
  stackMac,
  startTapStack,
  type TapStack,
} from './linux/tap-stack.js';

let namespace: Namespace;
let peer: LinuxPeer;
let link: TapStack | undefined;
let port = 2000;

before(() => {
  namespace = createNamespace('tcp');
  peer = startPeer(namespace);
});
after(async () => {
  await peer.close();
  namespace.remove();
});
afterEach(() => {
  link?.close();
  link = undefined;
});

async function open(faults?: Faults): Promise<TapStack> {
  link = await startTapStack(namespace, faults);
  return link;
}

function connected(connection: TcpConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.onConnected = resolve;
    connection.onClosed = (error) => reject(new Error(`not connected: ${error}`));
  });
}

/** Linux sends to us, we to Linux; the receiver checks the digest. */
async function transferBothWays(bytes: number, faults?: Faults): Promise<void> {
  const { stack } = await open(faults);
  port++;
  await peer.request({ do: 'listen', port, role: 'source', bytes });
  const download = stack.tcpConnect(linuxAddressNumber, port);
  const received = receiveAll(download);
  await connected(download);
  assert.deepEqual(await received, { bytes, sha256: patternDigest(bytes) });
  download.shutdown();

  stack.tcpListen({ port }, (connection) => {
    connection.onReadable = () => {
      connection.read();
    };
    sendPattern(connection, bytes);
  });
  const upload = await peer.request({ do: 'download', address: stackAddress, port, bytes: 1 });
  assert.equal(upload.bytes, bytes);
  assert.equal(upload.sha256, patternDigest(bytes));
}

test('bulk both ways', () => transferBothWays(32 << 20));

for (const percent of [1, 5, 10, 20])
  test(`transfers survive ${percent} % loss, duplication and reordering`, async () => {
    const rate = percent / 100;
    await transferBothWays(percent >= 10 ? 256 << 10 : 2 << 20, {
      seed: 1000 + percent,
      loss: rate,
      duplicate: rate,
      reorder: rate,
    });
  });

test('half-close: Linux ends its half first and still gets everything', async () => {
  const { stack } = await open();
  port++;
  stack.tcpListen({ port }, (connection) => {
    const received = receiveAll(connection);
    void received.then(({ bytes, sha256 }) => {
      connection.write(Buffer.from(`${bytes} ${sha256}`));
      connection.shutdown();
    });
  });
  const answer = await peer.request({ do: 'download', address: stackAddress, port, bytes: 100_000 });
  assert.equal(answer.bytes, `100000 ${patternDigest(100_000)}`.length);
});

test('half-close: we end our half first and still get everything', async () => {
  const { stack } = await open();
  port++;
  await peer.request({ do: 'listen', port, role: 'sink' });
  const connection = stack.tcpConnect(linuxAddressNumber, port);
  await connected(connection);
  const answer = receiveText(connection);
  sendPattern(connection, 50_000);
  assert.equal(await answer, `50000 ${patternDigest(50_000)}`);
});

test('a reset by Linux ends the connection with ECONNRESET, one to a closed port with ECONNREFUSED', async () => {
  const { stack } = await open();
  port++;
  await peer.request({ do: 'listen', port, role: 'reset' });
  const connection = stack.tcpConnect(linuxAddressNumber, port);
  await connected(connection);
  connection.write(Buffer.from('x'));
  const error = await new Promise<number>((resolve) => {
    connection.onClosed = resolve;
  });
  assert.equal(error, -104);
  const refused = stack.tcpConnect(linuxAddressNumber, 1);
  assert.equal(
    await new Promise<number>((resolve) => {
      refused.onClosed = resolve;
    }),
    -111,
  );
});

test('our reset reaches Linux as ECONNRESET', async () => {
  const { stack } = await open();
  port++;
  stack.tcpListen({ port }, (connection) => {
    connection.onReadable = () => connection.abort();
  });
  await assert.rejects(
    peer.request({ do: 'download', address: stackAddress, port, bytes: 10 }),
    /ECONNRESET/,
  );
});

test('a zero window stops us and opens again', async () => {
  const { stack } = await open();
  port++;
  const bytes = 16 << 20;
  await peer.request({ do: 'listen', port, role: 'stall' });
  const connection = stack.tcpConnect(linuxAddressNumber, port);
  await connected(connection);
  let taken = 0;
  const answer = receiveText(connection);
  sendPattern(connection, bytes, (count) => {
    taken = count;
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  // What fits Linux's receive buffer and our send buffer is taken, the rest waits.
  assert.ok(taken < bytes, `${taken} bytes were taken`);
  await peer.request({ do: 'resume' });
  assert.equal(await answer, `${bytes} ${patternDigest(bytes)}`);
});

test('an application that does not read closes our window; Linux waits and continues', async () => {
  const { stack } = await open();
  port++;
  const bytes = 8 << 20;
  await peer.request({ do: 'listen', port, role: 'source', bytes });
  const connection = stack.tcpConnect(linuxAddressNumber, port);
  await connected(connection);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const held = Number(stack.exports.ringBytesUsed());
  assert.ok(held > 0 && held < bytes, `${held} bytes are held`);
  const received = receiveAll(connection);
  connection.onReadable();
  assert.deepEqual(await received, { bytes, sha256: patternDigest(bytes) });
});

test('10,000 connections open, exchange and close without a leak', { timeout: 300_000 }, async () => {
  const { stack } = await open();
  port++;
  stack.tcpListen({ port }, echo);
  // TIME-WAIT is Linux's, which closes first; its ports must not run out.
  namespace.run('sysctl', '-qw', 'net.ipv4.ip_local_port_range=10000 65000', 'net.ipv4.tcp_tw_reuse=1');
  const result = await peer.request({
    do: 'connect',
    address: stackAddress,
    port,
    count: 10_000,
    parallel: 64,
    bytes: 100,
  });
  assert.equal(result.completed, 10_000);
  const deadline = Date.now() + 10_000;
  while (stack.exports.connectionsInUse() > 1 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(
    stack.exports.connectionsInUse() <= 1,
    `${stack.exports.connectionsInUse()} connections are left`,
  );
  assert.equal(stack.exports.ringBytesUsed(), 0n);
});

test('a SYN flood from forged addresses is survived: Linux still connects, memory stays bounded', async () => {
  const { stack, inject } = await open();
  port++;
  stack.tcpListen({ port }, echo);
  const flood = setInterval(() => {
    for (let count = 0; count < 200; count++) inject(forgedSyn(stackMac, stackAddressNumber, port));
  }, 5);
  try {
    const result = await peer.request({
      do: 'connect',
      address: stackAddress,
      port,
      count: 50,
      parallel: 4,
      bytes: 1000,
    });
    assert.equal(result.completed, 50);
  } finally {
    clearInterval(flood);
  }
  assert.ok(
    stack.exports.connectionsInUse() < 1000,
    `${stack.exports.connectionsInUse()} connections are held`,
  );
});
