// Images and layers on disk: what containers see of them, what is left after rmi, prune, a killed daemon, a full disk.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountsBelow, startDaemon, type TestDaemon } from './daemon.js';
import {
  busyboxImage,
  busyboxLayer,
  dockerArchive,
  loadImages,
  randomLayer,
  type TestImage,
} from './images.js';

const noNetwork = ['--network', 'none'] as const;
const below = (daemon: TestDaemon, path: string): string[] => readdirSync(join(daemon.dataRoot, path)).sort();

/** busybox and a layer that changes it. */
const layeredImage = (tag: string): TestImage => ({
  ...busyboxImage(tag),
  layers: [
    {
      ...busyboxLayer(),
      'opt/': '',
      'opt/old': 'old',
      'opt/dir/': '',
      'opt/dir/low': 'low',
      'srv/': '',
      'srv/low': 'low',
    },
    {
      'opt/.wh.old': '',
      'opt/dir/': '',
      'opt/dir/.wh..wh..opq': '',
      'opt/dir/high': 'high',
      'srv/low': { content: 'changed', mode: 0o4750, uid: 1000, gid: 2000 },
      'srv/hard': { type: 'link', linkname: 'srv/low', mode: 0o4750, uid: 1000, gid: 2000 },
      'srv/soft': { type: 'symlink', linkname: '../opt/dir' },
      'srv/fifo': { type: 'fifo', mode: 0o600 },
      'srv/null': { type: 'character-device', devmajor: 1, devminor: 3, mode: 0o666 },
    },
  ],
});

test('layers as a container sees them', async (t) => {
  const daemon = await startDaemon(t);
  assert.equal(await loadImages(daemon, layeredImage('layered:1')), 'Loaded image: layered:1');
  const run = (script: string): Promise<string> =>
    daemon.ok('run', '--rm', ...noNetwork, 'layered:1', 'sh', '-c', script);
  assert.equal(
    await run('ls /opt /opt/dir; cat /srv/low /srv/hard /srv/soft/high'),
    '/opt:\ndir\n\n/opt/dir:\nhigh\nchangedchangedhigh',
  );
  assert.equal(
    await run(
      "stat -c '%A %u %g %h %F' /srv/low /srv/soft /srv/fifo /srv/null /root /tmp; stat -c %Y /srv/low",
    ),
    [
      '-rwsr-x--- 1000 2000 2 regular file',
      'lrwxrwxrwx 0 0 1 symbolic link',
      'prw------- 0 0 1 fifo',
      'crw-rw-rw- 0 0 1 character special file',
      'drwx------ 0 0 2 directory',
      'drwxrwxrwt 0 0 2 directory',
      String(Date.parse('2026-01-02T03:04:05Z') / 1000),
    ].join('\n'),
  );
});

test('diff, commit, save, load: the same tree', async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  const script = [
    'echo more >> /etc/passwd',
    'rm -r /var/www && mkdir /var/www && echo new > /var/www/index.html',
    'rm -r /home && mkdir /home && touch /home/mine',
    'rm /etc/group',
    'mkdir /new && ln -s a /new/link && echo x > /new/a && ln /new/a /new/b',
    'chmod 700 /usr',
    'touch /tmp/x && rm /tmp/x',
  ].join(' && ');
  await daemon.ok('run', '--name', 'changed', ...noNetwork, 'busybox', 'sh', '-c', script);
  assert.equal(
    await daemon.ok('diff', 'changed'),
    'C /etc\nD /etc/group\nC /etc/passwd\nC /home\nA /home/mine\nA /new\nA /new/a\nA /new/b\nA /new/link\nC /usr\nC /var\nC /var/www\nA /var/www/index.html',
  );
  await daemon.ok('commit', 'changed', 'committed');
  const tree =
    'cd /; ls etc; find etc/passwd home new usr var ! -type l -exec stat -c "%n %A %u %g %s %Y" {} +; cat /etc/passwd /new/b';
  const see = (image: string): Promise<string> =>
    daemon.ok('run', '--rm', ...noNetwork, image, 'sh', '-c', tree);
  const first = await see('committed');
  assert.match(first, /new\/b -rw-r--r-- 0 0 2 /);
  assert.doesNotMatch(first, /^group$/m);
  const archive = join(daemon.scratch, 'saved.tar');
  const [id, layers] = (
    await daemon.ok('image', 'inspect', '-f', '{{.Id}} {{json .RootFS.Layers}}', 'committed')
  ).split(' ');
  await daemon.ok('save', '-o', archive, 'committed');
  await daemon.ok('rmi', 'committed');
  await daemon.ok('load', '-i', archive);
  assert.equal(
    await daemon.ok('image', 'inspect', '-f', '{{.Id}} {{json .RootFS.Layers}}', 'committed'),
    `${id} ${layers}`,
  );
  assert.equal(await see('committed'), first);
});

