import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './daemon.js';
import { eventually } from './eventually.js';
import { busyboxImage, type LayerFiles, loadImages, tarOf } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
const { scratch } = daemon;
const none = ['--network', 'none'];
await daemon.ok('run', '-d', '--name', 'live', ...none, '-v', 'data:/data', 'busybox', 'sleep', '3600');
await daemon.ok(
  'create',
  '--name',
  'still',
  ...none,
  '-v',
  'cold:/data',
  'busybox',
  'sh',
  '-c',
  'cat /data/in /etc/in',
);
const sh = (script: string) => daemon.ok('exec', 'live', 'sh', '-c', script);
const file = (name: string, content: string) => {
  writeFileSync(join(scratch, name), content);
  return join(scratch, name);
};

test('a file in and out of a running container', async () => {
  const into = await daemon.docker('cp', file('a', 'content'), 'live:/tmp/b');
  assert.equal(into.code, 0, into.stderr);
  assert.equal(await sh('cat /tmp/b'), 'content');
  await daemon.ok('cp', 'live:/tmp/b', join(scratch, 'c'));
  assert.equal(readFileSync(join(scratch, 'c'), 'utf8'), 'content');
  assert.equal(await daemon.ok('cp', 'live:/etc/passwd', '-').then((tar) => tar.slice(0, 6)), 'passwd');
});

test('trees, with modes, links, times, owners', async () => {
  await sh(
    'mkdir -p /tmp/tree/sub && cd /tmp/tree && echo x > sub/f && chmod 4751 sub/f && ln -s sub/f link && ln sub/f hard && chown 12:34 sub && touch -t 202001020304 sub/f',
  );
  await daemon.ok('cp', '-a', 'live:/tmp/tree', join(scratch, 'tree'));
  const copied = lstatSync(join(scratch, 'tree/sub/f'));
  assert.equal(copied.mode & 0o7777, 0o4751);
  assert.equal(readlinkSync(join(scratch, 'tree/link')), 'sub/f');
  assert.equal(copied.mtime.getUTCFullYear(), 2020);
  assert.equal(copied.ino, lstatSync(join(scratch, 'tree/hard')).ino);
  await daemon.ok('cp', join(scratch, 'tree/.'), 'live:/tmp/back');
  assert.equal(await sh('cd /tmp/back && cat link && stat -c %a sub/f'), 'x\n4751');
});

test('what does not exist, in either direction', async () => {
  const out = await daemon.docker('cp', 'live:/nope', scratch);
  assert.equal(out.code, 1);
  assert.match(out.stderr, /Could not find the file \/nope in container live/);
  const into = await daemon.docker('cp', file('a', 'x'), 'live:/no/where/');
  assert.equal(into.code, 1);
  assert.match(into.stderr, /Could not find the file \/no\/where\/? in container live|no such directory/);
  assert.match((await daemon.docker('cp', 'ghost:/x', scratch)).stderr, /No such container: ghost/);
});

test('a file is no directory, and a mounted file is not replaced', async () => {
  const slash = await daemon.docker('cp', 'live:/etc/passwd/', scratch);
  assert.equal(slash.code, 1);
  assert.match(slash.stderr, /lstat \/etc\/passwd\/: not a directory/);
  const hosts = await sh('cat /etc/hosts');
  const busy = await daemon.docker('cp', file('hosts', 'mine\n'), 'live:/etc/hosts');
  assert.equal(busy.code, 1);
  assert.match(busy.stderr, /unlinkat \/etc\/hosts: device or resource busy/);
  assert.equal(await sh('cat /etc/hosts'), hosts);
  const bind = file('bound-file', 'bound\n');
  await daemon.ok('create', '--name', 'binder', ...none, '-v', `${bind}:/etc/bound`, 'busybox', 'true');
  assert.match(
    (await daemon.docker('cp', file('other', 'other\n'), 'binder:/etc/bound')).stderr,
    /unlinkat \/etc\/bound: device or resource busy/,
  );
  assert.equal(readFileSync(bind, 'utf8'), 'bound\n');
  await daemon.ok('rm', 'binder');
});

