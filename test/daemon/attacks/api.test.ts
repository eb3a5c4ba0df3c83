/** Attack: clients of the API that are slow, huge, deep, silent or gone, and who may talk to it at all. */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from '../daemon.js';
import { busyboxImage, loadImages } from '../images.js';

/** A careless umask of whoever starts the engine must not open anything. */
const umask = process.umask(0);
const daemon = await startDaemon({ after });
process.umask(umask);
await loadImages(daemon, busyboxImage());

const residentMib = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))![1]) / 1024;
const answers = async (): Promise<void> => assert.equal((await daemon.api('GET', '/_ping')).status, 200);

/** A raw connection: writes, collects what comes, tells when it is closed. */
function raw(...texts: string[]) {
  const socket: Socket = connect(daemon.socket);
  let received = '';
  socket
    .on('error', () => {})
    .setEncoding('utf8')
    .on('data', (text: string) => {
      received += text;
    });
  for (const text of texts) socket.write(text);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, closed, received: () => received };
}
const post = (path: string, length: number, ...more: string[]): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more.join('')}\r\n`;

test('a body that is too large, nested too deeply, no JSON, or of two lengths: an error, no growth', async () => {
  const before = residentMib();
  const large = JSON.stringify({ Image: 'busybox', Labels: { a: 'x'.repeat(64 << 20) } });
  const deep = `{"Image":"busybox","Labels":${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}}`;
  const wide = `{"Image":"busybox","Env":[${'"a=b",'.repeat(200_000)}"a=b"]}`;
  for (const body of [
    large,
    deep,
    '{"Image":',
    '"x"',
    '[]',
    'null',
    '{"Image":"busybox","__proto__":{"x":1},"HostConfig":{"Binds":7}}',
  ]) {
    const { status } = await daemon.api('POST', '/containers/create', body, {
      'Content-Type': 'application/json',
    });
    assert.ok(status >= 400 && status < 500, `${body.slice(0, 40)}: ${status}`);
  }
  const { status } = await daemon.api('POST', '/containers/create', wide, {
    'Content-Type': 'application/json',
  });
  assert.ok(status === 201 || (status >= 400 && status < 500), String(status));
  for (const id of (await daemon.ok('ps', '-aq')).split('\n').filter(Boolean))
    await daemon.ok('rm', '-f', id);
  const twice = raw(post('/containers/create', 2, 'Content-Length: 3\r\n'), '{}');
  await twice.closed;
  // Refused, or reset before the answer could be read, as more was on its way.
  assert.match(twice.received(), /^(HTTP\/1\.1 400 |$)/);
  const both = raw(post('/containers/create', 2, 'Transfer-Encoding: chunked\r\n'), '{}');
  await both.closed;
  assert.match(both.received(), /^(HTTP\/1\.1 400 |$)/);
  await answers();
  assert.ok(residentMib() - before < 200, `${before} to ${residentMib()} MiB`);
});

test('400 clients that never finish a request, and one that does', async () => {
  const slow = Array.from({ length: 200 }, () => raw('GET /_ping HTTP/1.1\r\nHo'));
  const bodies = Array.from({ length: 200 }, () => raw(post('/containers/create', 1000), '{'));
  await sleep(300);
  await answers();
  assert.match(await daemon.ok('version', '-f', '{{.Server.Version}}'), /\d/);
  for (const { socket } of [...slow, ...bodies]) socket.destroy();
  await answers();
});

test('a client that never reads: events and logs do not fill the engine', async () => {
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'talker',
    'busybox',
    'sh',
    '-c',
    'yes 0123456789012345678901234567890123456789',
  );
  const before = residentMib();
  const deaf = [
    '/events',
    '/containers/talker/logs?follow=1&stdout=1',
    '/containers/talker/attach?stream=1&stdout=1&logs=1',
  ].map((path) => {
    const { socket } = raw(`${path.includes('attach') ? 'POST' : 'GET'} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket.pause();
  });
  await sleep(4000);
  await answers();
  assert.ok(residentMib() - before < 128, `${before} to ${residentMib()} MiB`);
  for (const socket of deaf) socket.destroy();
  await daemon.ok('rm', '-f', 'talker');
});

