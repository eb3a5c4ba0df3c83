/** The daemon dies, containers live: found again with logs and exit codes; half-done work is undone. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { startDaemon, type TestDaemon } from './daemon.js';
import { eventually } from './eventually.js';
import { busyboxImage, loadImages } from './images.js';
import { heldByContainers, keptForContainers } from './leftovers.js';

const field = (daemon: TestDaemon, name: string, format: string) => daemon.ok('inspect', '-f', format, name);
const status = '{{.State.Status}} {{.State.ExitCode}}';

test('kill -9 of the daemon: containers continue, their ends and logs are found', async (t) => {
  const daemon = await startDaemon(t);
  const { ok } = daemon;
  await loadImages(daemon, busyboxImage());
  await ok(
    ...['run', '-d', '--name', 'ticks', '-p', '80', 'busybox', 'sh', '-c'],
    'i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.1; done',
  );
  await ok('run', '-d', '--name', 'ends', 'busybox', 'sh', '-c', 'sleep 1; echo last words; exit 33');
  await ok('run', '-d', '--rm', '--name', 'gone', 'busybox', 'sleep', '1');
  await ok('run', '-d', '--name', 'iced', 'busybox', 'sleep', '600');
  await ok('pause', 'iced');
  const before = await field(
    daemon,
    'ticks',
    '{{.State.Pid}} {{.State.StartedAt}} {{.NetworkSettings.IPAddress}}',
  );
  const port = await ok('port', 'ticks');
  await daemon.kill9();
  await sleep(2500);
  await daemon.restart();
  assert.equal(
    await field(daemon, 'ticks', '{{.State.Pid}} {{.State.StartedAt}} {{.NetworkSettings.IPAddress}}'),
    before,
  );
  assert.equal(await ok('port', 'ticks'), port);
  assert.equal(await field(daemon, 'ends', status), 'exited 33');
  assert.match(await ok('logs', 'ends'), /^last words$/m);
  assert.equal(await field(daemon, 'iced', status), 'paused 0');
  assert.match((await daemon.docker('inspect', 'gone')).stderr, /No such/);
  // Numbers follow on each other: nothing of the log was lost while no daemon ran.
  const ticks = (await ok('logs', 'ticks')).split('\n').map((line) => Number(line.slice(5)));
  assert.deepEqual(
    ticks,
    ticks.map((_, index) => index),
  );
  assert.ok(ticks.length > 20);
  assert.equal(await ok('exec', 'ticks', 'echo', 'alive'), 'alive');
  await ok('unpause', 'iced');
  await ok('stop', '-t', '0', 'ticks', 'iced');
  assert.equal(await field(daemon, 'ticks', status), 'exited 137');
  await ok('start', 'ticks');
  await ok('rm', '-f', 'ticks', 'ends', 'iced');
  assert.deepEqual(heldByContainers(daemon), []);
  assert.deepEqual(keptForContainers(daemon), { records: 0, roots: 0 });
});

test('restart policies at the start of the daemon', async (t) => {
  const daemon = await startDaemon(t, { flags: ['--shutdown-timeout', '1'] });
  const { ok } = daemon;
  await loadImages(daemon, busyboxImage());
  const run = (name: string, policy: string, ...words: string[]) =>
    ok('run', '-d', '--name', name, '--restart', policy, 'busybox', ...words);
  await run('always', 'always', 'sleep', '600');
  await run('unless', 'unless-stopped', 'sleep', '600');
  await run('stopped', 'always', 'sleep', '600');
  await run('quiet', 'unless-stopped', 'sleep', '600');
  await run('none', 'no', 'sleep', '600');
  await ok('stop', '-t', '0', 'stopped', 'quiet');
  const states = async () =>
    Object.fromEntries(
      (await ok('ps', '-a', '--format', '{{.Names}} {{.State}}')).split('\n').map((line) => line.split(' ')),
    );
  const after = { always: 'running', unless: 'running', stopped: 'running', quiet: 'exited' };
  await daemon.restart();
  await eventually(JSON.stringify({ ...after, none: 'exited' }), async () => {
    const { always, unless, stopped, quiet, none } = await states();
    return JSON.stringify({ always, unless, stopped, quiet, none });
  });
  await ok('stop', '-t', '0', 'stopped');
  await daemon.kill9();
  await daemon.restart();
  await eventually(JSON.stringify({ ...after, none: 'exited' }), async () => {
    const { always, unless, stopped, quiet, none } = await states();
    return JSON.stringify({ always, unless, stopped, quiet, none });
  });
  await ok('rm', '-f', ...Object.keys(after), 'none');
  assert.deepEqual(heldByContainers(daemon), []);
});

test('--live-restore: a graceful stop of the daemon leaves containers alone', async (t) => {
  const daemon = await startDaemon(t, { flags: ['--live-restore'] });
  await loadImages(daemon, busyboxImage());
  const port = await freePort();
  await daemon.ok('run', '-d', '--name', 'kept', '-p', `${port}:80`, 'busybox', 'httpd', '-f');
  const pid = await field(daemon, 'kept', '{{.State.Pid}}');
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      ({ status }) => String(status),
      () => '',
    );
  await eventually('404', answers);
  const pidFile = join(daemon.dataRoot, '../noos.pid');
  process.kill(daemon.pid, 'SIGTERM');
  await eventually('false', async () => String(existsSync(pidFile)));
  assert.equal(await answers(), '404', 'the kernel goes on');
  const next = createServer().listen(port);
  await once(next, 'listening');
  next.close();
  await daemon.ended();
  await daemon.restart();
  assert.equal(await answers(), '404');
  assert.doesNotMatch(daemon.log(), /not as recorded/);
  assert.equal(await field(daemon, 'kept', '{{.State.Pid}}'), pid);
  await daemon.ok('rm', '-f', 'kept');
});

test('a monitor that dies takes its container along, which does not hang stop', async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  await daemon.ok('run', '-d', '--name', 'orphan', 'busybox', 'sleep', '600');
  const monitor = heldByContainers(daemon).find((name) => name.startsWith('monitor '))!;
  process.kill(Number(monitor.slice('monitor '.length)), 'SIGKILL');
  await daemon.ok('stop', '-t', '1', 'orphan');
  assert.equal(await field(daemon, 'orphan', status), 'exited 137');
  await daemon.ok('rm', 'orphan');
  assert.deepEqual(heldByContainers(daemon), []);
});

/** Each ends the daemon at the point in the words' course; `left` says what the next one shows. */
const crashes = [
  { at: 'create:after-volumes', words: ['create', '--name', 'it', 'busybox'], left: '' },
  { at: 'create:after-root', words: ['create', '--name', 'it', '-v', 'vol:/etc', 'busybox'], left: '' },
  { at: 'create:after-record', words: ['create', '--name', 'it', 'busybox'], left: 'it created' },
  {
    at: 'start:after-network',
    words: ['run', '-d', '--name', 'it', 'busybox', 'sleep', '600'],
    left: 'it created',
  },
  {
    at: 'start:after-create',
    words: ['run', '-d', '--name', 'it', 'busybox', 'sleep', '600'],
    left: 'it created',
  },
  {
    at: 'start:after-start',
    words: ['run', '-d', '--name', 'it', 'busybox', 'sleep', '600'],
    left: 'it running',
  },
  { at: 'start:after-start', words: ['run', '-d', '--name', 'it', 'busybox', 'true'], left: 'it exited' },
  { at: 'exit:after-release', words: ['run', '--name', 'it', 'busybox', 'true'], left: 'it exited' },
  { at: 'remove:marked', words: ['run', '--rm', '--name', 'it', 'busybox', 'true'], left: '' },
  { at: 'remove:before-record', words: ['run', '--rm', '--name', 'it', 'busybox', 'true'], left: '' },
] as const;

