import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptKey, createWebSocket } from './websocket.js';

function connect() {
  const sent: Buffer[] = [];
  const connection = new Duplex({
    allowHalfOpen: true,
    read() {},
    write(chunk, _encoding, done) {
      sent.push(chunk);
      done();
    },
  });
  const socket = createWebSocket(connection, 'binary');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  return { connection, socket, sent: () => Buffer.concat(sent), text: () => text };
}

/** A client's frame: masked. */
function frame(opcode: number, payload: string, final = true): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const bytes = Buffer.from(payload).map((byte, index) => byte ^ mask[index & 3]!);
  const head =
    bytes.length < 126 ? [0x80 | bytes.length] : [0x80 | 126, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode, ...head]), mask, bytes]);
}

test('the handshake of RFC 6455 §1.3', () => {
  assert.equal(acceptKey('dGhlIHNhbXBsZSBub25jZQ=='), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test('frames in any cut are the bytes they carry; pings are answered', async () => {
  const bytes = Buffer.concat([
    frame(2, 'hello ', false),
    frame(9, 'hi'),
    frame(0, 'x'.repeat(300)),
    frame(1, ''),
  ]);
  for (const step of [1, 3, bytes.length]) {
    const { connection, text, sent } = connect();
    for (let at = 0; at < bytes.length; at += step) connection.push(bytes.subarray(at, at + step));
    await sleep(5);
    assert.equal(text(), `hello ${'x'.repeat(300)}`);
    assert.equal(sent().toString('latin1'), '\x8a\x02hi');
  }
});

test('output is framed by length; the end is a close frame', async () => {
  const { socket, sent } = connect();
  socket.write('ab');
  socket.write(Buffer.alloc(300));
  socket.write(Buffer.alloc(70_000));
  socket.end();
  await sleep(5);
  const bytes = sent();
  assert.equal(bytes.subarray(0, 4).toString('latin1'), '\x82\x02ab');
  assert.equal(bytes.subarray(4, 8).toString('hex'), '827e012c');
  assert.equal(bytes.subarray(308, 318).toString('hex'), '827f0000000000011170');
  assert.equal(bytes.subarray(-4).toString('hex'), '880203e8');
});

test("the client's close ends input; frames that break the protocol end everything", async () => {
  const closing = connect();
  let ended = false;
  closing.socket.on('end', () => {
    ended = true;
  });
  closing.connection.push(frame(8, ''));
  await sleep(5);
  assert.ok(ended);
  for (const bad of [
    Buffer.from([0x82, 1, 0, 0, 0, 0, 0]),
    frame(3, 'x'),
    frame(9, 'x', false),
    frame(9, 'x'.repeat(200)),
  ]) {
    const broken = connect();
    broken.connection.push(bad);
    await sleep(5);
    assert.equal(broken.sent().toString('hex'), '880203ea');
    assert.ok(broken.socket.destroyed);
  }
});
