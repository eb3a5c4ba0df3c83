/** start, stop, kill, wait, restart policies, --rm, events: the life of a container. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './daemon.js';
import { eventually } from './eventually.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
const { docker, ok } = daemon;
const field = (name: string, format: string) => ok('inspect', '-f', format, name);

/** Ends by itself when it is told to; says so when it can be told. */
const polite = [
  ...['sh', '-c'],
  'trap "exit 5" TERM; trap "exit 6" USR1; echo ready; while :; do sleep 0.1; done',
];
const untilReady = (name: string, times = 1) =>
  eventually(String(times), async () => String((await ok('logs', name)).split('ready').length - 1));

test('stop: the signal, the timeout, the exit code', async () => {
  await ok('run', '-d', '--name', 'polite', 'busybox', ...polite);
  await untilReady('polite');
  await ok('stop', 'polite');
  assert.equal(await field('polite', '{{.State.ExitCode}} {{.State.Status}}'), '5 exited');
  await ok('start', 'polite');
  await untilReady('polite', 2);
  await ok('stop', '-s', 'USR1', 'polite');
  assert.equal(await field('polite', '{{.State.ExitCode}}'), '6');
  await ok('rm', 'polite');
  await ok(
    'run',
    '-d',
    '--name',
    'deaf',
    'busybox',
    'sh',
    '-c',
    'trap "" TERM; echo ready; while :; do sleep 0.1; done',
  );
  await untilReady('deaf');
  const before = Date.now();
  await ok('stop', '-t', '1', 'deaf');
  assert.ok(Date.now() - before >= 1000);
  assert.equal(await field('deaf', '{{.State.ExitCode}}'), '137');
  await ok('stop', 'deaf');
  await ok('rm', 'deaf');
});

test('--stop-signal and --stop-timeout are kept with the container', async () => {
  await ok(
    ...['run', '-d', '--name', 'custom', '--stop-signal', 'USR1', '--stop-timeout', '30', 'busybox'],
    ...polite,
  );
  await untilReady('custom');
  await ok('stop', 'custom');
  assert.equal(await field('custom', '{{.State.ExitCode}}'), '6');
  await ok('rm', 'custom');
});

test('kill: any signal, several names, errors', async () => {
  await ok('run', '-d', '--name', 'one', 'busybox', 'sleep', '600');
  await ok('run', '-d', '--name', 'two', 'busybox', ...polite);
  await untilReady('two');
  await ok('kill', '-s', 'CHLD', 'one');
  await ok('kill', '-s', '10', 'two');
  await ok('kill', 'one');
  assert.equal(await ok('wait', 'one', 'two'), '137\n6');
  assert.match((await docker('kill', 'one')).stderr, /is not running/);
  await ok('start', 'one');
  assert.match((await docker('kill', '-s', 'NONSENSE', 'one')).stderr, /Invalid signal: NONSENSE/);
  await ok('rm', '-f', 'one', 'two');
});

test('rm: refuses what runs; force and a missing one', async () => {
  const id = await ok('run', '-d', '--name', 'busy', 'busybox', 'sleep', '600');
  const refused = await docker('rm', 'busy');
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /cannot remove container "busy": container is running: stop the container before removing or force remove/,
  );
  await ok('rm', '-f', id.slice(0, 10));
  assert.match((await docker('rm', 'busy')).stderr, /No such container: busy/);
});

test('pause and unpause', async () => {
  await ok('run', '-d', '--name', 'frozen', 'busybox', ...polite);
  await untilReady('frozen');
  await ok('pause', 'frozen');
  assert.equal(await field('frozen', '{{.State.Status}} {{.State.Paused}}'), 'paused true');
  assert.match((await docker('pause', 'frozen')).stderr, /already paused/);
  assert.match((await docker('start', 'frozen')).stderr, /cannot start a paused container/);
  await ok('unpause', 'frozen');
  assert.match((await docker('unpause', 'frozen')).stderr, /is not paused/);
  await ok('pause', 'frozen');
  await ok('stop', '-t', '5', 'frozen');
  assert.equal(await field('frozen', '{{.State.ExitCode}}'), '5');
  await ok('rm', 'frozen');
});

test('wait: at once when it has ended, otherwise at the end', async () => {
  await ok('run', '-d', '--name', 'brief', 'busybox', 'sh', '-c', 'sleep 1; exit 9');
  const [first, second] = await Promise.all([ok('wait', 'brief'), ok('wait', 'brief')]);
  assert.deepEqual([first, second, await ok('wait', 'brief')], ['9', '9', '9']);
  await ok('rm', 'brief');
  assert.match((await docker('wait', 'brief')).stderr, /No such container: brief/);
  // An end that is followed by a restart is one.
  await ok('run', '-d', '--name', 'always', '--restart', 'always', 'busybox', 'sh', '-c', 'sleep 2; exit 9');
  assert.equal(await ok('wait', 'always'), '9');
  await ok('rm', '-f', 'always');
});

