import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage(), {
  ...busyboxImage('checked:latest'),
  config: {
    Cmd: ['sleep', '3600'],
    Healthcheck: { Test: ['CMD-SHELL', 'test -e /tmp/good'], Interval: 200_000_000, Retries: 2 },
  },
});

interface Health {
  Status: string;
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
}
const health = async (name: string): Promise<Health> =>
  JSON.parse(await daemon.ok('inspect', '-f', '{{json .State.Health}}', name)) as Health;

async function becomes(name: string, status: string): Promise<Health> {
  for (let tries = 0; ; tries++) {
    const now = await health(name);
    if (now.Status === status) return now;
    assert.ok(tries < 100, `${name} stays ${now.Status}`);
    await sleep(100);
  }
}

const run = (name: string, ...words: string[]) =>
  daemon.ok('run', '-d', '--name', name, '--network', 'none', ...words);

test("the image's check: starting, unhealthy, healthy; shown by ps, told by events", async () => {
  const since = String(Date.now() / 1000);
  await run('app', 'checked');
  assert.equal((await health('app')).Status, 'starting');
  const bad = await becomes('app', 'unhealthy');
  assert.ok(bad.FailingStreak >= 2);
  assert.equal(bad.Log.at(-1)?.ExitCode, 1);
  assert.match(await daemon.ok('ps', '--filter', 'name=app', '--format', '{{.Status}}'), /\(unhealthy\)$/);
  await daemon.ok('exec', 'app', 'touch', '/tmp/good');
  const good = await becomes('app', 'healthy');
  assert.deepEqual([good.FailingStreak, good.Log.at(-1)?.ExitCode], [0, 0]);
  assert.ok(good.Log.length <= 5);
  assert.match(
    await daemon.ok('ps', '--filter', 'health=healthy', '--format', '{{.Names}} {{.Status}}'),
    /^app .*\(healthy\)$/,
  );
  const events = await daemon.ok(
    ...[
      'events',
      '--since',
      since,
      '--until',
      String(Date.now() / 1000),
      '--filter',
      'event=health_status',
      '--format',
      '{{.Action}}',
    ],
  );
  assert.deepEqual(events.split('\n'), ['health_status: unhealthy', 'health_status: healthy']);
  await daemon.ok('rm', '-f', 'app');
});

test('output is kept up to 4096 bytes; five results', async () => {
  await run(
    'loud',
    '--health-cmd',
    'yes | head -c 5000',
    '--health-interval',
    '150ms',
    'busybox',
    'sleep',
    '3600',
  );
  const { Log } = await becomes('loud', 'healthy');
  assert.equal(Log[0]?.Output, `${'y\n'.repeat(2048)}...`);
  await sleep(1500);
  assert.equal((await health('loud')).Log.length, 5);
  await daemon.ok('rm', '-f', 'loud');
});

test('a check that takes too long is ended and has failed', async () => {
  await run(
    ...([
      'slow',
      '--health-cmd',
      'echo begun; sleep 100',
      '--health-interval',
      '200ms',
      '--health-timeout',
      '500ms',
    ] as const),
    ...['--health-retries', '1', 'busybox', 'sleep', '3600'],
  );
  const { Log } = await becomes('slow', 'unhealthy');
  assert.deepEqual(
    [Log[0]?.ExitCode, Log[0]?.Output],
    [-1, 'Health check exceeded timeout (500ms): begun\n'],
  );
  assert.doesNotMatch(await daemon.ok('top', 'slow'), /sleep 100.*\n.*sleep 100/);
  await daemon.ok('rm', '-f', 'slow');
});

test('failures of the start period do not count', async () => {
  await run(
    ...(['patient', '--health-cmd', 'false', '--health-interval', '100ms', '--health-retries', '1'] as const),
    ...['--health-start-period', '3s', 'busybox', 'sleep', '3600'],
  );
  await sleep(1500);
  const early = await health('patient');
  assert.deepEqual([early.Status, early.FailingStreak], ['starting', 0]);
  await becomes('patient', 'unhealthy');
  await daemon.ok('rm', '-f', 'patient');
});

test('no check: switched off, or never asked for', async () => {
  await run('off', '--no-healthcheck', 'checked');
  await run('plain', 'busybox', 'sleep', '3600');
  for (const name of ['off', 'plain'])
    assert.equal(await daemon.ok('inspect', '-f', '{{json .State.Health}}', name), 'null');
  await daemon.ok('rm', '-f', 'off', 'plain');
});

test('checks rest while paused and continue after the daemon was killed', async () => {
  await run('lasting', 'checked');
  await daemon.ok('exec', 'lasting', 'touch', '/tmp/good');
  await becomes('lasting', 'healthy');
  await daemon.ok('pause', 'lasting');
  assert.equal((await health('lasting')).Status, 'unhealthy');
  await sleep(300);
  const paused = (await health('lasting')).Log.at(-1)?.End;
  await sleep(600);
  assert.equal((await health('lasting')).Log.at(-1)?.End, paused);
  await daemon.ok('unpause', 'lasting');
  await daemon.kill9();
  await daemon.restart();
  await becomes('lasting', 'healthy');
  await daemon.ok('exec', 'lasting', 'rm', '/tmp/good');
  await becomes('lasting', 'unhealthy');
  await daemon.ok('restart', '-t', '0', 'lasting');
  assert.equal((await health('lasting')).Status, 'starting');
  await daemon.ok('rm', '-f', 'lasting');
});