test('256 MiB of output without a newline pass through, and the engine does not hold them', async () => {
  const before = residentMib();
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'line',
    '--log-opt',
    'max-size=1m',
    'busybox',
    'sh',
    '-c',
    'head -c 268435456 /dev/zero | tr "\\0" x',
  );
  assert.equal(await daemon.ok('wait', 'line'), '0');
  const { stdout } = await daemon.run('sh', ['-c', 'docker logs line | wc -c']);
  assert.ok(Number(stdout) > 0);
  const attached = await daemon.run('sh', [
    '-c',
    'docker run --rm --log-driver none busybox sh -c "head -c 268435456 /dev/zero" | wc -c',
  ]);
  assert.equal(attached.stdout.trim(), '268435456');
  await answers();
  assert.ok(residentMib() - before < 200, `${before} to ${residentMib()} MiB`);
  await daemon.ok('rm', '-f', 'line');
});

test('paths, queries and headers that climb or break lines', async () => {
  for (const path of [
    '/containers/..%2f..%2fetc%2fpasswd/json',
    '/containers/%00/json',
    '/images/..%2f..%2f..%2fetc/json',
    '/volumes/..%2f..%2fetc',
    '/networks/..%2fx',
    '/v1.41/../../etc/passwd',
    '/containers/json?filters=%7B%22name%22%3A%5B%22(a%2B)%2B%24%22%5D%7D',
    '/containers/json?filters=nonsense',
    `/containers/${'a'.repeat(5000)}/json`,
  ]) {
    const { status } = await daemon.api('GET', path);
    assert.ok([200, 400, 404, 414, 431].includes(status), `${path}: ${status}`);
  }
  for (const [path, body] of [
    ['/volumes/create', { Name: '../../escape' }],
    ['/volumes/create', { Name: 'a/b' }],
    ['/volumes/create', { Name: 'a\nb' }],
    ['/networks/create', { Name: 'a\nb' }],
    ['/networks/create', { Name: 'n', Options: { 'com.docker.network.bridge.name': '../x' } }],
    [
      '/networks/create',
      { Name: 'n', Options: { 'com.docker.network.bridge.name': 'a"; flush ruleset; "' } },
    ],
    ['/containers/create?name=../x', { Image: 'busybox' }],
    ['/containers/create?name=a%0Ab', { Image: 'busybox' }],
  ] as const)
    assert.equal((await daemon.api('POST', path, body)).status, 400, JSON.stringify(body));
  await answers();
});

/** Paths below `directory` that others than root may use, as far as they are reachable for them. */
function open(directory: string, socketToo = true): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    const status = lstatSync(path);
    if (status.isSymbolicLink()) return;
    const others = status.mode & 0o007;
    if (status.isDirectory()) {
      // Who may not enter a directory sees nothing below it.
      if ((others & 0o001) === 0) return;
      if ((others & 0o002) !== 0) found.push(path);
      for (const name of readdirSync(path)) walk(join(path, name));
    } else if (socketToo && others !== 0) found.push(path);
  };
  walk(directory);
  return found;
}

test('nothing of the engine is open to other users, although its umask was 0', async () => {
  await daemon.ok('volume', 'create', 'data');
  await daemon.ok('network', 'create', 'front');
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'one',
    '--network',
    'front',
    '-v',
    'data:/data',
    'busybox',
    'sleep',
    '1000',
  );
  await daemon.ok('exec', 'one', 'true');
  assert.equal(statSync(daemon.socket).mode & 0o007, 0);
  for (const directory of [daemon.dataRoot, daemon.execRoot]) {
    assert.equal(statSync(directory).mode & 0o006, 0, `${directory} is listed by nobody else`);
    // Volumes and layers are entered by containers' users through their mounts; what is in them is the containers'.
    const unexpected = open(directory).filter(
      (path) => !/\/(volumes|layers)\/[^/]+\/(_data|diff|merged|work|fs)/.test(path),
    );
    assert.deepEqual(unexpected, []);
  }
  await daemon.ok('rm', '-f', 'one');
  await daemon.ok('volume', 'rm', 'data');
});
