/** Attack: an image whose files and configuration are made to mislead who runs it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startDaemon } from '../daemon.js';
import { busyboxImage, dockerArchive, type LayerFiles, loadImages } from '../images.js';

const daemon = await startDaemon({ after });
const busybox = busyboxImage();
await loadImages(daemon, busybox);

/** A secret of the host that no container may show. */
const secretDirectory = join(daemon.scratch, 'host');
mkdirSync(secretDirectory);
writeFileSync(join(secretDirectory, 'secret'), 'hunter2');

let count = 0;
/** Loads busybox with these files on top and this configuration; resolves with its name. */
async function image(files: LayerFiles, config: Record<string, unknown> = {}): Promise<string> {
  const name = `attack${count++}:1`;
  const archive = await dockerArchive({
    tags: [name],
    config: { ...busybox.config, ...config },
    layers: [...busybox.layers, files],
  });
  const { code, stderr } = await daemon.run('docker', ['load'], { input: archive });
  assert.equal(code, 0, stderr);
  return name;
}

const highWaterMib = (): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))![1]) / 1024;

const userFiles: Record<string, LayerFiles> = {
  'a link to a file of the host': {
    'etc/passwd': { type: 'symlink', linkname: '/etc/shadow' },
    'etc/group': { type: 'symlink', linkname: '../../../../../etc/gshadow' },
  },
  'a link to itself': { 'etc/passwd': { type: 'symlink', linkname: 'passwd' } },
  'no text': { 'etc/passwd': Buffer.from([0, 255, 10, 58, 58, 58, 10, 58]) },
  'numbers out of range': { 'etc/passwd': 'daemon:x:99999999999:-1::/:\nu:x:4294967296:0::/:/bin/sh\n' },
};
for (const [what, files] of Object.entries(userFiles))
  test(`/etc/passwd is ${what}: no name comes from it, numbers work`, async () => {
    const name = await image(files);
    for (const user of ['daemon', 'u', 'nobody:shadow']) {
      const { code, stderr } = await daemon.docker('run', '--rm', '-u', user, name, 'true');
      assert.equal(code, 125);
      assert.match(stderr, /no matching entries in passwd file|uids and gids must be in range/, user);
    }
    assert.equal(await daemon.ok('run', '--rm', '-u', '1000', name, 'id', '-u'), '1000');
  });

for (const [what, files] of Object.entries({
  'a FIFO': { 'etc/passwd': { type: 'fifo' } },
  'groups in a FIFO': { 'etc/group': { type: 'fifo' } },
  'a device': { 'etc/passwd': { type: 'character-device', devmajor: 1, devminor: 5 } },
  'a directory': { 'etc/passwd/': '' },
}) as [string, LayerFiles][])
  test(`/etc/passwd is ${what}: an error at once, nothing waits`, async () => {
    const name = await image({ 'etc/.wh.passwd': '', 'etc/.wh.group': '' });
    const evil = await dockerArchive({
      tags: [`${name}x`],
      config: busybox.config ?? {},
      layers: [...busybox.layers, { 'etc/.wh.passwd': '', 'etc/.wh.group': '' }, files],
    });
    assert.equal((await daemon.run('docker', ['load'], { input: evil })).code, 0);
    for (const user of ['0', 'root', '1000:1000']) {
      const { code, stderr } = await daemon.docker('run', '--rm', '-u', user, `${name}x`, 'true');
      assert.equal(code, 125, user);
      assert.match(stderr, /\/etc\/(passwd|group) of the container is not a regular file/, user);
    }
  });

test('a container that makes its /etc/passwd a FIFO: exec is an error at once', async () => {
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'changing',
    'busybox',
    'sh',
    '-c',
    'rm -f /etc/passwd; mkfifo /etc/passwd; sleep 1000',
  );
  for (const end = Date.now() + 10_000; ; ) {
    const { code, stdout, stderr } = await daemon.docker('exec', 'changing', 'true');
    if (/not a regular file/.test(stdout + stderr)) {
      assert.notEqual(code, 0);
      break;
    }
    assert.ok(Date.now() < end, stderr);
  }
  await daemon.ok('rm', '-f', 'changing');
});

