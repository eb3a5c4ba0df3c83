/** Images and registries: pull, push, search, login, manifests; lines that drop, daemons that are killed. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram, startDaemon } from './daemon.js';
import { busyboxImage, loadImages, randomLayer } from './images.js';
import { startLine, startRegistry, user } from './registry.js';

const registry = await startRegistry({ after });
const daemon = await startDaemon({ after });
const { host } = registry;
await loadImages(daemon, busyboxImage());
const megabyte = 2 ** 20;
const skopeo = (...words: string[]) => runProgram('skopeo', words, { timeoutMs: 30_000 });

/** Loads an image of random layers under `name`, pushes it and forgets it here. */
async function publish(name: string, layers: number, bytes: number): Promise<void> {
  await loadImages(daemon, {
    tags: [name],
    layers: Array.from({ length: layers }, (_, i) => randomLayer(`layer${i}`, 4, bytes / 4)),
  });
  await daemon.ok('push', '-q', name);
  await daemon.ok('rmi', name);
}

/** What a daemon keeps below its data root of pulls that did not end. */
const leftovers = (dataRoot: string): string[] => [
  ...readdirSync(join(dataRoot, 'tmp')),
  ...readdirSync(join(dataRoot, 'layers/tmp')),
  ...readdirSync(join(dataRoot, 'content/partial')),
];

test('what is pushed is pulled again: messages, digests, names', async () => {
  const name = `${host}/team/box:1`;
  await daemon.ok('tag', 'busybox', name);
  const pushed = await daemon.ok('push', name);
  assert.match(
    pushed,
    new RegExp(
      `^The push refers to repository \\[${host}/team/box\\]\\n([0-9a-f]{12}): Preparing\\n\\1: Pushed\\n1: digest: (sha256:[0-9a-f]{64}) size: \\d+$`,
    ),
  );
  const digest = /digest: (\S+)/.exec(pushed)![1]!;
  assert.match(await daemon.ok('push', name), /[0-9a-f]{12}: Layer already exists\n1: digest: /);
  await daemon.ok('tag', 'busybox', `${host}/other/box:1`);
  assert.match(await daemon.ok('push', `${host}/other/box:1`), /[0-9a-f]{12}: Mounted from team\/box\n/);

  await daemon.ok('rmi', '-f', name, `${host}/other/box:1`, 'busybox');
  assert.match(
    await daemon.ok('pull', name),
    new RegExp(
      `^1: Pulling from team/box\\n([0-9a-f]{12}): Pulling fs layer\\n\\1: Verifying Checksum\\n\\1: Download complete\\n\\1: Pull complete\\nDigest: ${digest}\\nStatus: Downloaded newer image for ${name}\\n${name}$`,
    ),
  );
  assert.equal(
    await daemon.ok('pull', name),
    `1: Pulling from team/box\nDigest: ${digest}\nStatus: Image is up to date for ${name}\n${name}`,
  );
  assert.equal(await daemon.ok('pull', '-q', `${host}/team/box@${digest}`), `${host}/team/box@${digest}`);
  assert.equal(
    await daemon.ok(
      'images',
      '--digests',
      '--format',
      '{{.Repository}}:{{.Tag}} {{.Digest}}',
      `${host}/team/box`,
    ),
    `${host}/team/box:1 ${digest}`,
  );
  assert.equal(await daemon.ok('run', '--rm', '--network', 'none', name, 'echo', 'runs'), 'runs');
  await daemon.ok('tag', name, 'busybox');
});

test('all tags at once, both ways', async () => {
  for (const tag of ['a', 'b']) await daemon.ok('tag', 'busybox', `${host}/many:${tag}`);
  const pushed = await daemon.ok('push', '-a', `${host}/many`);
  assert.match(pushed, /^a: digest: sha256:/m);
  assert.match(pushed, /^b: digest: sha256:/m);
  await daemon.ok('rmi', `${host}/many:a`, `${host}/many:b`);
  const pulled = await daemon.ok('pull', '-a', `${host}/many`);
  for (const tag of ['a', 'b']) assert.match(pulled, new RegExp(`^${tag}: Pulling from many$`, 'm'));
  assert.match(pulled, new RegExp(`^Status: Downloaded newer image for ${host}/many$`, 'm'));
  assert.equal(
    (await daemon.ok('images', '--format', '{{.Tag}}', `${host}/many`)).split('\n').sort().join(),
    'a,b',
  );
});