test('rmi in dockerd’s words; layers and blobs go with the last that needs them', async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage('busybox:latest', 'other:1'));
  assert.equal(await daemon.ok('rmi', 'other:1'), 'Untagged: other:1');
  await daemon.ok('run', '--name', 'user', ...noNetwork, 'busybox', 'true');
  const used = await daemon.docker('rmi', 'busybox');
  assert.equal(used.code, 1);
  assert.match(
    used.stderr,
    /^Error response from daemon: conflict: unable to remove repository reference "busybox" \(must force\) - container [0-9a-f]{12} is using its referenced image [0-9a-f]{12}\n$/,
  );
  const id = await daemon.ok('image', 'ls', '-q', 'busybox');
  assert.match(
    (await daemon.docker('rmi', id)).stderr,
    new RegExp(
      `conflict: unable to delete ${id} \\(must be forced\\) - image is being used by stopped container [0-9a-f]{12}`,
    ),
  );
  assert.match(
    await daemon.ok('rmi', '-f', 'busybox'),
    /^Untagged: busybox:latest\nDeleted: sha256:[0-9a-f]{64}$/,
  );
  assert.equal(below(daemon, 'layers/graph').length, 1, 'the container needs it');
  await daemon.ok('start', 'user');
  await daemon.ok('wait', 'user');
  await daemon.ok('rm', 'user');
  await daemon.restart();
  assert.deepEqual(below(daemon, 'layers/graph'), []);
  assert.deepEqual(below(daemon, 'content/blobs/sha256'), []);
  assert.match((await daemon.docker('rmi', 'busybox')).stderr, /No such image: busybox:latest/);
});

test('prune frees what dangling images held', async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, { tags: [], layers: [randomLayer('data', 4, 100_000)] }, busyboxImage());
  assert.equal((await daemon.ok('images', '-q', '-f', 'dangling=true')).split('\n').length, 1);
  assert.match(await daemon.ok('image', 'prune', '-f'), /Total reclaimed space: 400kB$/);
  assert.match(
    await daemon.ok('image', 'prune', '-af'),
    /^Deleted Images:\nuntagged: busybox:latest\ndeleted: sha256:/,
  );
  assert.equal(await daemon.ok('images', '-aq'), '');
});

for (const point of [
  'layer:unpacked',
  'layer:after-rename',
  'image:before-record',
  'image:after-record',
  'image:references-written',
])
  test(`killed in load at ${point}: the other image is whole, and load works again`, async (t) => {
    const daemon = await startDaemon(t);
    await loadImages(daemon, busyboxImage());
    await daemon.restart({ NOOS_CRASH_AT: point });
    const archive = join(daemon.scratch, 'second.tar');
    writeFileSync(archive, await dockerArchive(layeredImage('second:1')));
    assert.notEqual((await daemon.docker('load', '-i', archive)).code, 0);
    await daemon.ended();
    await daemon.restart();
    assert.equal(await daemon.ok('run', '--rm', ...noNetwork, 'busybox', 'echo', 'alive'), 'alive');
    assert.match(await daemon.ok('load', '-i', archive), /Loaded image: second:1/);
    assert.equal(await daemon.ok('run', '--rm', ...noNetwork, 'second:1', 'cat', '/srv/low'), 'changed');
    // A removed container's tree goes after the answer.
    const deadline = Date.now() + 10_000;
    while (below(daemon, 'layers/tmp').length > 0 && Date.now() < deadline) await sleep(50);
    assert.deepEqual(below(daemon, 'layers/tmp'), []);
  });

test('killed while containers run: their trees stay mounted, none is left after they end', async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'long',
    ...noNetwork,
    'busybox',
    'sh',
    '-c',
    'echo before > /f; sleep 1000',
  );
  await daemon.kill9();
  assert.equal(mountsBelow(join(daemon.dataRoot, 'layers/roots')).length, 1);
  await daemon.restart();
  assert.equal(await daemon.ok('exec', 'long', 'cat', '/f'), 'before');
  assert.equal(mountsBelow(join(daemon.dataRoot, 'layers/roots')).length, 1);
  await daemon.ok('rm', '-f', 'long');
  assert.deepEqual(mountsBelow(daemon.dataRoot), []);
  assert.deepEqual(below(daemon, 'layers/roots'), []);
});

test('a full disk: load fails clearly, everything else continues', async (t) => {
  const disk = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
  const data = join(disk, 'data');
  mkdirSync(data);
  const free = (): void => void execFileSync('sh', ['-c', 'umount "$1" && rmdir "$1"', 'sh', disk]);
  const daemon = await startDaemon(t, { flags: ['--data-root', data] }).catch((error) => {
    free();
    throw error;
  });
  // After the daemon, which stops first.
  t.after(free);
  await loadImages(daemon, busyboxImage());
  const archive = join(daemon.scratch, 'large.tar');
  writeFileSync(
    archive,
    await dockerArchive({ tags: ['large:1'], layers: [randomLayer('data', 30, 2 ** 20)] }),
  );
  const full = await daemon.docker('load', '-i', archive);
  assert.notEqual(full.code, 0);
  assert.match(full.stderr, /no space left on device/);
  assert.equal(await daemon.ok('images', '--format', '{{.Repository}}'), 'busybox');
  assert.deepEqual(readdirSync(join(data, 'layers/tmp')), []);
  assert.equal(await daemon.ok('run', '--rm', ...noNetwork, 'busybox', 'echo', 'alive'), 'alive');
  const container = await daemon.docker(
    'run',
    '--name',
    'filler',
    ...noNetwork,
    'busybox',
    'sh',
    '-c',
    'cat /dev/zero > /fill',
  );
  assert.match(container.stderr, /No space left on device/);
  const refused = await daemon.docker('run', '--rm', ...noNetwork, 'busybox', 'true');
  assert.notEqual(refused.code, 0);
  await daemon.ok('rm', 'filler');
  assert.equal(await daemon.ok('run', '--rm', ...noNetwork, 'busybox', 'echo', 'again'), 'again');
});