test('a crash in create, start, exit, remove leaves nothing half done', { timeout: 300_000 }, async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  for (const { at, words, left } of crashes) {
    const label = `${at} ${words.join(' ')}`;
    await daemon.restart({ NOOS_CRASH_AT: at });
    await daemon.docker(...words);
    await daemon.ended();
    await daemon.restart();
    assert.equal(await daemon.ok('ps', '-a', '--format', '{{.Names}} {{.State}}'), left, label);
    if (left !== 'it running') assert.deepEqual(heldByContainers(daemon), [], label);
    const count = left === '' ? 0 : 1;
    assert.deepEqual(keptForContainers(daemon), { records: count, roots: count }, label);
    if (left !== '') {
      // What is left is whole: it starts, ends, goes.
      if (left !== 'it running') await daemon.ok('start', 'it');
      await daemon.ok('rm', '-f', 'it');
    }
    assert.deepEqual(heldByContainers(daemon), [], label);
  }
});

test('containers that ignore SIGTERM do not keep the daemon from stopping', async (t) => {
  const daemon = await startDaemon(t, { flags: ['--shutdown-timeout', '1'] });
  await loadImages(daemon, busyboxImage());
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'deaf',
    'busybox',
    'sh',
    '-c',
    'trap "" TERM; while :; do sleep 1; done',
  );
  const before = Date.now();
  await daemon.restart();
  assert.ok(Date.now() - before < 20_000);
  assert.equal(await field(daemon, 'deaf', status), 'exited 137');
  await daemon.ok('rm', 'deaf');
});
