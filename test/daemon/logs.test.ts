import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './daemon.js';
import { eventually } from './eventually.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
const environment = { ...process.env, DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: daemon.scratch };
const run = (name: string, script: string, ...options: string[]) =>
  daemon.docker('run', '--name', name, '--network', 'none', ...options, 'busybox', 'sh', '-c', script);

/** `docker logs -f` in the background. */
function follow(...words: string[]) {
  const child = spawn('docker', ['logs', '-f', ...words], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output.text += text;
    });
  const closed = once(child, 'close');
  return { output, ended: async () => ((await closed) as [number])[0], child };
}

test('both streams, tail, times, since and until', async () => {
  await run('talk', 'echo one; sleep 1.2; echo two >&2; sleep 1.2; echo three');
  const all = await daemon.docker('logs', 'talk');
  assert.deepEqual([all.stdout, all.stderr], ['one\nthree\n', 'two\n']);
  const tail = await daemon.docker('logs', '--tail', '2', 'talk');
  assert.deepEqual([tail.stdout, tail.stderr], ['three\n', 'two\n']);
  assert.equal((await daemon.docker('logs', '-n', '0', 'talk')).stdout, '');
  assert.equal((await daemon.docker('logs', '--tail', 'all', 'talk')).stdout, 'one\nthree\n');
  const stamped = (await daemon.docker('logs', '-t', 'talk')).stdout.trim().split('\n');
  assert.match(stamped[0]!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one$/);
  const time = stamped[1]!.split(' ')[0]!;
  assert.deepEqual(await daemon.docker('logs', '--since', time, 'talk'), {
    code: 0,
    stdout: 'three\n',
    stderr: '',
  });
  const until = await daemon.docker('logs', '--until', stamped[0]!.split(' ')[0]!, 'talk');
  assert.deepEqual([until.stdout, until.stderr], ['one\n', '']);
  // The command line sends whole seconds of durations.
  await sleep(1100);
  assert.equal(
    (await daemon.docker('logs', '--since', '1h', '--until', '0s', 'talk')).stdout,
    'one\nthree\n',
  );
});

test('lines without end, very long lines, lines of two starts', async () => {
  await run('odd', 'printf prompt');
  assert.equal((await daemon.docker('logs', 'odd')).stdout, 'prompt');
  assert.equal((await daemon.docker('logs', '--tail', '1', '-f', 'odd')).stdout, 'prompt');
  assert.match((await daemon.docker('logs', '-t', 'odd')).stdout, /^[\dT:.-]+Z prompt$/);
  await daemon.ok('start', '-a', 'odd');
  assert.equal((await daemon.docker('logs', 'odd')).stdout, 'promptprompt');
  assert.equal((await daemon.docker('logs', '--tail', '1', 'odd')).stdout, 'prompt');
  const attached = await daemon.api('POST', '/v1.44/containers/odd/attach?logs=1&stdout=1');
  assert.equal(attached.text, '\x01\0\0\0\0\0\0\x06prompt'.repeat(2));
  await run('long', 'head -c 100000 /dev/zero | tr "\\0" x; echo; echo next');
  assert.equal((await daemon.docker('logs', 'long')).stdout, `${'x'.repeat(100_000)}\nnext\n`);
  assert.equal((await daemon.docker('logs', '--tail', '2', 'long')).stdout.length, 100_006);
});

test('a terminal has one stream', async () => {
  await daemon.ok(
    'run',
    '-d',
    '-t',
    '--name',
    'screen',
    '--network',
    'none',
    'busybox',
    'sh',
    '-c',
    'echo out; echo err >&2',
  );
  await daemon.ok('wait', 'screen');
  assert.deepEqual(await daemon.docker('logs', 'screen'), { code: 0, stdout: 'out\r\nerr\r\n', stderr: '' });
});

test('following ends with the container and misses nothing', async () => {
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'count',
    '--network',
    'none',
    'busybox',
    'sh',
    '-c',
    'for i in $(seq 1 2000); do echo $i; done; sleep 4; echo end',
  );
  const followed = follow('count');
  const tailed = follow('--tail', '0', 'count');
  assert.equal(await followed.ended(), 0);
  assert.equal(await tailed.ended(), 0);
  const lines = followed.output.text.trim().split('\n');
  assert.equal(lines.length, 2001);
  assert.deepEqual([lines[0], lines[1999], lines[2000]], ['1', '2000', 'end']);
  assert.match(tailed.output.text, /end\n$/);
  assert.equal(await follow('count').ended(), 0);
});