test('skopeo reads what we push and we pull what it writes; both platforms of an index', async () => {
  const name = `${host}/team/box:1`;
  const inspected = await skopeo('inspect', '--tls-verify=false', `docker://${name}`);
  assert.equal(inspected.code, 0, inspected.stderr);
  assert.equal(JSON.parse(inspected.stdout).Architecture, 'amd64');
  const copy = await skopeo(
    ...['copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false', '--format', 'oci'],
    ...[`docker://${name}`, `docker://${host}/from-skopeo:1`],
  );
  assert.equal(copy.code, 0, copy.stderr);
  await daemon.ok('pull', '-q', `${host}/from-skopeo:1`);
  assert.equal(
    await daemon.ok('run', '--rm', '--network', 'none', `${host}/from-skopeo:1`, 'echo', 'oci'),
    'oci',
  );

  for (const architecture of ['amd64', 'arm64']) {
    await loadImages(daemon, {
      tags: [`${host}/multi:${architecture}`],
      architecture,
      layers: [{ [architecture]: 'x' }],
    });
    await daemon.ok('push', '-q', `${host}/multi:${architecture}`);
  }
  await daemon.ok(
    'manifest',
    'create',
    '--insecure',
    `${host}/multi:latest`,
    `${host}/multi:amd64`,
    `${host}/multi:arm64`,
  );
  await daemon.ok('manifest', 'push', '--insecure', `${host}/multi:latest`);
  const list = JSON.parse(await daemon.ok('manifest', 'inspect', '--insecure', `${host}/multi:latest`));
  assert.deepEqual(
    list.manifests.map((entry: { platform: { architecture: string } }) => entry.platform.architecture).sort(),
    ['amd64', 'arm64'],
  );
  for (const architecture of ['arm64', 'amd64']) {
    await daemon.ok('pull', '-q', '--platform', `linux/${architecture}`, `${host}/multi`);
    assert.equal(
      await daemon.ok('image', 'inspect', '-f', '{{.Architecture}}', `${host}/multi`),
      architecture,
    );
  }
  const none = await daemon.docker('pull', '--platform', 'linux/s390x', `${host}/multi`);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no matching manifest for linux\/s390x in the manifest list entries/);
  const distribution = await daemon.api('GET', `/v1.47/distribution/${host}/multi:latest/json`);
  const { Descriptor, Platforms } = JSON.parse(distribution.text);
  assert.match(Descriptor.digest, /^sha256:/);
  assert.equal(Platforms.length, 2);
});

test('search lists a plain registry', async () => {
  const names = await daemon.ok('search', '--format', '{{.Name}}', `${host}/box`);
  assert.deepEqual(names.split('\n').sort(), [`${host}/other/box`, `${host}/team/box`]);
  assert.equal(
    await daemon.ok('search', '--limit', '1', '-q', '--format', '{{.Name}}', `${host}/box`).catch(() => ''),
    '',
  );
  assert.equal(
    (await daemon.ok('search', '--limit', '1', '--format', '{{.Name}}', `${host}/box`)).split('\n').length,
    1,
  );
  assert.equal(
    await daemon.ok('search', '--filter', 'is-official=true', '--format', '{{.Name}}', `${host}/box`),
    '',
  );
  assert.match(
    (await daemon.docker('search', '--filter', 'color=red', `${host}/box`)).stderr,
    /invalid filter 'color'/,
  );
});

test("errors are dockerd's", async () => {
  const cases: [string[], RegExp][] = [
    [
      ['pull', `${host}/nosuch`],
      new RegExp(`manifest for ${host}/nosuch:latest not found: manifest unknown: manifest unknown`),
    ],
    [
      ['pull', '127.0.0.1:1/x'],
      /Get "http:\/\/127.0.0.1:1\/v2\/": dial tcp 127.0.0.1:1: connect: connection refused/,
    ],
    [['pull', 'scratch'], /'scratch' is a reserved name/],
    [['pull', 'Upper'], /invalid reference format: repository name \(library\/Upper\) must be lowercase/],
    [['push', 'nosuch'], /An image does not exist locally with the tag: nosuch/],
    [['push', `${host}/team/box:9`], new RegExp(`tag does not exist: ${host}/team/box:9`)],
    [['pull', '--platform', 'a/b/c/d', `${host}/team/box:1`], /cannot parse platform specifier/],
  ];
  for (const [words, expected] of cases) {
    const { code, stderr } = await daemon.docker(...words);
    assert.notEqual(code, 0, words.join(' '));
    assert.match(stderr, expected, words.join(' '));
  }
});

test('a registry with users wants a login', async (t) => {
  const closed = await startRegistry(t, { withUsers: true });
  const name = `${closed.host}/private:1`;
  await daemon.ok('tag', 'busybox', name);
  const anonymous = await daemon.docker('push', name);
  assert.equal(anonymous.code, 1);
  assert.match(anonymous.stderr, /no basic auth credentials/);
  const wrong = await daemon.run('docker', ['login', '-u', user.name, '--password-stdin', closed.host], {
    input: 'wrong',
  });
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.stderr,
    /login attempt to http:\/\/127.0.0.1:\d+\/v2\/ failed with status: 401 Unauthorized/,
  );
  const right = await daemon.run('docker', ['login', '-u', user.name, '--password-stdin', closed.host], {
    input: user.password,
  });
  assert.match(right.stdout, /Login Succeeded/, right.stderr);
  await daemon.ok('push', '-q', name);
  await daemon.ok('rmi', name);
  await daemon.ok('pull', '-q', name);
  await daemon.ok('logout', closed.host);
  const after = await daemon.docker('pull', name);
  assert.match(
    after.stderr,
    /Head "http:\/\/127.0.0.1:\d+\/v2\/private\/manifests\/1": no basic auth credentials/,
  );
  assert.ok(!daemon.log().includes(user.password), 'the password is in no log');
});