test('a container keeps its files from one start to the next', async () => {
  await ok('run', '--name', 'again', 'busybox', 'sh', '-c', 'echo x >> /count; wc -l < /count');
  assert.equal(await ok('start', '-a', 'again'), '2');
  assert.equal(await ok('start', '-a', 'again'), '3');
  await ok('restart', '-t', '0', 'again');
  await ok('rm', '-f', 'again');
});

test('restart policies: on-failure counts, always continues, stop ends it', async () => {
  await ok('run', '-d', '--name', 'flaky', '--restart', 'on-failure:2', 'busybox', 'sh', '-c', 'exit 4');
  await eventually('2 exited 4', () =>
    field('flaky', '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}'),
  );
  await ok('run', '-d', '--name', 'fine', '--restart', 'on-failure', 'busybox', 'true');
  assert.equal(await ok('wait', 'fine'), '0');
  assert.equal(await field('fine', '{{.RestartCount}}'), '0');
  await ok('run', '-d', '--name', 'loop', '--restart', 'always', 'busybox', 'true');
  await eventually('true', async () => String(Number(await field('loop', '{{.RestartCount}}')) >= 3));
  await ok('stop', 'loop');
  const count = await field('loop', '{{.RestartCount}} {{.State.Status}}');
  await sleep(1500);
  assert.equal(await field('loop', '{{.RestartCount}} {{.State.Status}}'), count);
  assert.match(count, /exited$/);
  assert.match(
    (await docker('create', '--rm', '--restart', 'always', 'busybox')).stderr,
    /[Cc]onflicting options|AutoRemove/,
  );
  await ok('rm', '-f', 'flaky', 'fine', 'loop');
});

test('kill also ends restarts, restart resets them', async () => {
  await ok('run', '-d', '--name', 'undead', '--restart', 'always', 'busybox', 'sleep', '600');
  await ok('restart', '-t', '0', 'undead');
  assert.equal(await field('undead', '{{.State.Status}} {{.RestartCount}}'), 'running 0');
  await ok('kill', 'undead');
  await sleep(700);
  assert.equal(await field('undead', '{{.State.Status}}'), 'exited');
  await ok('rm', 'undead');
});

test('--rm goes with its anonymous volumes, also when it could not start', async () => {
  await ok('run', '--rm', '-v', '/data', '-v', 'named:/n', 'busybox', 'true');
  await docker('run', '--rm', 'busybox', 'nope');
  assert.equal(await ok('ps', '-aq'), '');
  assert.equal(await ok('volume', 'ls', '-q'), 'named');
  const id = await ok('run', '-d', '--rm', 'busybox', 'sleep', '600');
  await ok('stop', '-t', '0', id);
  await eventually('', () => ok('ps', '-aq'));
});

test('a failed start keeps the container and says why', async () => {
  await docker('run', '--name', 'broken', 'busybox', 'nope');
  assert.equal(await field('broken', '{{.State.Status}} {{.State.ExitCode}}'), 'created 127');
  assert.match(await field('broken', '{{.State.Error}}'), /executable file not found/);
  await ok('rm', 'broken');
});

test('events tell a life in order, with attributes', async () => {
  const since = String(Math.floor(Date.now() / 1000) - 1);
  await docker('run', '--name', 'told', '-l', 'a=b', 'busybox', 'sh', '-c', 'exit 3');
  await ok('rm', 'told');
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const lines = await ok(
    ...['events', '--since', since, '--until', until, '--filter', 'container=told', '--format', '{{json .}}'],
  );
  const events = lines.split('\n').map((line) => JSON.parse(line));
  const actions = events.filter(({ Type }) => Type === 'container').map(({ Action }) => Action);
  assert.deepEqual(actions, ['create', 'attach', 'start', 'die', 'destroy']);
  const die = events.find(({ Action }) => Action === 'die').Actor.Attributes;
  assert.deepEqual(
    [die.exitCode, die.name, die.image, die.a, typeof die.execDuration],
    ['3', 'told', 'busybox', 'b', 'string'],
  );
});

test('many at once: all start, all answer, all go', async () => {
  const names = Array.from({ length: 16 }, (_, index) => `crowd${index}`);
  await Promise.all(names.map((name) => ok('run', '-d', '--name', name, 'busybox', 'sleep', '600')));
  const addresses = await Promise.all(
    names.map((name) => field(name, '{{.NetworkSettings.IPAddress}} {{.State.Running}}')),
  );
  assert.equal(new Set(addresses).size, names.length);
  assert.ok(addresses.every((text) => text.endsWith(' true')));
  await ok('rm', '-f', ...names);
  assert.equal(await ok('ps', '-aq'), '');
});

test('rm -f beside a start that is under way leaves no container', async () => {
  for (let round = 0; round < 4; round++) {
    await daemon.ok('create', '--name', 'both', '--network', 'none', 'busybox', 'sleep', '600');
    const [, removed] = await Promise.all([
      daemon.docker('start', 'both'),
      daemon.docker('rm', '-f', 'both'),
    ]);
    assert.equal(removed.code, 0, removed.stderr);
    assert.equal(await daemon.ok('ps', '-aq', '--filter', 'name=both'), '');
  }
});
