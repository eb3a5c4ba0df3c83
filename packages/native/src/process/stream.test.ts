/** The network over a Unix stream socket: framing, order, back-pressure, the end of the connection. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { before, test } from 'node:test';
import { buildGuest, type Guest } from '../testing/guest.js';

let guest: Guest;
before(async () => {
  guest = await buildGuest();
});

const framed = (frame: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
};

interface Connected {
  child: ChildProcess;
  socket: Socket;
  output: () => string;
}

/** Listens, starts the guest and hands over the connection; the guest is killed at the end. */
async function connected(letter: string, body: (connection: Connected) => Promise<void>): Promise<void> {
  const path = `${guest.image}.${letter}.sock`;
  rmSync(path, { force: true });
  const server = createServer().listen(path);
  await once(server, 'listening');
  const child = spawn(guest.runtime, [guest.image, '--socket', path, '--param', `do=${letter}`]);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [socket] = (await once(server, 'connection')) as [Socket];
  try {
    await body({ child, socket, output: () => output });
  } finally {
    child.kill('SIGKILL');
    socket.destroy();
    server.close();
  }
}

test('echoes 2000 frames of all sizes in order, though they arrive in pieces', async () => {
  await connected('e', async ({ socket }) => {
    const frames = Array.from({ length: 2000 }, (_, index) =>
      Buffer.alloc(14 + ((index * 7919) % (index % 100 === 0 ? 65_550 : 1500)), index % 251),
    );
    const sent = Buffer.concat(frames.map(framed));
    const received: Buffer[] = [];
    let bytes = 0;
    const whole = new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        received.push(chunk);
        bytes += chunk.length;
        if (bytes >= sent.length) resolve();
      });
    });
    for (let at = 0; at < sent.length; at += 10_007)
      if (!socket.write(sent.subarray(at, at + 10_007))) await once(socket, 'drain');
    await whole;
    assert.equal(Buffer.compare(Buffer.concat(received), sent), 0);
  });
});

test('a full queue refuses frames; transmitReady follows when the peer reads', async () => {
  await connected('f', async ({ child, socket, output }) => {
    socket.pause();
    while (output() !== 'full\n') await once(child.stdout!, 'data');
    socket.resume();
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
  });
});

test('the end of the network stops the guest', async () => {
  await connected('e', async ({ child, socket, output }) => {
    socket.end();
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    assert.equal(output(), 'stop\n');
  });
});

test('a length that no frame has ends the connection', async () => {
  await connected('e', async ({ child, socket }) => {
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0]));
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
  });
});
