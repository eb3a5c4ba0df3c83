/** The API as such: versions, headers, errors, bodies. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram, startDaemon } from './daemon.js';
import { startRegistry, user } from './registry.js';

const notManager =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

test('the API: headers, versions, errors', async (t) => {
  const daemon = await startDaemon(t);

  await t.test('_ping says who answers', async () => {
    const reply = await daemon.api('GET', '/_ping');
    assert.deepEqual([reply.status, reply.text], [200, 'OK']);
    assert.equal(reply.headers['api-version'], '1.50');
    assert.equal(reply.headers['builder-version'], '1');
    assert.equal(reply.headers.swarm, 'inactive');
    assert.equal(reply.headers.ostype, 'linux');
    const head = await daemon.api('HEAD', '/v1.24/_ping');
    assert.deepEqual([head.status, head.text], [200, '']);
  });

  await t.test('versions out of range are refused in Docker’s words', async () => {
    const old = await daemon.api('GET', '/v1.23/_ping');
    assert.equal(old.status, 400);
    assert.deepEqual(JSON.parse(old.text), {
      message:
        'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    });
    const next = await daemon.api('GET', '/v1.51/_ping');
    assert.deepEqual(JSON.parse(next.text), {
      message: 'client version 1.51 is too new. Maximum supported API version is 1.50',
    });
  });

  await t.test('what does not exist is a page not found', async () => {
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['PATCH', '/_ping'],
      ['GET', '/v1.41/nothing/at/all'],
    ] as const) {
      const reply = await daemon.api(method, path);
      assert.equal(reply.status, 404);
      assert.deepEqual(JSON.parse(reply.text), { message: 'page not found' });
    }
  });
});

test('the engine about itself', async (t) => {
  const daemon = await startDaemon(t);

  for (const cli of ['/usr/bin/docker', 'docker']) {
    await t.test(`docker version and info of ${cli}`, async () => {
      const whole = (await daemon.run(cli, ['version'])).stdout.split('Server:')[1]!;
      // Nothing is left empty, and Node's version stands under its own name.
      for (const line of whole.split('\n').filter((text) => text.includes(':  ')))
        assert.match(line, /:\s+\S/, whole);
      assert.match(whole, /Git commit:\s+([0-9a-f]{7,}(-changed)?|unknown)\n/);
      assert.match(whole, /Go version:\s+none \(Node\.js v\d/);
      const version = await daemon.run(cli, ['version', '--format', '{{.Server.APIVersion}} {{.Server.Os}}']);
      assert.deepEqual([version.code, version.stdout.trim()], [0, '1.50 linux']);
      const info = await daemon.run(cli, ['info', '--format', '{{json .}}']);
      assert.equal(info.code, 0, info.stderr);
      const document = JSON.parse(info.stdout) as Record<string, unknown>;
      assert.equal(document.Driver, 'overlay2');
      assert.equal(document.DockerRootDir, daemon.dataRoot);
      assert.equal(document.LoggingDriver, 'json-file');
      const runtimes = document.Runtimes as Record<string, { path: string }>;
      assert.equal(runtimes.runc?.path, 'runc');
      assert.equal(runtimes['io.containerd.runc.v2']?.path, 'runc');
      assert.ok((document.SecurityOptions as string[]).includes('name=seccomp,profile=builtin'));
      assert.equal((document.Swarm as { LocalNodeState: string }).LocalNodeState, 'inactive');
      const text = await daemon.run(cli, ['info']);
      assert.match(text.stdout, /^ Storage Driver: overlay2$/m);
      assert.match(text.stdout, /^ {2}seccomp$/m);
      assert.match(text.stdout, /^ {2}127\.0\.0\.0\/8$/m);
    });

    await t.test(`docker system df of ${cli}`, async () => {
      const usage = await daemon.run(cli, ['system', 'df']);
      assert.equal(usage.code, 0, usage.stderr);
      assert.match(usage.stdout, /^Images {2,}0 {2,}0 {2,}0B {2,}0B$/m);
      const verbose = await daemon.run(cli, ['system', 'df', '-v']);
      assert.equal(verbose.code, 0, verbose.stderr);
      assert.match(verbose.stdout, /^Build cache usage: 0B$/m);
    });
  }

  await t.test('system df: types since 1.42, unknown ones refused', async () => {
    const volumes = JSON.parse((await daemon.api('GET', '/v1.42/system/df?type=volume')).text) as object;
    assert.deepEqual(volumes, {
      LayersSize: 0,
      Images: null,
      Containers: null,
      Volumes: [],
      BuildCache: null,
    });
    assert.equal((await daemon.api('GET', '/v1.42/system/df?type=nonsense')).status, 400);
    await daemon.run('docker', ['import', '-', 'kept'], { input: Buffer.alloc(1024) });
    const usage = async (version: string) =>
      JSON.parse((await daemon.api('GET', `/v${version}/system/df`)).text) as {
        BuilderSize?: number;
        Images: { Containers: number; VirtualSize?: number }[];
      };
    const before = await usage('1.41');
    assert.equal(before.BuilderSize, 0);
    assert.deepEqual([before.Images[0]?.Containers, before.Images[0]?.VirtualSize], [0, 0]);
    assert.equal((await usage('1.44')).Images[0]?.VirtualSize, undefined);
    await daemon.ok('rmi', 'kept');
  });

  await t.test('the engine’s ID outlives a restart', async () => {
    const id = await daemon.ok('info', '--format', '{{.ID}}');
    await daemon.restart();
    assert.equal(await daemon.ok('info', '--format', '{{.ID}}'), id);
  });

  await t.test('the socket is for root and its group only', async () => {
    const { stdout } = await runProgram('stat', ['-c', '%a %U', daemon.socket]);
    assert.equal(stdout.trim(), '660 root');
  });

  await t.test('a second daemon on the same data is refused', async () => {
    const second = await runProgram(process.execPath, [
      join(import.meta.dirname, '../../../packages/cli/bin/noos.mjs'),
      'daemon',
      ...['--data-root', daemon.dataRoot, '--exec-root', `${daemon.execRoot}2`],
      ...['--host', `unix://${daemon.scratch}/second.sock`, '--pidfile', `${daemon.scratch}/second.pid`],
    ]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /another daemon uses/);
  });
});

test('docker login and logout', async (t) => {
  const daemon = await startDaemon(t);
  const registry = await startRegistry(t, { withUsers: true });
  for (const cli of ['/usr/bin/docker', 'docker'])
    await t.test(cli, async () => {
      const login = (password: string) =>
        daemon.run(cli, ['login', '-u', user.name, '--password-stdin', registry.host], { input: password });
      const wrong = await login('nonsense');
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /401 Unauthorized/);
      const right = await login(user.password);
      assert.equal(right.code, 0, right.stderr);
      assert.match(right.stdout, /Login Succeeded/);
      const out = await daemon.run(cli, ['logout', registry.host]);
      assert.equal(out.stdout.trim(), `Removing login credentials for ${registry.host}`);
    });
  assert.ok(!daemon.log().includes(user.password), 'no password in the log');
});

test('an engine without swarm, plugins, BuildKit', async (t) => {
  const daemon = await startDaemon(t);

  await t.test('the docker command line says so', async () => {
    for (const words of [
      ['node', 'ls'],
      ['service', 'ls'],
      ['secret', 'ls'],
      ['config', 'ls'],
      ['stack', 'ls'],
    ]) {
      const { code, stderr } = await daemon.docker(...words);
      assert.equal(code, 1, words.join(' '));
      assert.equal(stderr.trim(), `Error response from daemon: ${notManager}`);
    }
    const leave = await daemon.docker('swarm', 'leave');
    assert.equal(leave.stderr.trim(), 'Error response from daemon: This node is not part of a swarm');
    assert.match(await daemon.ok('plugin', 'ls'), /^ID +NAME +DESCRIPTION +ENABLED$/);
    const plugin = await daemon.docker('plugin', 'inspect', 'nonsense');
    assert.equal(plugin.code, 1);
    assert.match(plugin.stderr, /plugin "nonsense" not found/);
  });

  await t.test('every endpoint of a swarm answers', async () => {
    const asked: [string, string, number][] = [
      ...['swarm', 'swarm/unlockkey', 'nodes', 'nodes/a', 'services', 'services/a', 'services/a/logs'].map(
        (path): [string, string, number] => ['GET', path, 503],
      ),
      ...['tasks', 'tasks/a', 'tasks/a/logs', 'secrets', 'secrets/a', 'configs', 'configs/a'].map(
        (path): [string, string, number] => ['GET', path, 503],
      ),
      ...['nodes/a', 'services/a', 'secrets/a', 'configs/a'].map((path): [string, string, number] => [
        'DELETE',
        path,
        503,
      ]),
      ...['swarm/update', 'swarm/unlock', 'nodes/a/update', 'services/create', 'services/a/update'].map(
        (path): [string, string, number] => ['POST', path, 503],
      ),
      ...['secrets/create', 'secrets/a/update', 'configs/create', 'configs/a/update'].map(
        (path): [string, string, number] => ['POST', path, 503],
      ),
      ['POST', 'swarm/init', 501],
      ['POST', 'swarm/join', 501],
      ['POST', 'swarm/leave', 503],
      ['GET', 'plugins', 200],
      ['GET', 'plugins/privileges?remote=x', 501],
      ['GET', 'plugins/a/json', 404],
      ['DELETE', 'plugins/a', 404],
      ...['enable', 'disable', 'push', 'set', 'upgrade'].map((verb): [string, string, number] => [
        'POST',
        `plugins/a/${verb}`,
        404,
      ]),
      ['POST', 'plugins/pull?remote=x', 501],
      ['POST', 'plugins/create?name=x', 501],
      ['POST', 'session', 501],
      ['OPTIONS', 'containers/json', 200],
    ];
    for (const [method, path, status] of asked) {
      const reply = await daemon.api(method, `/v1.41/${path}`, method === 'POST' ? {} : undefined);
      assert.equal(reply.status, status, `${method} ${path}: ${reply.text}`);
    }
  });

  await t.test('endpoints the command line does not use', async () => {
    const volume = await daemon.api('PUT', '/v1.42/volumes/a?version=1', {});
    assert.equal(volume.status, 503);
    assert.match(volume.text, /only valid for cluster volumes/);
    const image = await daemon.api('GET', '/v1.41/images/team/nonsense:1/get');
    assert.equal(image.status, 404);
  });

  await t.test('a client that insists on BuildKit is told', async () => {
    const reply = await daemon.api('POST', '/v1.41/session', undefined, {
      Connection: 'Upgrade',
      Upgrade: 'h2c',
    });
    assert.equal(reply.status, 501);
    assert.match(reply.text, /BuildKit is not available/);
  });
});