test('--until ends following; a client that leaves ends it too', async () => {
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'ticks',
    '--network',
    'none',
    'busybox',
    'sh',
    '-c',
    'while true; do echo tick; sleep 0.1; done',
  );
  const begun = Date.now();
  const timed = follow('--until', '1s', 'ticks');
  timed.child.kill('SIGTERM');
  await timed.ended();
  assert.ok(Date.now() - begun < 5000);
  const direct = await daemon.api(
    'GET',
    `/v1.41/containers/ticks/logs?stdout=1&follow=1&until=${(Date.now() / 1000 + 1).toFixed(3)}`,
  );
  assert.match(direct.text, /tick/);
  await daemon.ok('rm', '-f', 'ticks');
});

const directoryOf = async (name: string) =>
  join(daemon.dataRoot, 'containers', await daemon.ok('inspect', '-f', '{{.Id}}', name));
const logFiles = (directory: string) =>
  readdirSync(directory).filter((name) => /^container\.log(\.\d+)?$/.test(name));
/** A file may go while it is looked at. */
const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

test('rotation keeps the bound and the order; following goes through it', async () => {
  const script =
    'for i in $(seq 1 4000); do echo "line $i ........................................................"; [ $((i % 100)) = 0 ] && sleep 0.05; done; sleep 1';
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'turn',
    '--network',
    'none',
    '--log-opt',
    'max-size=50k',
    '--log-opt',
    'max-file=3',
    'busybox',
    'sh',
    '-c',
    script,
  );
  const followed = follow('turn');
  assert.equal(await followed.ended(), 0);
  const seen = followed.output.text.trim().split('\n');
  assert.deepEqual(
    [seen.length, seen[0]?.slice(0, 6), seen.at(-1)?.slice(0, 9)],
    [4000, 'line 1', 'line 4000'],
  );
  const directory = await directoryOf('turn');
  const files = logFiles(directory);
  assert.deepEqual(files.sort(), ['container.log', 'container.log.0', 'container.log.1', 'container.log.2']);
  for (const name of files) assert.ok(sizeOf(join(directory, name)) <= 50 * 1024, name);
  const kept = (await daemon.docker('logs', 'turn')).stdout
    .trim()
    .split('\n')
    .map((line) => Number(line.split(' ')[1]));
  assert.equal(kept.at(-1), 4000);
  assert.ok(
    kept.length > 500 && kept.every((number, index) => index === 0 || number === kept[index - 1]! + 1),
  );
});

/** Numbers of the lines, which must follow each other. */
const numbers = (text: string): number[] => {
  const all = text.trim().split('\n').map(Number);
  for (const [index, number] of all.entries())
    if (index > 0) assert.equal(number, all[index - 1]! + 1, text.slice(0, 200));
  return all;
};

const logNames = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.startsWith('container.log'))
    .sort()
    .join(' ');

const compressing = ['--log-opt', 'max-size=10k', '--log-opt', 'max-file=3', '--log-opt', 'compress=true'];
const counting = 'i=0; while [ $i -lt 900 ]; do i=$((i+1)); echo $i; [ $((i % 20)) = 0 ] && sleep 0.05; done';

test('compress=true: rotated files are gzip, and logs go through them', async () => {
  await daemon.ok(
    ...['run', '-d', '--name', 'small', '--network', 'none', ...compressing],
    ...['busybox', 'sh', '-c', `${counting}; sleep 600`],
  );
  const followed = follow('small');
  await eventually('true', async () => String(/^900$/m.test(followed.output.text)));
  const directory = await directoryOf('small');
  await eventually('container.log container.log.0 container.log.1.gz container.log.2.gz', async () =>
    logNames(directory),
  );
  assert.equal(numbers(followed.output.text).length, 900);
  const kept = numbers(await daemon.ok('logs', 'small'));
  assert.ok(kept.length > 300 && kept.at(-1) === 900, `${kept.length}`);
  assert.deepEqual(numbers(await daemon.ok('logs', '-n', '300', 'small')), kept.slice(-300));
  const lines = (await daemon.ok('logs', '-t', 'small')).split('\n');
  const [since] = lines[10]!.split(' ');
  assert.deepEqual(numbers(await daemon.ok('logs', '--since', since!, 'small')), kept.slice(10));
  const zipped = await daemon.run('zcat', [join(directory, 'container.log.2.gz')]);
  assert.equal(zipped.stdout.split('\n')[0]!.split(' ').at(-1), String(kept[0]));
  await daemon.ok('rm', '-f', 'small');
  followed.child.kill();
});