test('a registry with TLS on this machine is trusted as dockerd trusts it', async (t) => {
  const secure = await startRegistry(t, { withTls: true });
  const name = `${secure.host}/box:1`;
  await daemon.ok('tag', 'busybox', name);
  await daemon.ok('push', '-q', name);
  await daemon.ok('rmi', name);
  await daemon.ok('pull', '-q', name);
});

test('a line that drops in the midst of layers costs nothing that came already', async (t) => {
  const line = await startLine(t, registry.port);
  await publish(`${host}/dropped:1`, 4, 4 * megabyte);
  for (const share of [0.1, 0.5]) {
    line.allow(Math.floor(share * 16 * megabyte));
    const before = line.bytes;
    await daemon.ok('pull', '-q', `${line.host}/dropped:1`);
    assert.ok(line.bytes - before < 17 * megabyte, `${line.bytes - before} bytes for an image of 16 MiB`);
    await daemon.ok('rmi', `${line.host}/dropped:1`);
  }
  assert.equal(line.cuts, 2);
  assert.deepEqual(leftovers(daemon.dataRoot), []);
});

test('killed in the midst of a pull, the next one continues', async (t) => {
  const line = await startLine(t, registry.port);
  const name = `${line.host}/killed:1`;
  await publish(`${host}/killed:1`, 3, 4 * megabyte);
  const victim = await startDaemon(t);
  // Less than one layer: one that is whole leaves the directory of partial ones.
  line.allow(3.5 * megabyte, 'stall');
  const pull = victim.docker('pull', name);
  const partial = join(victim.dataRoot, 'content/partial');
  const kept = (): number =>
    readdirSync(partial).reduce((sum, name) => sum + statSync(join(partial, name)).size, 0);
  for (let attempt = 0; kept() < 3 * megabyte && attempt < 600; attempt++) await sleep(50);
  await victim.kill9();
  const here = kept();
  assert.notEqual((await pull).code, 0);
  await victim.restart();
  assert.equal(await victim.ok('images', '-q'), '');
  const before = line.bytes;
  line.allow(undefined);
  await victim.ok('pull', '-q', name);
  assert.ok(here >= 3 * megabyte, `${here} bytes on disk`);
  const total = 12 * megabyte;
  assert.ok(
    line.bytes - before < total - here + megabyte / 2,
    `${line.bytes - before} bytes, ${here} were here`,
  );
  assert.deepEqual(leftovers(victim.dataRoot), []);
});

test('killed at any step of a pull, nothing is lost or left', async (t) => {
  const name = `${host}/steps:1`;
  await publish(name, 3, megabyte);
  const victim = await startDaemon(t);
  for (const point of [
    'pull:in-blob',
    'pull:after-layer',
    'layer:unpacked',
    'layer:before-rename',
    'layer:after-rename',
    'pull:after-commit',
  ]) {
    await victim.restart({ NOOS_CRASH_AT: point });
    assert.notEqual((await victim.docker('pull', name)).code, 0, point);
    await victim.ended();
    await victim.restart();
    assert.equal(await victim.ok('images', '-q'), '', point);
    await victim.ok('pull', '-q', name);
    await victim.ok('rmi', name);
    assert.deepEqual(leftovers(victim.dataRoot), [], point);
  }
});

test('a client that goes away ends its pull', async (t) => {
  const line = await startLine(t, registry.port);
  await publish(`${host}/left:1`, 2, 2 * megabyte);
  line.allow(megabyte, 'stall');
  const client = await daemon.run('docker', ['pull', `${line.host}/left:1`], { timeoutMs: 2000 });
  assert.equal(client.code, 137);
  for (
    let attempt = 0;
    readdirSync(join(daemon.dataRoot, 'layers/tmp')).length > 0 && attempt < 100;
    attempt++
  )
    await sleep(50);
  assert.deepEqual(readdirSync(join(daemon.dataRoot, 'layers/tmp')), []);
  line.allow(undefined);
  await daemon.ok('pull', '-q', `${line.host}/left:1`);
});

test('a mirror serves what Docker Hub would', async (t) => {
  await daemon.ok('tag', 'busybox', `${host}/library/mirrored:1`);
  await daemon.ok('push', '-q', `${host}/library/mirrored:1`);
  const other = await startDaemon(t, { flags: ['--registry-mirror', `http://${host}`] });
  await other.ok('pull', '-q', 'mirrored:1');
  assert.equal(await other.ok('images', '--format', '{{.Repository}}:{{.Tag}}'), 'mirrored:1');
});
