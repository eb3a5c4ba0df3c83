import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLogger } from '../log.js';
import { readMountTable } from './mount-table.js';
import { createVolumes } from './volumes.js';

async function start(t: TestContext, root?: string) {
  const directory = root ?? (await realpath(await mkdtemp(join(tmpdir(), 'noos-volumes-'))));
  const published: string[] = [];
  const volumes = await createVolumes({
    layout: { volumes: join(directory, 'volumes'), temporary: join(directory, 'tmp') },
    events: { publish: (type, action, { ID }) => published.push(`${type} ${action} ${ID}`) },
    log: createLogger('fatal'),
  });
  if (!root) t.after(() => rm(directory, { recursive: true }));
  return { volumes, directory, published };
}

const isMounted = async (path: string) =>
  (await readMountTable()).some(({ mountPoint }) => mountPoint === path);

test('create, find again after a restart, remove', async (t) => {
  const { volumes, directory, published } = await start(t);
  const volume = await volumes.create({ Name: 'data', Labels: { a: 'b' } });
  assert.deepEqual(
    { ...volume, CreatedAt: '' },
    {
      CreatedAt: '',
      Driver: 'local',
      Labels: { a: 'b' },
      Mountpoint: join(directory, 'volumes/data/_data'),
      Name: 'data',
      Options: null,
      Scope: 'local',
    },
  );
  assert.match(volume.CreatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  await writeFile(join(volume.Mountpoint, 'kept'), 'x');
  assert.equal(await volumes.create({ Name: 'data' }), volume);

  const again = (await start(t, directory)).volumes;
  assert.deepEqual(again.get('data'), volume);
  assert.equal(await readFile(join(volume.Mountpoint, 'kept'), 'utf8'), 'x');

  await volumes.remove('data', false);
  assert.throws(() => volumes.get('data'), { kind: 'notFound', message: 'get data: no such volume' });
  await volumes.remove('data', true);
  await assert.rejects(volumes.remove('data', false), { kind: 'notFound' });
  assert.deepEqual(await readdir(join(directory, 'volumes')), []);
  assert.deepEqual(await readdir(join(directory, 'tmp')), []);
  assert.deepEqual(published, ['volume create data', 'volume destroy data']);
});

test('anonymous volumes, other drivers, many at once', async (t) => {
  const { volumes } = await start(t);
  const anonymous = await volumes.create({});
  assert.match(anonymous.Name, /^[0-9a-f]{64}$/);
  assert.deepEqual(anonymous.Labels, { 'com.docker.volume.anonymous': '' });
  await assert.rejects(volumes.create({ Name: 'other', Driver: 'nosuch' }), {
    kind: 'notFound',
    message: 'create other: error looking up volume plugin nosuch: plugin "nosuch" not found',
  });
  await Promise.all(Array.from({ length: 20 }, () => volumes.create({ Name: 'same' })));
  assert.equal(volumes.list().length, 2);
});

test('a volume in use stays; prune takes the unused', async (t) => {
  const { volumes } = await start(t);
  await volumes.create({ Name: 'used' });
  const free = await volumes.create({ Name: 'free' });
  await volumes.create({ Name: 'special', DriverOpts: { type: 'tmpfs', device: 'tmpfs' } });
  await writeFile(join(free.Mountpoint, 'file'), Buffer.alloc(1234));
  volumes.refer('used', 'c1');
  volumes.refer('used', 'c2');
  await assert.rejects(volumes.remove('used', true), {
    kind: 'conflict',
    message: 'remove used: volume is in use - [c1, c2]',
  });
  assert.deepEqual(
    (await volumes.usage()).map(({ Name, UsageData }) => [Name, UsageData]),
    [
      ['used', { Size: 0, RefCount: 2 }],
      ['free', { Size: 1234, RefCount: 0 }],
    ],
  );
  assert.deepEqual(await volumes.prune(() => true), { VolumesDeleted: ['free'], SpaceReclaimed: 1234 });
  volumes.unrefer('used', 'c1');
  volumes.unrefer('used', 'c2');
  await volumes.remove('used', false);
});

test('options are mounted while somebody needs it, and found again', async (t) => {
  const { volumes, directory } = await start(t);
  const { Mountpoint } = await volumes.create({
    Name: 'memory',
    DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,mode=700' },
  });
  await mkdir(join(directory, 'elsewhere'));
  await writeFile(join(directory, 'elsewhere/file'), '');
  const bound = await volumes.create({
    Name: 'bound',
    DriverOpts: { type: 'none', device: join(directory, 'elsewhere'), o: 'bind,ro' },
  });
  assert.equal(await volumes.mount('memory', 'c1'), Mountpoint);
  await volumes.mount('memory', 'c2');
  await volumes.unmount('memory', 'c1');
  await volumes.unmount('memory', 'c1');
  assert.ok(await isMounted(Mountpoint));
  await volumes.mount('bound', 'c1');
  assert.deepEqual(await readdir(bound.Mountpoint), ['file']);
  await assert.rejects(writeFile(join(bound.Mountpoint, 'new'), ''), { code: 'EROFS' });
  await volumes.unmount('bound', 'c1');
  assert.ok(!existsSync(join(bound.Mountpoint, 'file')));

  const again = (await start(t, directory)).volumes;
  await again.mount('memory', 'c2');
  await again.unmountUnused();
  assert.ok(await isMounted(Mountpoint));
  await again.unmount('memory', 'c2');
  assert.ok(!(await isMounted(Mountpoint)));
});

test('a mount that fails is reported without its password', async (t) => {
  const { volumes } = await start(t);
  await volumes.create({
    Name: 'broken',
    DriverOpts: { type: 'nosuchfs', device: '/dev/null', o: 'password=hunter2' },
  });
  await assert.rejects(volumes.mount('broken', 'c1'), (error: Error) => {
    assert.match(error.message, /failed to mount local volume/);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
  await volumes.remove('broken', false);
});

test('a volume that somebody begins to use while it is removed stays, or was gone before', async (t) => {
  const { volumes } = await start(t);
  for (let round = 0; round < 20; round++) {
    const name = `v${round}`;
    await volumes.create({ Name: name });
    const [{ Mountpoint }] = await Promise.all([
      volumes.create({ Name: name, user: 'container' }),
      volumes.remove(name, false).catch(() => {}),
      volumes.prune(() => true),
    ]);
    assert.deepEqual(volumes.users(name), ['container']);
    assert.ok(existsSync(Mountpoint));
  }
  // Between the look and the removal.
  await volumes.create({ Name: 'late' });
  const removing = volumes.remove('late', false);
  await Promise.resolve();
  await Promise.resolve();
  volumes.refer('late', 'container');
  await assert.rejects(removing, { kind: 'conflict' });
  assert.ok(existsSync(volumes.get('late').Mountpoint));
});