test('a container that never ran: its root and its volumes', async () => {
  await daemon.ok('cp', file('in', 'volume\n'), 'still:/data/in');
  await daemon.ok('cp', file('in', 'root\n'), 'still:/etc/in');
  assert.equal(await daemon.ok('start', '-a', 'still'), 'volume\nroot');
  await daemon.ok('cp', 'still:/data/in', join(scratch, 'out'));
  assert.equal(readFileSync(join(scratch, 'out'), 'utf8'), 'volume\n');
  assert.equal(await daemon.ok('run', '--rm', ...none, '-v', 'cold:/v', 'busybox', 'cat', '/v/in'), 'volume');
});

test('volumes, bind mounts and tmpfs as the container sees them', async () => {
  mkdirSync(join(scratch, 'bound'));
  await daemon.ok(
    ...[
      'run',
      '-d',
      '--name',
      'mounts',
      ...none,
      '-v',
      `${scratch}/bound:/bound`,
      '--tmpfs',
      '/mem',
      '-v',
      'data:/ro:ro',
    ],
    ...['--read-only', 'busybox', 'sleep', '3600'],
  );
  await daemon.ok('cp', file('f', 'bound'), 'mounts:/bound/f');
  assert.equal(readFileSync(join(scratch, 'bound/f'), 'utf8'), 'bound');
  await daemon.ok('exec', 'mounts', 'sh', '-c', 'echo mem > /mem/f');
  await daemon.ok('cp', 'mounts:/mem/f', join(scratch, 'mem'));
  assert.equal(readFileSync(join(scratch, 'mem'), 'utf8'), 'mem\n');
  assert.match(
    (await daemon.docker('cp', file('f', 'x'), 'mounts:/ro/f')).stderr,
    /mounted volume is marked read-only/,
  );
  assert.match(
    (await daemon.docker('cp', file('f', 'x'), 'mounts:/etc/f')).stderr,
    /container rootfs is marked read-only/,
  );
  await daemon.ok('rm', '-f', 'mounts');
});

test('links stay inside, whatever they say', async () => {
  await sh('ln -s / /tmp/root; ln -s ../../../../../../etc /tmp/up; ln -s /etc/hostname /tmp/name');
  await daemon.ok('cp', 'live:/tmp/root/etc/passwd', join(scratch, 'inside'));
  assert.match(readFileSync(join(scratch, 'inside'), 'utf8'), /nobody:x:65534:65534:nobody:\/home/);
  await daemon.ok('cp', file('mark', 'x'), 'live:/tmp/up/mark');
  assert.ok(!existsSync('/etc/mark'));
  assert.equal(await sh('cat /etc/mark'), 'x');
  await daemon.ok('cp', '-L', 'live:/tmp/name', join(scratch, 'name'));
  assert.equal(readFileSync(join(scratch, 'name'), 'utf8').trim(), await sh('hostname'));
});

test('a container that swaps a directory for a link all the time gets nothing of the host', async () => {
  mkdirSync(join(scratch, 'secret'));
  writeFileSync(join(scratch, 'secret/key'), 'of the host');
  await daemon.ok(
    ...['run', '-d', '--name', 'racer', ...none, 'busybox', 'sh', '-c'],
    `mkdir -p /a/real${scratch}/secret /a/x; while true; do rm -rf /a/x; ln -s ${scratch}/secret /a/x; rm -f /a/x; mkdir /a/x; echo mine > /a/x/key; done`,
  );
  for (let round = 0; round < 40; round++) {
    const { stdout } = await daemon.docker('cp', 'racer:/a/x/key', '-');
    assert.doesNotMatch(stdout, /of the host/);
    await daemon.docker('cp', file('planted', 'x'), 'racer:/a/x/planted');
    assert.ok(!existsSync(join(scratch, 'secret/planted')));
  }
  await daemon.ok('rm', '-f', 'racer');
});

