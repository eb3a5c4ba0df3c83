import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';
import { openTerminal } from './terminal.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
await daemon.ok(
  'run',
  '-d',
  '--name',
  'box',
  '--network',
  'none',
  '-e',
  'FROM=container',
  '-w',
  '/tmp',
  'busybox',
  'sleep',
  '3600',
);

const exec = (...words: string[]) => daemon.docker('exec', ...words);

test('output, errors, exit codes', async () => {
  assert.deepEqual(await exec('box', 'sh', '-c', 'echo out; echo err >&2; exit 42'), {
    code: 42,
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

test('no signal is ignored or blocked, in the container’s own process neither', async () => {
  const clear = ['SigBlk:\t0000000000000000', 'SigIgn:\t0000000000000000', ''].join('\n');
  for (const process of ['self', '1'])
    assert.equal(
      (await exec('box', 'grep', '-E', '^Sig(Blk|Ign):', `/proc/${process}/status`)).stdout,
      clear,
    );
});

test('what cannot be run', async () => {
  const missing = await exec('box', 'nope');
  assert.equal(missing.code, 127);
  assert.match(
    missing.stdout + missing.stderr,
    /OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in \$PATH: unknown/,
  );
  assert.equal((await exec('box', '/etc/passwd')).code, 126);
  assert.equal((await exec('box', '/nowhere/x')).code, 127);
  assert.match((await exec('nobox', 'true')).stderr, /No such container: nobox/);
});

test('environment, directory, user, groups, privileges', async () => {
  assert.equal((await exec('box', 'sh', '-c', 'echo $FROM $PWD')).stdout, 'container /tmp\n');
  assert.equal(
    (await exec('-e', 'FROM=exec', '-e', 'MORE=1', '-w', '/etc', 'box', 'sh', '-c', 'echo $FROM $MORE $PWD'))
      .stdout,
    'exec 1 /etc\n',
  );
  assert.equal(
    (await exec('-u', 'user', 'box', 'sh', '-c', 'id -u; id -g; id -G')).stdout,
    '1000\n1000\n1000 2000\n',
  );
  assert.equal((await exec('-u', '7:8', 'box', 'sh', '-c', 'id -u; id -g')).stdout, '7\n8\n');
  const unknown = await exec('-u', 'ghost', 'box', 'true');
  assert.equal(unknown.code, 126);
  assert.match(
    unknown.stderr + unknown.stdout,
    /unable to find user ghost: no matching entries in passwd file/,
  );
  const bounding = async (...options: string[]) =>
    BigInt(
      `0x${/CapBnd:\s*(\w+)/.exec((await exec(...options, 'box', 'cat', '/proc/self/status')).stdout)![1]!}`,
    );
  assert.ok((await bounding('--privileged')) > (await bounding()));
  assert.equal((await exec('-u', 'user', 'box', 'sh', '-c', 'echo $HOME')).stdout, '/home\n');
});

test('a soft limit of open files below the hard one, also with a terminal and many at once', async () => {
  const limited = ['--network', 'none', '--privileged', '--ulimit', 'nofile=100:200', 'busybox'];
  await daemon.ok('run', '-d', '--name', 'limited', ...limited, 'sleep', '3600');
  const shown = ['sh', '-c', 'ulimit -n; ulimit -Hn'];
  const ask = async (words: readonly string[]) => (await daemon.ok(...words)).split(/\s+/).join(' ');
  const asked = Array.from({ length: 6 }, () => [
    ['exec', 'limited', ...shown],
    ['exec', 'limited', ...shown],
    // Another user's: without CAP_SYS_RESOURCE root may not set its limits.
    ['exec', '-u', '1000:1000', 'limited', ...shown],
    ['exec', '-t', 'limited', ...shown],
    ['run', '--rm', ...limited, ...shown],
  ]);
  for (const words of asked)
    assert.deepEqual(await Promise.all([...words, ...words].map(ask)), Array(10).fill('100 200'));
  // The keeper hands on what runc says and how it ends.
  assert.equal((await exec('limited', 'nope')).code, 127);
  assert.equal((await exec('limited', '/etc/passwd')).code, 126);
  assert.equal((await exec('limited', 'sh', '-c', 'kill -9 $$')).code, 137);
  await daemon.ok('rm', '-f', 'limited');
});

test('input, its end, and much of it', async () => {
  const { stdout } = await daemon.run('docker', ['exec', '-i', 'box', 'sh', '-c', 'cat; echo end'], {
    input: 'typed\n',
  });
  assert.equal(stdout, 'typed\nend\n');
  const bytes = randomBytes(2_000_000).toString('base64');
  const big = await daemon.run('docker', ['exec', '-i', 'box', 'cat'], { input: bytes });
  assert.equal(big.stdout, bytes);
  // Without -i the program has no input at all.
  assert.equal((await exec('box', 'cat')).stdout, '');
});

test('a terminal of its own', async (t) => {
  const terminal = openTerminal(t, daemon, 'exec', '-it', 'box', 'sh');
  await terminal.shows('# ');
  terminal.type('stty size; echo $TERM\r');
  await terminal.shows(/24 80\s+xterm/);
  terminal.enlarge();
  await sleep(500);
  terminal.type('stty size\r');
  await terminal.shows('50 132');
  terminal.type('exit 9\r');
  assert.equal(await terminal.ended(), 9);
});

test('detached by keys the program continues, and its output with it', async (t) => {
  const terminal = openTerminal(
    t,
    daemon,
    'exec',
    '-it',
    'box',
    'sh',
    '-c',
    'yes | head -c 3000000; sleep 1; touch /tmp/done',
  );
  await terminal.shows('y');
  terminal.type('\x10\x11');
  // The command line itself sees the keys and calls that an error.
  await terminal.shows('read escape sequence');
  assert.equal(await terminal.ended(), 1);
  for (let tries = 0; (await exec('box', 'test', '-e', '/tmp/done')).code !== 0; tries++) {
    assert.ok(tries < 50, 'the program stopped with its client');
    await sleep(200);
  }
});

test('in the background; inspect tells how it goes and went', async () => {
  await daemon.ok('exec', '-d', 'box', 'sh', '-c', 'sleep 1; touch /tmp/background');
  const created = await daemon.api('POST', '/v1.41/containers/box/exec', {
    Cmd: ['sh', '-c', 'sleep 1; exit 4'],
    AttachStdout: true,
  });
  assert.equal(created.status, 201);
  const { Id } = JSON.parse(created.text) as { Id: string };
  const inspect = async () => JSON.parse((await daemon.api('GET', `/v1.41/exec/${Id}/json`)).text);
  assert.deepEqual(await inspect().then(({ Running, ExitCode, Pid }) => ({ Running, ExitCode, Pid })), {
    Running: false,
    ExitCode: null,
    Pid: 0,
  });
  assert.equal((await daemon.api('POST', `/v1.41/exec/${Id}/start`, { Detach: true })).status, 200);
  const running = await inspect();
  assert.equal(running.Running, true);
  assert.ok(running.Pid > 0);
  assert.deepEqual(running.ProcessConfig, {
    tty: false,
    entrypoint: 'sh',
    arguments: ['-c', 'sleep 1; exit 4'],
    privileged: false,
  });
  const listed = JSON.parse(await daemon.ok('inspect', '-f', '{{json .ExecIDs}}', 'box')) as string[];
  assert.ok(listed.includes(Id));
  const again = await daemon.api('POST', `/v1.41/exec/${Id}/start`, { Detach: true });
  assert.equal(again.status, 409);
  await sleep(2000);
  assert.deepEqual([(await inspect()).Running, (await inspect()).ExitCode], [false, 4]);
  assert.equal((await exec('box', 'test', '-e', '/tmp/background')).code, 0);
});

test('refusals', async () => {
  const post = (path: string, body: object) => daemon.api('POST', `/v1.41${path}`, body);
  const empty = await post('/containers/box/exec', { Cmd: [] });
  assert.deepEqual([empty.status, JSON.parse(empty.text)], [400, { message: 'No exec command specified' }]);
  assert.equal((await daemon.api('GET', '/v1.41/exec/nope/json')).status, 404);
  assert.equal((await post('/exec/nope/start', {})).status, 404);
  await daemon.ok('create', '--name', 'created', 'busybox');
  assert.match((await exec('created', 'true')).stderr, /container [0-9a-f]{64} is not running/);
  await daemon.ok('pause', 'box');
  assert.match(
    (await exec('box', 'true')).stderr,
    /Container box is paused, unpause the container before exec/,
  );
  await daemon.ok('unpause', 'box');
  await daemon.ok('rm', 'created');
});

test('events tell of each step', async () => {
  const since = String(Date.now() / 1000);
  await daemon.docker('exec', 'box', 'sh', '-c', 'exit 6');
  await sleep(50);
  const text = await daemon.ok(
    ...[
      'events',
      '--since',
      since,
      '--until',
      String(Date.now() / 1000),
      '--format',
      '{{.Action}} {{.Actor.Attributes.exitCode}}',
    ],
  );
  assert.deepEqual(
    text.split('\n').map((line) => line.replace(' <no value>', '').trim()),
    ['exec_create: sh -c exit 6', 'exec_start: sh -c exit 6', 'exec_die 6'],
  );
});

test('many at once', async () => {
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, number) => exec('box', 'echo', String(number))),
  );
  assert.deepEqual(
    results.map(({ stdout }) => stdout.trim()),
    Array.from({ length: 20 }, (_, number) => String(number)),
  );
});
