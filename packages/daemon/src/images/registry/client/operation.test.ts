import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { tarOfFiles } from '../../../archive/testing.js';
import { parseReference } from '../../documents/reference.js';
import { addImage, startFakeRegistry } from '../testing.js';
import { pull } from '../transfers/pull.js';
import { setUp } from './testing-client.js';

test("what is not found or not allowed is said in Docker's words", async (t) => {
  const { registry, pull } = await setUp(t);
  const { host } = registry;
  await assert.rejects(pull('app:1'), {
    kind: 'notFound',
    message: `manifest for ${host}/app:1 not found: manifest unknown: manifest unknown`,
  });
  const answer = (status: number, code: string, message: string): void => {
    registry.intercept = (_request, response, url) => {
      if (url.pathname === '/v2/') return false;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code, message }] }));
      return true;
    };
  };
  answer(403, 'DENIED', 'requested access to the resource is denied');
  await assert.rejects(pull('app:1'), {
    kind: 'notFound',
    message: `pull access denied for ${host}/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
  });
  answer(404, 'NAME_UNKNOWN', '');
  await assert.rejects(pull('app:1'), {
    kind: 'notFound',
    message: `repository ${host}/app not found: name unknown: repository name not known to registry`,
  });
});

test('a mirror is asked first, without credentials, and its absence is no failure', async (t) => {
  const mirror = await startFakeRegistry();
  t.after(() => mirror.close());
  const { parts, registry } = await setUp(t, [`http://${mirror.host}`]);
  addImage(mirror, 'library/app', '1', [tarOfFiles({ a: 'a' })]);
  const texts: (string | undefined)[] = [];
  await pull(parts, {
    reference: parseReference('app:1'),
    platform: undefined,
    auth: { username: 'ann', password: 'secret' },
    report: ({ status }) => void texts.push(status),
    signal: new AbortController().signal,
  });
  assert.equal(texts[0], 'Pulling from library/app');
  assert.deepEqual(parts.images.list()[0]!.tags, ['app:1']);
  assert.ok(mirror.requests.every(({ authorization }) => authorization === undefined));
  assert.equal(registry.requests.length, 0);
});

test('http is spoken to insecure registries only after https failed, never to others', async (t) => {
  const { registry, parts } = await setUp(t);
  const port = registry.host.split(':')[1]!;
  const { domain } = parseReference(`localhost:${port}/app:1`);
  assert.equal(domain, `localhost:${port}`);
  const closed = createTcpServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const free = (closed.address() as AddressInfo).port;
  closed.close();
  const request = (name: string) => ({
    reference: parseReference(name),
    platform: undefined,
    auth: undefined,
    report: () => {},
    signal: new AbortController().signal,
  });
  await assert.rejects(pull(parts, request(`127.0.0.1:${free}/app:1`)), {
    kind: 'system',
    message: `Get "http://127.0.0.1:${free}/v2/": dial tcp 127.0.0.1:${free}: connect: connection refused`,
  });
  await assert.rejects(pull(parts, request('registry.invalid/app:1')), {
    message:
      /^Get "https:\/\/registry.invalid\/v2\/": dial tcp: lookup registry.invalid on .*: (no such host|server misbehaving)$/,
  });
});

test('a server that is no registry is told from one that is', async (t) => {
  const { parts } = await setUp(t);
  const server = createServer((_request, response) => void response.writeHead(404).end('not here'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const noise = createTcpServer((socket) => void socket.end('SSH-2.0-x\r\n'));
  await new Promise<void>((resolve) => noise.listen(0, '127.0.0.1', resolve));
  t.after(() => noise.close());
  const at = (host: string) =>
    pull(parts, {
      reference: parseReference(`${host}/app:1`),
      platform: undefined,
      auth: undefined,
      report: () => {},
      signal: new AbortController().signal,
    });
  await assert.rejects(at(`127.0.0.1:${port}`), /unknown: not here/);
  await assert.rejects(at(`127.0.0.1:${(noise.address() as AddressInfo).port}`), /^DaemonError: Get "http:/);
});