test('/etc/passwd of 64 MiB, in one line: an error, and the engine does not grow', async () => {
  const name = await image({});
  await daemon.ok('create', '--name', 'large', '-u', 'root', name, 'true');
  // Sparse: what it costs is the reader's matter alone.
  const script = 'truncate -s 64M /etc/passwd';
  await daemon.ok('run', '--name', 'maker', name, 'sh', '-c', script);
  await daemon.ok('commit', 'maker', 'heavy');
  const before = highWaterMib();
  const { code, stderr } = await daemon.docker('run', '--rm', '-u', 'root', 'heavy', 'true');
  assert.equal(code, 125);
  assert.match(stderr, /\/etc\/passwd of the container is larger than 8 MiB/);
  assert.ok(highWaterMib() - before < 64, `${before} to ${highWaterMib()} MiB`);
  await daemon.ok('rm', 'large', 'maker');
});

test('volumes of an image that climb stay inside; those that make no sense are refused', async () => {
  const outside = join(daemon.scratch, 'escaped');
  const climbing = await image({}, { Volumes: { [`/../../../../..${outside}`]: {} } });
  assert.equal(
    await daemon.ok('run', '--rm', climbing, 'sh', '-c', `test -d ${outside} && echo inside`),
    'inside',
  );
  assert.ok(!existsSync(outside));
  for (const [path, expected] of [
    ['/', /destination can't be '\/'/],
    ['relative', /mount path must be absolute/],
    ['/proc', /error mounting|cannot be mounted/],
    ['/proc/../proc/self', /error mounting|cannot be mounted/],
  ] as const) {
    const { code, stderr } = await daemon.docker(
      'run',
      '--rm',
      await image({}, { Volumes: { [path]: {} } }),
      'true',
    );
    assert.equal(code, 125, path);
    assert.match(stderr, expected, path);
  }
  assert.equal(
    await daemon.ok('volume', 'ls', '-q', '-f', 'dangling=true'),
    '',
    'refused containers leave no volume',
  );
});

test('working directories: links and parents lead nowhere outside', async () => {
  for (const directory of [
    '/../../../../../../..',
    `/../../..${secretDirectory}`,
    '/link',
    '/proc/1/root',
    '/proc/1/cwd',
  ]) {
    const name = await image(
      { link: { type: 'symlink', linkname: `../../../../../..${secretDirectory}` } },
      { WorkingDir: directory },
    );
    const script = `cat secret; cat ../../../../../../../..${join(secretDirectory, 'secret')}; ls`;
    const { stdout } = await daemon.docker('run', '--rm', name, 'sh', '-c', script);
    assert.doesNotMatch(stdout, /hunter2/, directory);
  }
  const { code, stderr } = await daemon.docker(
    'run',
    '--rm',
    await image({}, { WorkingDir: '../..' }),
    'true',
  );
  assert.equal(code, 125);
  assert.match(stderr, /needs to be an absolute path/);
});

test('settings that the engine acts on are checked, also those of an image', async () => {
  for (const [config, expected] of [
    [{ StopSignal: 'SIG\nKILL' }, /[Ii]nvalid signal/],
    [
      { Healthcheck: { Test: ['CMD', 'true'], Interval: -5 } },
      /Interval in Healthcheck cannot be less than 1ms/,
    ],
    [{ Healthcheck: { Test: ['CMD', 'true'], Retries: -1 } }, /Retries in Healthcheck cannot be negative/],
    [{ User: 'root\n1.2.3.4' }, /invalid User/],
    [{ Entrypoint: ['/bin/sh\u0000x'] }, /invalid Entrypoint/],
  ] as const) {
    const { code, stderr } = await daemon.docker('run', '--rm', await image({}, config), 'true');
    assert.equal(code, 125, JSON.stringify(config));
    assert.match(stderr, expected);
  }
});

test('escapes and newlines in what an image says do not become lines of the log', async () => {
  const name = await image(
    {},
    {
      Labels: { 'a\nb': '\u001b[2J{"level":60,"msg":"forged"}\n{"level":60,"msg":"forged"}' },
      Env: ['PATH=/bin', 'A=1\n{"level":60,"msg":"forged"}'],
    },
  );
  await daemon.ok('run', '--rm', name, 'true');
  await daemon.docker('run', '--rm', name, '\n{"level":60,"msg":"forged"}');
  for (const line of daemon.log().trim().split('\n')) {
    assert.ok(!line.startsWith('{"level":60,"msg":"forged"}'));
    assert.doesNotThrow(() => JSON.parse(line), line);
  }
});
