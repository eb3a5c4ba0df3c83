import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { streamPort } from './stream-port.js';

const directory = mkdtempSync(join(tmpdir(), 'noos-stream-port-'));
after(() => rmSync(directory, { recursive: true }));
let serial = 0;

/** Two connected Unix sockets. */
async function socketPair(): Promise<[Socket, Socket]> {
  const path = join(directory, `s${serial++}`);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect(path);
  const pair: [Socket, Socket] = [await accepted, client];
  server.close();
  return pair;
}

function framed(frame: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(frame.length);
  return Buffer.concat([head, frame]);
}

test('frames of every size arrive whole and in order', async () => {
  const [left, right] = await socketPair();
  const a = streamPort(left, { mtuBytes: 1500 });
  const b = streamPort(right, { mtuBytes: 1500 });
  const sizes = Array.from({ length: 2000 }, (_, index) => 14 + ((index * 37) % 1501));
  const got: string[] = [];
  const done = new Promise<void>((resolve) => {
    b.receive = (frame) => {
      assert.ok(frame.every((byte) => byte === frame[0]));
      got.push(`${frame.length}:${frame[0]}`);
      if (got.length === sizes.length) resolve();
    };
  });
  const frame = new Uint8Array(1514);
  for (const [index, size] of sizes.entries()) {
    frame.fill(index & 255);
    while (!a.transmit(frame.subarray(0, size))) await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  assert.deepEqual(
    got,
    sizes.map((size, index) => `${size}:${index & 255}`),
  );
  a.close();
  assert.equal(await b.closed, undefined);
});

test('a stream cut at any byte is put together again', async () => {
  const [left, right] = await socketPair();
  left.setNoDelay?.(true);
  const b = streamPort(right, { mtuBytes: 1500 });
  const lengths: number[] = [];
  b.receive = (frame) => lengths.push(frame.length);
  const bytes = Buffer.concat([
    framed(new Uint8Array(14)),
    framed(new Uint8Array(60)),
    framed(new Uint8Array(20)),
  ]);
  for (let step = 1; step <= 9; step++)
    for (let at = 0; at < bytes.length; at += step) {
      left.write(bytes.subarray(at, at + step));
      await new Promise((resolve) => setImmediate(resolve));
    }
  left.end();
  await b.closed;
  assert.deepEqual(lengths, Array.from({ length: 9 }, () => [14, 60, 20]).flat());
});

for (const [name, length] of [
  ['too long', 1515],
  ['too short', 13],
  ['empty', 0],
  ['huge', 0xffffffff],
] as const)
  test(`a length that is ${name} ends the connection with an error`, async () => {
    const [left, right] = await socketPair();
    const b = streamPort(right, { mtuBytes: 1500 });
    let received = 0;
    b.receive = () => received++;
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    left.on('error', () => {});
    left.write(Buffer.concat([framed(new Uint8Array(14)), head, Buffer.alloc(2000)]));
    const error = await b.closed;
    assert.match(String(error?.message), new RegExp(`frame of ${length} bytes`));
    assert.equal(received, 1);
  });

test('a reader that stops makes transmit refuse, memory stays bounded', async () => {
  const [left, right] = await socketPair();
  right.pause();
  const a = streamPort(left, { mtuBytes: 1500, queueBytes: 100_000 });
  const frame = new Uint8Array(1514);
  let taken = 0;
  while (a.transmit(frame)) {
    taken++;
    assert.ok(taken < 10_000, 'never refused');
    if (taken % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(left.writableLength <= 100_000 + 70_000);
  let read = 0;
  right.on('data', (chunk) => {
    read += chunk.length;
  });
  right.resume();
  while (read < taken * 1518) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(a.transmit(frame), true);
  a.close();
  right.destroy();
});