test('a crash while a log is compressed loses no line', async () => {
  for (const point of ['log:compressed', 'log:compressed-in-place']) {
    await daemon.restart({ NOOS_CRASH_AT: point });
    await daemon.ok(
      ...['run', '-d', '--name', 'cut', '--network', 'none', ...compressing],
      ...['busybox', 'sh', '-c', 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo $i; done; sleep 600'],
    );
    await daemon.ended();
    await daemon.restart();
    assert.deepEqual(
      numbers(await daemon.ok('logs', 'cut')),
      Array.from({ length: 400 }, (_, index) => index + 1),
      point,
    );
    const directory = await directoryOf('cut');
    await eventually('container.log container.log.0 container.log.1.gz', async () => logNames(directory));
    assert.equal(numbers(await daemon.ok('logs', 'cut')).length, 400);
    await daemon.ok('rm', '-f', 'cut');
  }
});

test('a flood is bounded while no daemon runs', async () => {
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'flood',
    '--network',
    'none',
    '--log-opt',
    'max-size=100k',
    '--log-opt',
    'max-file=2',
    'busybox',
    'sh',
    '-c',
    'yes 0123456789',
  );
  const directory = await directoryOf('flood');
  await daemon.kill9();
  await sleep(2000);
  const total = () => logFiles(directory).reduce((sum, name) => sum + sizeOf(join(directory, name)), 0);
  assert.ok(total() <= 4 * 100 * 1024, `${total()}`);
  await daemon.restart();
  await sleep(1000);
  assert.ok(total() <= 4 * 100 * 1024, `${total()}`);
  assert.match(await daemon.ok('logs', '--tail', '3', 'flood'), /^(0123456789\n?)+$/);
  await daemon.ok('rm', '-f', 'flood');
});

test('drivers: none cannot be read, local can, others are refused', async () => {
  await run('mute', 'echo x', '--log-driver', 'none');
  const mute = await daemon.docker('logs', 'mute');
  assert.equal(mute.code, 1);
  assert.match(mute.stderr, /configured logging driver does not support reading/);
  assert.ok(!logFiles(await directoryOf('mute')).length);
  await run('local', 'echo kept', '--log-driver', 'local');
  assert.equal(await daemon.ok('logs', 'local'), 'kept');
  assert.match(
    (await run('no1', 'true', '--log-driver', 'syslog')).stderr,
    /log driver 'syslog' is not supported by this daemon/,
  );
  assert.match(
    (await run('no2', 'true', '--log-driver', 'nope')).stderr,
    /error looking up logging plugin nope: plugin "nope" not found/,
  );
  assert.match(
    (await run('no3', 'true', '--log-opt', 'nope=1')).stderr,
    /unknown log opt 'nope' for json-file log driver/,
  );
  assert.equal(await daemon.ok('ps', '-aq', '--filter', 'name=no[123]'), '');
});

test('details are the labels and variables that were asked for', async () => {
  await run(
    'detail',
    'echo x',
    '--log-opt',
    'labels=tier',
    '--log-opt',
    'env=MODE',
    '--label',
    'tier=front',
    '-e',
    'MODE=a b',
  );
  assert.equal(await daemon.ok('logs', '--details', 'detail'), 'MODE=a+b,tier=front x');
});

test('refusals', async () => {
  await run('plain', 'true');
  const get = (query: string) => daemon.api('GET', `/v1.41/containers/plain/logs?${query}`);
  const none = await get('');
  assert.deepEqual(
    [none.status, JSON.parse(none.text)],
    [400, { message: 'Bad parameters: you must choose at least one stream' }],
  );
  assert.equal((await get('stdout=1&since=yesterday')).status, 400);
  assert.equal(
    (await daemon.docker('logs', 'ghost')).stderr.trim(),
    'Error response from daemon: No such container: ghost',
  );
});