test('directories and files do not replace each other', async () => {
  await sh('mkdir -p /tmp/kind && echo f > /tmp/plain');
  mkdirSync(join(scratch, 'plain'), { recursive: true });
  const onto = await daemon.docker('cp', join(scratch, 'plain'), 'live:/tmp/plain');
  assert.equal(onto.code, 1);
  assert.match(onto.stderr, /cannot copy directory|cannot overwrite non-directory/);
  const archive = await tarOf({ kind: 'a file' });
  const put = (query: string) =>
    daemon.api('PUT', `/v1.41/containers/live/archive?path=/tmp${query}`, archive, {
      'Content-Type': 'application/x-tar',
    });
  const refused = await put('&noOverwriteDirNonDir=1');
  assert.equal(refused.status, 500);
  assert.match(refused.text, /cannot overwrite directory/);
  assert.equal((await put('')).status, 200);
  assert.equal(await sh('cat /tmp/kind'), 'a file');
});

test('owners: as in the archive, or the user of the container', async () => {
  await daemon.ok('run', '-d', '--name', 'owned', ...none, '-u', 'user', 'busybox', 'sleep', '3600');
  const archive = await tarOf({ theirs: { content: 'x', uid: 5, gid: 6 } });
  const put = (query: string) =>
    daemon.api('PUT', `/v1.41/containers/owned/archive?path=/home${query}`, archive, {
      'Content-Type': 'application/x-tar',
    });
  await put('');
  assert.equal(await daemon.ok('exec', 'owned', 'stat', '-c', '%u:%g', '/home/theirs'), '5:6');
  await put('&copyUIDGID=1');
  assert.equal(await daemon.ok('exec', 'owned', 'stat', '-c', '%u:%g', '/home/theirs'), '1000:1000');
  await daemon.ok('rm', '-f', 'owned');
  // Without a user of the container's own, `cp -a` keeps what the archive says.
  await daemon.ok('run', '-d', '--name', 'plain', ...none, 'busybox', 'sleep', '3600');
  const file = join(scratch, 'whose');
  writeFileSync(file, 'x');
  chownSync(file, 1234, 2345);
  await daemon.ok('cp', '-a', file, 'plain:/tmp/whose');
  assert.equal(await daemon.ok('exec', 'plain', 'stat', '-c', '%u:%g', '/tmp/whose'), '1234:2345');
  await daemon.ok('rm', '-f', 'plain');
});

for (const state of ['running', 'stopped'])
  test(`links of a destination and of the archive itself lead where they lead in the container, ${state}`, async () => {
    await daemon.ok('volume', 'create', 'shut');
    const container = await daemon.ok(
      ...['run', '-d', ...none, '-v', '/box', '-v', 'shut:/shut:ro', 'busybox', 'sh', '-c'],
      'mkdir -p /srv/deep /data; ln -s /srv /data/abs; ln -s ../../../../srv/deep /data/climbs; sleep 3600',
    );
    await eventually('there', async () =>
      (await daemon.docker('exec', container, 'test', '-L', '/data/climbs')).code === 0 ? 'there' : '',
    );
    if (state === 'stopped') await daemon.ok('kill', container);
    const put = async (path: string, files: LayerFiles) => {
      const archive = await tarOf(files);
      const reply = await daemon.api('PUT', `/v1.44/containers/${container}/archive?path=${path}`, archive, {
        'Content-Type': 'application/x-tar',
      });
      return reply.status === 200 ? '' : reply.text;
    };
    const link = (linkname: string) => ({ type: 'symlink' as const, linkname });
    assert.equal(await put('/data', { 'abs/one': '1', 'climbs/two': '2' }), '');
    assert.equal(await put('/data', { own: link('/srv/deep'), 'own/three': '3' }), '');
    // From a volume to the root file system too, and out of the root nowhere.
    assert.equal(await put('/box', { out: link('/srv'), 'out/five': '5' }), '');
    assert.equal(await put('/box', { up: link('../../../../../../../srv'), 'up/six': '6' }), '');
    assert.match(await put('/data', { gate: link('/shut'), 'gate/seven': '7' }), /EROFS|read-only/);
    if (state === 'stopped') await daemon.ok('start', container);
    const read = (path: string) => daemon.ok('exec', container, 'cat', path);
    const found = ['/srv/one', '/srv/deep/two', '/srv/deep/three', '/srv/five', '/srv/six'];
    for (const [index, path] of found.entries())
      assert.equal(await read(path), `${[1, 2, 3, 5, 6][index]}`, path);
    assert.equal(await daemon.ok('exec', container, 'ls', '/shut'), '');
    await daemon.ok('rm', '-fv', container);
    await daemon.ok('volume', 'rm', 'shut');
  });

