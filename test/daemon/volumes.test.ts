/** Volumes and mounts in running containers: population, sharing, propagation, crashes, clean-up. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountsBelow, startDaemon } from './daemon.js';
import { busyboxImage, busyboxLayer, loadImages } from './images.js';

const withData = {
  tags: ['data:1'],
  config: { Cmd: ['sh'], Volumes: { '/data': {} } },
  layers: [
    busyboxLayer(),
    {
      'data/': { mode: 0o750, uid: 1000, gid: 2000 },
      'data/file': { content: 'from image', mode: 0o640, uid: 1000, gid: 2000 },
      'data/link': { type: 'symlink' as const, linkname: '/etc/passwd' },
      'data/deep/': '',
      'data/deep/leaf': 'leaf',
    },
  ],
};

test('volumes', { timeout: 240_000 }, async (t) => {
  const daemon = await startDaemon(t);
  const { ok, docker } = daemon;
  await loadImages(daemon, busyboxImage(), withData);
  const pathOf = (volume: string) => ok('volume', 'inspect', '--format', '{{.Mountpoint}}', volume);

  await t.test('an empty volume gets the content of the image, a full one keeps its own', async () => {
    assert.equal(await ok('run', '--rm', '-v', 'one:/data', 'data:1', 'cat', '/data/file'), 'from image');
    const path = await pathOf('one');
    assert.deepEqual(readdirSync(path).sort(), ['deep', 'file', 'link']);
    const { mode, uid, gid } = statSync(path);
    assert.deepEqual([mode & 0o7777, uid, gid], [0o750, 1000, 2000]);
    writeFileSync(join(path, 'file'), 'changed');
    assert.equal(await ok('run', '--rm', '-v', 'one:/data', 'data:1', 'cat', '/data/file'), 'changed');
    assert.equal(await ok('run', '--rm', '-v', 'bare:/data:nocopy', 'data:1', 'ls', '-A', '/data'), '');
    const noCopy = 'type=volume,src=bare,dst=/data,volume-nocopy';
    assert.equal(await ok('run', '--rm', '--mount', noCopy, 'data:1', 'ls', '-A', '/data'), '');
    await ok('volume', 'rm', 'one', 'bare');
  });

  await t.test('anonymous volumes: kept by stop and start, taken by rm -v and --rm', async () => {
    await ok('run', '--name', 'keeper', 'data:1', 'sh', '-c', 'echo more >> /data/file');
    await ok('start', '-a', 'keeper');
    const name = await ok('inspect', '--format', '{{(index .Mounts 0).Name}}', 'keeper');
    assert.match(name, /^[0-9a-f]{64}$/);
    assert.equal(readFileSync(join(await pathOf(name), 'file'), 'utf8'), 'from imagemore\nmore\n');
    assert.equal(
      await ok('run', '--rm', '--volumes-from', 'keeper', 'busybox', 'ls', '/data'),
      'deep\nfile\nlink',
    );
    await ok('rm', 'keeper');
    assert.equal(await ok('volume', 'ls', '-q'), name);
    await ok('volume', 'prune', '-f');
    await ok('run', '--name', 'taker', 'data:1', 'true');
    await ok('rm', '-v', 'taker');
    await ok('run', '--rm', 'data:1', 'true');
    assert.equal(await ok('volume', 'ls', '-q'), '');
  });

  await t.test('a create that fails leaves no anonymous volume', async () => {
    const { code } = await docker(
      'create',
      '-v',
      '/fresh',
      '--mount',
      'type=bind,src=/nowhere,dst=/x',
      'data:1',
    );
    assert.notEqual(code, 0);
    assert.equal(await ok('volume', 'ls', '-q'), '');
  });

  await t.test('mounts lie over each other by depth; tmpfs; files; read-only below read-write', async () => {
    const host = join(daemon.scratch, 'tree');
    mkdirSync(join(host, 'a/b'), { recursive: true });
    writeFileSync(join(host, 'single'), 'one file');
    const mounts = [
      ...['-v', 'inner:/srv/a/b', '-v', `${host}:/srv`, '--tmpfs', '/srv/a:size=1m'],
      ...['-v', `${host}/single:/srv/single:ro`, '--mount', 'type=tmpfs,dst=/srv/a/b/c'],
    ];
    const command = 'cut -d" " -f5 /proc/self/mountinfo | grep ^/srv; cat /srv/single; touch /srv/single';
    const { stdout, stderr } = await docker('run', '--rm', ...mounts, 'busybox', 'sh', '-c', command);
    assert.deepEqual(stdout.split('\n').sort(), [
      '/srv',
      '/srv/a',
      '/srv/a/b',
      '/srv/a/b/c',
      '/srv/single',
      'one file',
    ]);
    assert.match(stderr, /Read-only file system/);
    await ok('volume', 'rm', 'inner');
  });

  await t.test('propagation: rslave sees mounts made later, private does not', async (sub) => {
    const host = join(daemon.scratch, 'shared');
    mkdirSync(join(host, 'later'), { recursive: true });
    execFileSync('mount', ['--bind', host, host]);
    sub.after(() => execFileSync('umount', ['-R', host]));
    execFileSync('mount', ['--make-shared', host]);
    for (const mode of ['rslave', 'private'])
      await ok('run', '-d', '--init', '--name', mode, '-v', `${host}:/h:${mode}`, 'busybox', 'sleep', '600');
    execFileSync('mount', ['-t', 'tmpfs', 'x', join(host, 'later')]);
    writeFileSync(join(host, 'later/seen'), '');
    assert.equal(await ok('exec', 'rslave', 'ls', '/h/later'), 'seen');
    assert.equal(await ok('exec', 'private', 'ls', '/h/later'), '');
    await ok('rm', '-f', 'rslave', 'private');
    const { stderr } = await docker('run', '--rm', '-v', '/proc:/h:shared', 'busybox', 'true');
    assert.match(stderr, /path \/proc is mounted on \/proc but it is not a shared mount/);
  });

  await t.test('subpaths stay inside the volume whatever links say', async () => {
    const path = await pathOf(await ok('volume', 'create', 'tree'));
    mkdirSync(join(path, 'etc'));
    writeFileSync(join(path, 'etc/hostname'), 'of the volume');
    symlinkSync('/etc', join(path, 'escape'));
    symlinkSync('../../../../etc', join(path, 'up'));
    for (const sub of ['etc', 'escape', 'up'])
      assert.equal(
        await ok(
          'run',
          '--rm',
          '--mount',
          `type=volume,src=tree,dst=/s,volume-subpath=${sub}`,
          'busybox',
          'cat',
          '/s/hostname',
        ),
        'of the volume',
      );
    const file = 'type=volume,src=tree,dst=/s,volume-subpath=etc/hostname';
    assert.equal(await ok('run', '--rm', '--mount', file, 'busybox', 'cat', '/s'), 'of the volume');
    const none = await docker(
      'run',
      '--rm',
      '--mount',
      'type=volume,src=tree,dst=/s,volume-subpath=no',
      'busybox',
      'true',
    );
    assert.match(none.stderr, /cannot access path .*: no such file or directory/);
    await ok('volume', 'rm', 'tree');
  });

  await t.test('mounted volumes outlive a killed daemon and go with their last container', async () => {
    await ok('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m', 'memory');
    const path = await pathOf('memory');
    for (const name of ['aa', 'bb'])
      await ok('run', '-d', '--init', '--name', name, '-v', 'memory:/m', 'busybox', 'sleep', '600');
    await ok('exec', 'aa', 'sh', '-c', 'echo shared > /m/file');
    await daemon.kill9();
    await daemon.restart();
    assert.equal(await ok('exec', 'bb', 'cat', '/m/file'), 'shared');
    assert.match(
      (await docker('volume', 'rm', 'memory')).stderr,
      /volume is in use - \[[0-9a-f]{64}, [0-9a-f]{64}\]/,
    );
    await ok('rm', '-f', 'aa');
    assert.ok(mountsBelow(daemon.dataRoot).includes(path));
    await ok('rm', '-f', 'bb');
    assert.ok(!mountsBelow(daemon.dataRoot).includes(path));
    await ok('volume', 'rm', 'memory');
    assert.ok(!existsSync(path));
  });

  await t.test('system df counts volumes; events tell what happened', async () => {
    const since = String(Math.floor(Date.now() / 1000));
    await ok('volume', 'create', 'sized');
    await ok(
      'run',
      '--rm',
      '-v',
      'sized:/v',
      'busybox',
      'dd',
      'if=/dev/zero',
      'of=/v/f',
      'bs=1000',
      'count=5',
    );
    const table = await ok(
      'system',
      'df',
      '-v',
      '--format',
      '{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}};{{end}}',
    );
    assert.match(table, /sized 0 5kB;/);
    await ok('volume', 'rm', 'sized');
    const until = String(Math.floor(Date.now() / 1000) + 1);
    const events = await ok(
      'events',
      '--since',
      since,
      '--until',
      until,
      '--filter',
      'volume=sized',
      '--format',
      '{{.Action}}',
    );
    assert.equal(events, 'create\nmount\nunmount\ndestroy');
  });

  await t.test('requests that are refused', async () => {
    const swarm = await daemon.api('PUT', '/v1.44/volumes/one?version=1', { Spec: {} });
    assert.equal(swarm.status, 503);
    assert.match(swarm.text, /volume update only valid for cluster volumes, but swarm is unavailable/);
    const cluster = await daemon.api('POST', '/v1.44/volumes/create', { Name: 'one', ClusterVolumeSpec: {} });
    assert.equal(cluster.status, 503);
    const [filter, field] = [
      await daemon.api('GET', `/volumes?filters=${encodeURIComponent('{"colour":["red"]}')}`),
      await daemon.api('POST', '/volumes/create', { Name: 5 }),
    ];
    assert.deepEqual([filter.status, JSON.parse(filter.text)], [400, { message: "invalid filter 'colour'" }]);
    assert.equal(field.status, 400);
    assert.deepEqual(JSON.parse((await daemon.api('GET', '/volumes')).text), { Volumes: [], Warnings: null });
  });

  for (const point of ['volume:after-rename', 'volume:removed', 'create:after-volumes'])
    await t.test(`killed at ${point}: nothing half made, nothing lost`, async () => {
      await ok('volume', 'create', 'precious');
      writeFileSync(join(await pathOf('precious'), 'file'), 'kept');
      await daemon.kill9();
      await daemon.restart({ NOOS_CRASH_AT: point });
      await docker(
        ...(point === 'volume:removed'
          ? ['volume', 'rm', 'precious']
          : ['create', '-v', 'fresh:/x', 'busybox']),
      );
      await daemon.ended();
      await daemon.restart();
      const volumes = (await ok('volume', 'ls', '-q')).split('\n').filter(Boolean);
      const made = {
        'volume:after-rename': ['fresh', 'precious'],
        'volume:removed': [],
        'create:after-volumes': ['fresh', 'precious'],
      };
      assert.deepEqual(volumes.sort(), made[point as keyof typeof made]);
      if (volumes.includes('precious'))
        assert.equal(readFileSync(join(await pathOf('precious'), 'file'), 'utf8'), 'kept');
      assert.equal(await ok('ps', '-aq'), '');
      assert.deepEqual(readdirSync(join(daemon.dataRoot, 'tmp')), []);
      await ok('volume', 'prune', '-af');
    });

  for (const point of ['remove:marked', 'volume:removed', 'remove:before-record'])
    await t.test(`rm -v killed at ${point}: the volumes without a name go with the next start`, async () => {
      await ok('create', '--name', 'gone', '-v', '/x', '-v', '/y', '-v', 'named:/z', 'busybox');
      await ok('create', '--name', 'kept', '-v', '/x', 'busybox');
      await daemon.restart({ NOOS_CRASH_AT: point });
      await docker('rm', '-v', 'gone');
      await daemon.ended();
      await daemon.restart();
      assert.equal(await ok('ps', '-a', '--format', '{{.Names}}'), 'kept');
      const volumes = (await ok('volume', 'ls', '-q')).split('\n');
      assert.equal(volumes.length, 2);
      assert.ok(volumes.includes('named'));
      await ok('rm', '-v', 'kept');
      assert.equal(await ok('volume', 'ls', '-q'), 'named');
      await ok('volume', 'rm', 'named');
    });

  for (const point of ['volume:after-rename', 'create:after-volumes', 'create:after-root'])
    await t.test(`killed at ${point}: no volume without a name is left behind`, async () => {
      // Kept by `docker rm`: not taken for one that was left behind.
      await ok('create', '--name', 'gone', '-v', '/kept', 'busybox');
      await ok('rm', 'gone');
      await ok('create', '--name', 'stays', '-v', '/x', 'busybox');
      const before = (await ok('volume', 'ls', '-q')).split('\n').sort();
      assert.equal(before.length, 2);
      await daemon.restart({ NOOS_CRASH_AT: point });
      await docker('create', '--name', 'half', '-v', '/x', '-v', '/y', 'busybox');
      await daemon.ended();
      await daemon.restart();
      assert.deepEqual((await ok('volume', 'ls', '-q')).split('\n').sort(), before);
      assert.equal(await ok('ps', '-a', '--format', '{{.Names}}'), 'stays');
      await ok('rm', '-v', 'stays');
      await ok('volume', 'prune', '-f');
      assert.equal(await ok('volume', 'ls', '-q'), '');
    });
});
