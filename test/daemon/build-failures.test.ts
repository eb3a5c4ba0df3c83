/** `docker build`: what cannot be built, and builds that are ended before. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, built, classic, contextOf, leavesNothing, link, start } from './builds.js';
import { dockerArchive } from './images.js';

test('what cannot be built', async (t) => {
  const daemon = await start(t);
  const tar = await dockerArchive();

  const cases: [string, RegExp][] = [
    [
      'FROM busybox\n\n FOO bar',
      /dockerfile parse error line 3: unknown instruction: FOO \(line 3, column 2\)/,
    ],
    ['RUN x', /no build stage in current context/],
    ['# empty', /failed to parse Dockerfile: file with no instructions \(line 1, column 1\)/],
    ['FROM busybox\nENV a', /failed to parse Dockerfile: ENV must have two arguments/],
    ['FROM busybox\nCOPY x', /COPY requires at least two arguments, but only one was provided/],
    [
      'FROM busybox\nCOPY nosuch /',
      /COPY failed: file not found in build context or excluded by .dockerignore: stat nosuch: file does not exist/,
    ],
    ['FROM busybox\nCOPY /etc/passwd /', /COPY failed: file not found in build context/],
    ['FROM busybox\nCOPY ../x /', /COPY failed: forbidden path outside the build context: \.\.\/x \(\)/],
    ['FROM busybox\nCOPY escape /', /COPY failed: file not found in build context/],
    ['FROM busybox\nCOPY --from=5 a b', /invalid from flag value 5: index out of bounds/],
    ['FROM busybox\nCOPY --from=0 a b', /invalid from flag value 0: refers to current build stage/],
    ['FROM busybox\nCOPY --chown=who Dockerfile /', /can't find uid for user who: no such user: who/],
    ['FROM busybox\nRUN --mount=type=cache,target=/x true', /the --mount option requires BuildKit/],
    ['FROM scratch', /No image was generated. Is your Dockerfile empty\?/],
    ['FROM UPPER', /must be lowercase/],
    ['FROM busybox AS a\nFROM busybox AS A', /a stage name already used/],
    ['FROM --platform=x/y/z/w busybox', /failed to parse platform/],
  ];
  for (const [dockerfile, message] of cases) {
    const { code, stderr } = await build(daemon, {
      Dockerfile: dockerfile,
      escape: link('/etc/passwd.none'),
    });
    assert.equal(code, 1, dockerfile);
    assert.match(stderr, message, dockerfile);
  }
  const scratch = await build(daemon, { Dockerfile: 'FROM scratch\nRUN x' });
  assert.match(scratch.stderr, /exec: "\/bin\/sh": stat \/bin\/sh: no such file or directory/);
  assert.match(await daemon.ok('ps', '-a', '--format', '{{.Command}}'), /\/bin\/sh -c x/);
  await daemon.ok('container', 'prune', '-f');
  const target = await build(daemon, { Dockerfile: 'FROM busybox' }, ['--target', 'x']);
  assert.match(target.stderr, /failed to reach build target x in Dockerfile/);
  const squash = await daemon.api('POST', '/build?squash=1', tar, { 'Content-Type': 'application/x-tar' });
  assert.deepEqual(
    [squash.status, JSON.parse(squash.text)],
    [400, { message: 'squash is only supported with experimental mode' }],
  );
  const buildKit = await daemon.api('POST', '/build?version=2', tar, { 'Content-Type': 'application/x-tar' });
  assert.equal(buildKit.status, 501);
  const noDockerfile = await daemon.api('POST', '/build', tar, { 'Content-Type': 'application/x-tar' });
  assert.deepEqual(
    [noDockerfile.status, JSON.parse(noDockerfile.text)],
    [500, { message: 'Cannot locate specified Dockerfile: Dockerfile' }],
  );
  const nonsense = await daemon.api('POST', '/build', Buffer.alloc(4096, 7), {
    'Content-Type': 'application/x-tar',
  });
  assert.ok(nonsense.status >= 400, nonsense.text);
  await leavesNothing(daemon);

  const prune = await daemon.api('POST', '/build/prune');
  assert.deepEqual([prune.status, JSON.parse(prune.text)], [200, { CachesDeleted: null, SpaceReclaimed: 0 }]);
  assert.match(await daemon.ok('builder', 'prune', '-f'), /Total reclaimed space: 0B/);
  const cancel = await daemon.api('POST', '/build/cancel');
  assert.deepEqual([cancel.status, JSON.parse(cancel.text)], [400, { message: 'build ID not provided' }]);
});

test('builds that are ended', async (t) => {
  const daemon = await start(t);
  const slow = { Dockerfile: 'FROM busybox\nRUN echo running; sleep 300' };
  const begin = async (): Promise<ReturnType<typeof spawn>> => {
    const child = spawn('docker', ['build', '--no-cache', contextOf(daemon, slow)], {
      env: { ...process.env, ...classic, DOCKER_HOST: `unix://${daemon.socket}` },
    });
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    for (let waited = 0; !text.includes('\nrunning\n'); waited++) {
      assert.ok(waited < 300, text);
      await sleep(100);
    }
    return child;
  };

  await t.test('by the client', async () => {
    const child = await begin();
    child.kill('SIGKILL');
    for (let waited = 0; (await daemon.ok('ps', '-aq')) !== ''; waited++) {
      assert.ok(waited < 100, 'the container of the build is still there');
      await sleep(100);
    }
    await sleep(300);
    await leavesNothing(daemon);
  });

  await t.test('by the client, while it sends the context', async () => {
    const whole = execFileSync('tar', [
      '-c',
      '-C',
      contextOf(daemon, { Dockerfile: 'FROM busybox', big: 'x'.repeat(1e6) }),
      '.',
    ]);
    const sending = request({ socketPath: daemon.socket, method: 'POST', path: '/build', agent: false });
    sending.on('error', () => {});
    sending.write(whole.subarray(0, whole.length / 2));
    const temporary = join(daemon.dataRoot, 'tmp');
    for (let waited = 0; readdirSync(temporary).length === 0; waited++) {
      assert.ok(waited < 100, 'the context is not unpacked');
      await sleep(50);
    }
    sending.destroy();
    for (let waited = 0; readdirSync(temporary).length > 0; waited++) {
      assert.ok(waited < 100, 'the context is still there');
      await sleep(50);
    }
    await leavesNothing(daemon);
  });

  await t.test('by its ID', async () => {
    const directory = contextOf(daemon, slow);
    const context = execFileSync('tar', ['-c', '-C', directory, '.']);
    const reply = daemon.api('POST', '/build?buildid=mine&nocache=1', context, {
      'Content-Type': 'application/x-tar',
    });
    for (let waited = 0; (await daemon.ok('ps', '-q')) === ''; waited++) {
      assert.ok(waited < 100, 'the build does not run');
      await sleep(100);
    }
    assert.equal((await daemon.api('POST', '/build/cancel?id=mine')).status, 200);
    assert.match((await reply).text, /Build cancelled/);
    await leavesNothing(daemon);
  });

  await t.test('by the end of the daemon', async () => {
    await begin();
    await daemon.kill9();
    await daemon.restart();
    await leavesNothing(daemon);
  });

  await t.test('by the end of the daemon within a COPY', async () => {
    await daemon.restart({ NOOS_CRASH_AT: 'build:changed' });
    const { code } = await build(daemon, { Dockerfile: 'FROM busybox\nCOPY Dockerfile /' });
    assert.equal(code, 1);
    await daemon.ended();
    await daemon.restart();
    await leavesNothing(daemon);
    await built(daemon, { Dockerfile: 'FROM busybox\nCOPY Dockerfile /' });
  });
});
