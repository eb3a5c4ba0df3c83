/** Clients that end their side before anybody listens: no input at all, a half-closed request, a client that is gone. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { startDaemon } from './daemon.js';
import { eventually } from './eventually.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
const rounds = 60;
const network = ['--network', 'none'];
const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';

before(async () => {
  await loadImages(daemon, busyboxImage());
  await daemon.ok('run', '-d', '--name', 'host', ...network, 'busybox', 'sleep', '100000');
});

/** Sends the request and ends the client's side with it; resolves with all that comes back until the other side ends. */
function halfClosed(line: string, { head = '', body = '' } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: daemon.socket, allowHalfOpen: true });
    const parts: Buffer[] = [];
    socket.on('data', (part) => parts.push(part)).on('error', reject);
    socket.on('end', () => {
      socket.destroy();
      resolve(Buffer.concat(parts).toString('latin1'));
    });
    const type = body === '' ? '' : 'Content-Type: application/json\r\n';
    socket.end(`${line} HTTP/1.1\r\nHost: d\r\n${head}${type}Content-Length: ${body.length}\r\n\r\n${body}`);
  });
}

async function times(count: number, act: () => Promise<void>): Promise<void> {
  // Some side by side: on a busy machine the order of events varies more.
  const lanes = 4;
  let left = count;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (left-- > 0) await act();
    }),
  );
}

async function execId(request: object): Promise<string> {
  const { text } = await daemon.api('POST', '/v1.44/containers/host/exec', {
    AttachStdin: true,
    AttachStdout: true,
    ...request,
  });
  return (JSON.parse(text) as { Id: string }).Id;
}

test('docker exec -i without input ends, every time', async () => {
  await times(rounds, async () => {
    const { code, stdout } = await daemon.docker('exec', '-i', 'host', 'sh', '-c', 'cat; echo end');
    assert.deepEqual([code, stdout], [0, 'end\n']);
  });
});

test('docker run -i without input ends, every time', async () => {
  await times(rounds, async () => {
    const { code, stdout } = await daemon.docker(
      ...['run', '-i', '--rm', ...network, 'busybox', 'sh', '-c', 'cat; echo end'],
    );
    assert.deepEqual([code, stdout], [0, 'end\n']);
  });
});

for (const [kind, head] of [
  ['upgraded', upgrade],
  ['raw', ''],
] as const) {
  test(`an exec started by a half-closed request, ${kind}: its input ends, its output comes`, async () => {
    await times(rounds, async () => {
      const id = await execId({ Cmd: ['sh', '-c', 'cat; echo end'] });
      const reply = await halfClosed(`POST /v1.44/exec/${id}/start`, { head, body: '{}' });
      assert.ok(reply.endsWith('\x01\0\0\0\0\0\0\x04end\n'), JSON.stringify(reply));
    });
  });

  test(`on a terminal the end of the client's input ends its session, ${kind}`, async () => {
    await times(rounds, async () => {
      const id = await execId({ Tty: true, Cmd: ['cat'] });
      const reply = await halfClosed(`POST /v1.44/exec/${id}/start`, { head, body: '{"Tty":true}' });
      assert.match(reply, kind === 'raw' ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 101 /);
    });
  });

  test(`attached before the start, half-closed at once, ${kind}: the container sees the end`, async () => {
    await times(rounds / 4, async () => {
      const id = await daemon.ok('create', '-i', ...network, 'busybox', 'sh', '-c', 'cat; echo end');
      const query = 'stream=1&stdin=1&stdout=1&stderr=1';
      const reply = halfClosed(`POST /v1.44/containers/${id}/attach?${query}`, { head });
      await daemon.ok('start', id);
      assert.ok((await reply).endsWith('\x01\0\0\0\0\0\0\x04end\n'));
      assert.equal(await daemon.ok('wait', id), '0');
    });
  });
}

test('a websocket whose client has ended its side already', async () => {
  await daemon.ok('run', '-di', '--name', 'ws', ...network, 'busybox', 'cat');
  const reply = await halfClosed('GET /v1.44/containers/ws/attach/ws?stream=1&stdin=1&stdout=1', {
    head:
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  });
  assert.match(reply, /^HTTP\/1\.1 101 /);
});

test('half-closed requests are answered, those without an end are ended', async () => {
  const rows: [string, RegExp][] = [
    ['GET /_ping', /\r\n\r\nOK$/],
    ['GET /v1.44/info', /"ServerVersion"/],
    ['POST /v1.44/containers/host/wait', /"Message":"context canceled"/],
    ['GET /v1.44/events', /\r\n0\r\n\r\n$/],
    ['GET /v1.44/containers/host/stats', /\r\n0\r\n\r\n$/],
    ['GET /v1.44/containers/host/stats?stream=0', /"memory_stats"/],
    ['GET /v1.44/containers/host/logs?follow=1&stdout=1', /\r\n0\r\n\r\n$/],
    ['POST /v1.44/build', /^HTTP\/1\.1 /],
    ['PUT /v1.44/containers/host/archive?path=/tmp', /^HTTP\/1\.1 /],
    ['POST /v1.44/images/load', /^HTTP\/1\.1 /],
  ];
  for (const [line, expected] of rows) assert.match(await halfClosed(line), expected, line);
});

test('clients that are gone at once leave no descriptor behind', async () => {
  const descriptors = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
  await times(8, async () => void (await halfClosed('GET /_ping')));
  const idle = descriptors();
  const lines = ['wait', 'stats', 'logs?follow=1&stdout=1', 'attach?stream=1&stdin=1&stdout=1'].map(
    (path) =>
      `${path.startsWith('stats') || path.startsWith('logs') ? 'GET' : 'POST'} /v1.44/containers/host/${path}`,
  );
  for (const line of [...lines, 'GET /v1.44/events'])
    await times(20, async () => {
      const socket = connect(daemon.socket);
      socket.on('error', () => {});
      socket.write(`${line} HTTP/1.1\r\nHost: d\r\n\r\n`, () => socket.destroy());
    });
  await eventually('none', async () => (descriptors() <= idle ? 'none' : `${descriptors() - idle}`));
});
