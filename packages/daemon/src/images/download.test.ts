import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { download } from './download.js';

const { signal } = new AbortController();

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => server.close().closeAllConnections());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('redirects are followed, bodies come as they were sent', async (t) => {
  const packed = gzipSync('packed');
  const base = await serve(t, (request, response) => {
    if (request.url === '/old') response.writeHead(302, { location: 'new/f.gz?x' }).end();
    else if (request.url === '/new/f.gz?x')
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' })
        .end(packed);
    else response.writeHead(302, { location: request.url }).end();
  });
  const { body, fileName, modified } = await download(`${base}/old`, signal);
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  assert.deepEqual(Buffer.concat(chunks), packed);
  assert.deepEqual([fileName, modified], ['f.gz', new Date('2026-01-01T00:00:00Z')]);
  await assert.rejects(download(`${base}/round`, signal), {
    message: `Get "${base}/round": stopped after 10 redirects`,
  });
});

test('a body that nobody wants can be destroyed', async (t) => {
  const base = await serve(t, (_, response) => response.end('whole'));
  const { body } = await download(`${base}/`, signal);
  await sleep(50);
  body.destroy();
  await new Promise((resolve) => body.on('close', resolve));
});

test("failures are reported in dockerd's words", async (t) => {
  const base = await serve(t, (_, response) => response.writeHead(404).end('no such page\n'));
  await assert.rejects(download(`${base}/x`, signal), {
    kind: 'notFound',
    message: `failed to GET ${base}/x with status 404 Not Found: no such page`,
  });
  // A port that fetch() would refuse.
  await assert.rejects(download('http://127.0.0.1:1/x', signal), {
    message: 'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
  });
});
