/** A Compose application of five services, by Debian's docker-compose: web, api, cache, database, worker. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';
import { importProgramImage, nodeImage, redisImage } from './program-image.js';

const application = join(import.meta.dirname, '../../daemon/compose');
const services = ['api', 'cache', 'database', 'web', 'worker'];

const askByUdp = (port: number, message: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => reject(new Error('no UDP answer')), 5000);
    socket.on('message', (reply) => {
      clearTimeout(timer);
      socket.close();
      resolve(reply.toString());
    });
    socket.send(message, port, '127.0.0.1');
  });

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await condition()) return;
    await sleep(100);
  }
  assert.fail(`not within 10 s: ${what}`);
}

test('a Compose application of five services', { timeout: 300_000 }, async (t) => {
  const daemon = await startDaemon(t);
  await importProgramImage(daemon, redisImage('test/redis:1'));
  await importProgramImage(daemon, nodeImage('test/node:1'));
  const project = join(daemon.scratch, 'shop');
  cpSync(application, project, { recursive: true });
  const compose = async (...words: string[]) => {
    const outcome = await daemon.run('docker-compose', ['--ansi', 'never', ...words], {
      cwd: project,
      timeoutMs: 120_000,
    });
    assert.equal(
      outcome.code,
      0,
      `docker-compose ${words.join(' ')}: ${outcome.stderr}${outcome.stdout}\n${daemon.log().slice(-3000)}`,
    );
    return `${outcome.stdout}${outcome.stderr}`;
  };
  const idOf = (service: string, number = 1) =>
    daemon.ok('ps', '-q', '-f', `name=^shop_${service}_${number}$`);
  const inspect = (format: string, name: string) => daemon.ok('inspect', '--format', format, name);
  const fetchText = async (path: string) => {
    const port = (await compose('port', 'web', '80')).trim();
    return (await fetch(`http://${port}${path}`)).text();
  };

  await t.test('up builds, creates and starts in the order of health', async () => {
    const output = await compose('up', '-d');
    assert.match(output, /Successfully tagged shop_api:latest/);
    assert.match(output, /Successfully tagged shop_worker:latest/);
    assert.match(output, /Creating volume "shop_data"|Creating shop_database_1/);
    const startedAt = new Map<string, string>();
    for (const service of services)
      startedAt.set(service, await inspect('{{.State.StartedAt}}', `shop_${service}_1`));
    for (const [first, second] of [
      ['database', 'api'],
      ['cache', 'api'],
      ['api', 'worker'],
      ['api', 'web'],
    ] as const)
      assert.ok(startedAt.get(first)! < startedAt.get(second)!, `${first} before ${second}`);
    assert.equal(await inspect('{{.State.Health.Status}}', 'shop_database_1'), 'healthy');
    assert.equal(await inspect('{{.State.Health.Status}}', 'shop_api_1'), 'healthy');
  });

  await t.test('ps, images, config, top, logs', async () => {
    const ps = await compose('ps');
    for (const service of services) assert.match(ps, new RegExp(`shop_${service}_1 .* Up`), ps);
    assert.match(ps, /shop_database_1 .* Up \(healthy\)/);
    assert.match(ps, /shop_web_1 .*127\.0\.0\.1:\d+->80\/tcp/);
    assert.equal((await compose('ps', '-q')).trim().split('\n').length, services.length);
    assert.match(await compose('images'), /shop_web_1\s+shop_web\s+latest/);
    assert.match(await compose('top', 'cache'), /redis-server/);
    await until(
      async () => /worker_1 .*worker version 7/.test(await compose('logs', 'worker')),
      'log of worker',
    );
    assert.match(await compose('logs', '--tail=1', 'api'), /api_1 .*\| api listens on 8080/);
  });

  await t.test('the services reach each other by name, and only on their networks', async () => {
    assert.equal(await fetchText('/'), '<h1>shop</h1>\n');
    const first = JSON.parse(await fetchText('/api/')) as Record<string, unknown>;
    const host = (await idOf('api')).slice(0, 12);
    assert.deepEqual(first, { GREETING: 'hello', visits: 1, hits: 1, host });
    assert.match(await fetchText('/api/job'), /^queued /);
    await until(async () => (await fetchText('/api/done')) === 'done 1', 'the worker has done its job');
    const port = Number((await compose('port', '--protocol', 'udp', 'web', '81')).trim().split(':')[1]);
    assert.equal(await askByUdp(port, 'hello'), 'udp hello');

    assert.match(await compose('exec', '-T', 'api', 'nslookup', 'database'), /Name:\s+database/);
    const outside = await daemon.docker('exec', 'shop_web_1', 'nslookup', 'database');
    assert.notEqual(outside.code, 0, 'web is not on the network of the database');
  });

  await t.test('volumes: content of the image, read-only binds, limits', async () => {
    assert.match(await compose('exec', '-T', 'web', 'cat', '/var/log/web/access.log'), /^begun\n\/\n/);
    assert.match(await compose('exec', '-T', 'web', 'ls', '-ld', '/var/log/web'), /user\s+user/);
    const readOnly = await daemon.docker('exec', 'shop_web_1', 'touch', '/static/new');
    assert.match(readOnly.stderr, /Read-only file system/);
    assert.equal(await compose('exec', '-T', 'web', 'sh', '-c', 'ulimit -n'), '512\n');
    assert.equal(
      (await compose('exec', '-T', 'worker', 'cat', '/proc/1/comm')).trim().replace(/^docker-init$/, 'tini'),
      'tini',
    );
    assert.match(await compose('exec', '-T', 'cache', 'df', '/scratch'), /tmpfs\s+1024/);
    assert.equal(
      await daemon.ok('volume', 'ls', '-q', '-f', 'label=com.docker.compose.project=shop'),
      'shop_data\nshop_logs',
    );
    assert.equal(await inspect('{{index .Labels "kept"}}', 'shop_data'), 'yes');
  });

  await t.test('scale: several addresses for one name', async () => {
    await compose('up', '-d', '--scale', 'worker=3', '--no-recreate');
    const answer = await compose('exec', '-T', 'database', 'nslookup', 'worker');
    const addresses = new Set(
      [...answer.matchAll(/Address(?: \d+)?:\s+(\d+\.\d+\.\d+\.\d+)\b(?!:53)/g)].map((match) => match[1]),
    );
    addresses.delete('127.0.0.11');
    assert.equal(addresses.size, 3, answer);
    await compose('up', '-d', '--scale', 'worker=1');
    assert.equal((await compose('ps', '-q', 'worker')).trim().split('\n').length, 1);
  });

  await t.test('restart, stop and start, pause, kill, run, rm', async () => {
    await compose('restart', '-t', '1', 'worker');
    await compose('stop', '-t', '1', 'worker');
    assert.equal(await inspect('{{.State.Status}} {{.State.ExitCode}}', 'shop_worker_1'), 'exited 0');
    await compose('start', 'worker');
    await compose('pause', 'cache');
    assert.match(await compose('ps', 'cache'), /Paused/);
    await compose('unpause', 'cache');
    assert.match(
      await compose('run', '--rm', '--no-deps', 'database', 'redis-cli', '-h', 'database', 'GET', 'visits'),
      /1/,
    );
    await compose('kill', '-s', 'SIGKILL', 'worker');
    assert.equal(await inspect('{{.State.ExitCode}}', 'shop_worker_1'), '137');
    await compose('rm', '-f', 'worker');
    assert.equal(await idOf('worker'), '');
  });

  await t.test('a killed daemon finds everything again', async () => {
    const before = await idOf('web');
    await daemon.kill9();
    await daemon.restart();
    assert.equal(await idOf('web'), before);
    assert.match(await fetchText('/api/'), /"visits":2/);
    await compose('up', '-d');
    assert.equal(await idOf('web'), before, 'nothing had to be made anew');
    assert.notEqual(await idOf('worker'), '');
  });

  await t.test('down keeps volumes, down -v and --rmi take everything', async () => {
    await compose('down');
    assert.equal(await daemon.ok('ps', '-aq'), '');
    assert.equal(await daemon.ok('network', 'ls', '-q', '-f', 'name=shop_'), '');
    await compose('up', '-d');
    assert.match(
      await fetchText('/api/'),
      /"visits":3,"hits":1/,
      'the database kept its data, the cache did not',
    );
    await compose('down', '-v', '--rmi', 'local', '-t', '1');
    assert.equal(await daemon.ok('ps', '-aq'), '');
    assert.equal(await daemon.ok('volume', 'ls', '-q', '-f', 'name=shop_'), '');
    assert.equal(await daemon.ok('images', '-q', 'shop_web'), '');
  });
});

test('Compose 1.29 is offered the last version that it understands, and recreates with the volumes of before', async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  const file = join(daemon.scratch, 'docker-compose.yml');
  writeFileSync(
    file,
    `version: "2.4"
services:
  one:
    image: busybox
    network_mode: none
    command: sleep 1000
    volumes: [/data]
`,
  );
  const compose = async (...words: string[]) => {
    const { code, stdout, stderr } = await daemon.run('docker-compose', [
      '-f',
      file,
      '-p',
      'again',
      ...words,
    ]);
    assert.equal(code, 0, stdout + stderr);
    return stdout.trim();
  };
  await compose('up', '-d');
  const first = await compose('ps', '-q');
  await daemon.ok('exec', first, 'touch', '/data/kept');
  for (let round = 0; round < 2; round++) await compose('up', '-d', '--force-recreate');
  const second = await compose('ps', '-q');
  assert.notEqual(second, first);
  assert.equal(await daemon.ok('exec', second, 'ls', '/data'), 'kept');
  assert.equal((await daemon.ok('ps', '-aq')).split('\n').length, 1, 'none is left behind');
  await compose('down', '-v');
  const versionFor = async (agent: string) => {
    const { text } = await daemon.api('GET', '/version', undefined, { 'User-Agent': agent });
    return (JSON.parse(text) as { ApiVersion: string }).ApiVersion;
  };
  assert.equal(await versionFor('docker-compose/1.29.2 docker-py/5.0.3 Linux/6.1'), '1.44');
  assert.equal(await versionFor('docker-compose/2.40.3'), '1.50');
  // As moby: the field went with 1.45.
  const has = async (version: string) =>
    'ContainerConfig' in
    (JSON.parse((await daemon.api('GET', `/${version}/images/busybox/json`)).text) as object);
  assert.deepEqual([await has('v1.44'), await has('v1.45')], [true, false]);
});