test('the status of a path', async () => {
  await sh('ln -sf /etc/passwd /tmp/toward; printf 12345 > /tmp/five');
  const stat = async (path: string) => {
    const { status, headers } = await daemon.api('HEAD', `/v1.41/containers/live/archive?path=${path}`);
    assert.equal(status, 200);
    return JSON.parse(Buffer.from(String(headers['x-docker-container-path-stat']), 'base64').toString());
  };
  const five = await stat('/tmp/five');
  assert.deepEqual([five.name, five.size, five.mode, five.linkTarget], ['five', 5, 0o644, '']);
  const link = await stat('/tmp/toward');
  assert.deepEqual([link.mode, link.linkTarget], [2 ** 27 + 0o777, '/etc/passwd']);
  assert.equal((await stat('/tmp')).mode, 2 ** 31 + 2 ** 20 + 0o777);
  assert.equal((await daemon.api('HEAD', '/v1.41/containers/live/archive?path=/nope')).status, 404);
  assert.equal((await daemon.api('GET', '/v1.41/containers/live/archive')).status, 400);
});

test('diff and export', async () => {
  await daemon.ok(
    'run',
    '--name',
    'changed',
    ...none,
    'busybox',
    'sh',
    '-c',
    'echo x > /etc/new; rm /etc/group; echo y >> /etc/passwd',
  );
  const changes = (await daemon.ok('diff', 'changed')).split('\n').sort();
  assert.deepEqual(changes, ['A /etc/new', 'C /etc', 'C /etc/passwd', 'D /etc/group']);
  const archive = join(scratch, 'export.tar');
  await daemon.ok('export', '-o', archive, 'changed');
  const { stdout } = spawnSync('tar', ['-tf', archive], { encoding: 'utf8' });
  assert.match(stdout, /^(\.\/)?etc\/new$/m);
  assert.doesNotMatch(stdout, /etc\/group/);
  const content = spawnSync('tar', ['-xOf', archive, 'etc/new'], { encoding: 'utf8' });
  assert.equal(content.stdout, 'x\n');
});

test('sizes', async () => {
  await daemon.ok(
    'run',
    '--name',
    'sized',
    ...none,
    'busybox',
    'sh',
    '-c',
    'head -c 100000 /dev/zero > /big',
  );
  await sleep(100);
  const inspected = JSON.parse(await daemon.ok('inspect', '-s', 'sized'))[0];
  assert.equal(inspected.SizeRw, 100_000);
  assert.ok(inspected.SizeRootFs > 1_000_000);
  assert.match(
    await daemon.ok('ps', '-as', '--filter', 'name=sized', '--format', '{{.Size}}'),
    /^100kB \(virtual /,
  );
});

test('nothing stays mounted', async () => {
  await daemon.ok('rm', '-f', 'live', 'still', 'changed', 'sized');
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  assert.ok(!mounts.includes(`${daemon.execRoot}/views`));
});
