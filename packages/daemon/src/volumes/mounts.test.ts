import assert from 'node:assert/strict';
import {
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLogger } from '../log.js';
import { readMountTable } from './mount-table.js';
import { createMounts } from './mounts.js';
import type { MountPlanRequest, MountPoint } from './types.js';
import { createVolumes } from './volumes.js';

async function start(t: TestContext) {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'noos-mounts-')));
  t.after(() => rm(directory, { recursive: true }));
  const published: string[] = [];
  const shared = {
    layout: {
      dataRoot: join(directory, 'data'),
      runRoot: join(directory, 'run'),
      volumes: join(directory, 'data/volumes'),
      temporary: join(directory, 'data/tmp'),
    },
    events: {
      publish: (type: string, action: string, { ID }: { ID: string }) =>
        void published.push(`${type} ${action} ${ID}`),
    },
    log: createLogger('fatal'),
  };
  await mkdir(shared.layout.volumes, { recursive: true });
  await mkdir(shared.layout.temporary);
  const volumes = await createVolumes(shared);
  const mounts = createMounts({ ...shared, volumes });
  const others = new Map<string, readonly MountPoint[]>();
  const plan = (container: string, request: Partial<MountPlanRequest>) =>
    mounts.plan({
      container,
      binds: [],
      mounts: [],
      tmpfs: {},
      volumesFrom: [],
      volumeDriver: '',
      volumes: [],
      mountsOf: (name) => {
        const points = others.get(name);
        assert.ok(points);
        return points;
      },
      ...request,
    });
  return { volumes, mounts, plan, others, directory, published };
}

test('a plan of all notations, prepared in order', async (t) => {
  const { plan, mounts, volumes, directory, others } = await start(t);
  const points = await plan('c1', {
    binds: [`${directory}/made:/srv/deep/er`, 'named:/srv:ro'],
    mounts: [{ Type: 'tmpfs', Target: '/srv/deep', TmpfsOptions: { SizeBytes: 1024 } }],
    volumes: ['/anonymous', '/srv'],
    tmpfs: { '/run': 'size=1m' },
  });
  assert.deepEqual(
    points.map(({ Type, Destination, Mode, RW, Propagation }) => [Type, Destination, Mode, RW, Propagation]),
    [
      ['bind', '/srv/deep/er', '', true, 'rprivate'],
      ['volume', '/srv', 'ro', false, ''],
      ['tmpfs', '/srv/deep', '', true, ''],
      ['volume', '/anonymous', '', true, ''],
    ],
  );
  assert.deepEqual(volumes.users('named'), ['c1']);
  const prepared = await mounts.prepare('c1', points, { '/run': 'size=1m' });
  assert.deepEqual(
    prepared.mounts.map(({ destination, type, options }) => [destination, type, ...options]),
    [
      ['/anonymous', 'bind', 'rbind'],
      ['/run', 'tmpfs', 'noexec', 'nosuid', 'nodev', 'rprivate', 'size=1m'],
      ['/srv', 'bind', 'rbind', 'rro'],
      ['/srv/deep', 'tmpfs', 'noexec', 'nosuid', 'nodev', 'rprivate', 'size=1k'],
      ['/srv/deep/er', 'bind', 'rbind', 'rprivate'],
    ],
  );
  assert.ok((await lstat(join(directory, 'made'))).isDirectory());
  await prepared.made();

  others.set('c1', points);
  const inherited = await plan('c2', { volumesFrom: ['c1:ro'] });
  assert.deepEqual(
    inherited.map(({ Destination, RW }) => [Destination, RW]),
    points.map(({ Destination }) => [Destination, false]),
  );
  await mounts.forget('c1', points, true);
  assert.equal(volumes.list().length, 2, 'c2 still uses the anonymous one');
  await mounts.forget('c2', inherited, true);
  assert.deepEqual(
    volumes.list().map(({ Name }) => Name),
    ['named'],
  );
});

test('a plan that fails leaves no anonymous volume and no reference', async (t) => {
  const { plan, volumes } = await start(t);
  const duplicate = { kind: 'invalid', message: 'Duplicate mount point: /a' };
  await assert.rejects(plan('c1', { binds: ['one:/a', 'two:/a'] }), duplicate);
  await assert.rejects(plan('c1', { binds: ['one:/a'], tmpfs: { '/a': '' } }), duplicate);
  await assert.rejects(
    plan('c1', { mounts: [{ Type: 'volume', Target: '/x' }], binds: ['one:/b', 'b@d:/c'] }),
    /includes invalid characters/,
  );
  await assert.rejects(plan('c1', { tmpfs: { '/': '' } }), /destination can't be/);
  await assert.rejects(plan('c1', { tmpfs: { '/a': 'suid,bad' } }), /invalid tmpfs option \["bad"\]/);
  assert.deepEqual(
    volumes.list().map(({ Name }) => Name),
    ['one'],
  );
  assert.deepEqual(volumes.users('one'), []);
});

test('an empty volume gets the content of the image: owner, mode, links', async (t) => {
  const { plan, mounts, volumes, directory } = await start(t);
  const root = join(directory, 'root');
  await mkdir(join(root, 'data/sub'), { recursive: true, mode: 0o750 });
  await writeFile(join(root, 'data/file'), 'content', { mode: 0o640 });
  await symlink('/etc/passwd', join(root, 'data/link'));
  await chown(join(root, 'data'), 12, 34);
  await symlink('/data', join(root, 'alias'));
  const points = await plan('c1', { binds: ['full:/alias', 'none:/data:nocopy'] });
  assert.ok(mounts.needsPopulation(points));
  await mounts.populate('c1', points, root);
  const data = volumes.get('full').Mountpoint;
  assert.equal(await readFile(join(data, 'file'), 'utf8'), 'content');
  assert.equal((await lstat(join(data, 'file'))).mode & 0o777, 0o640);
  assert.equal(await readlink(join(data, 'link')), '/etc/passwd');
  const { uid, gid, mode } = await lstat(data);
  assert.deepEqual([uid, gid, mode & 0o777], [12, 34, 0o750]);
  assert.deepEqual(await readdir(volumes.get('none').Mountpoint), []);

  await writeFile(join(root, 'data/later'), '');
  await mounts.populate('c1', points, root);
  assert.deepEqual((await readdir(data)).sort(), ['file', 'link', 'sub']);
  assert.deepEqual(await readdir(join(directory, 'data/tmp')), []);
});

test('a link in the image does not lead population out of it', async (t) => {
  const { plan, mounts, volumes, directory } = await start(t);
  const root = join(directory, 'root');
  await mkdir(join(directory, 'secret'));
  await writeFile(join(directory, 'secret/key'), '');
  await mkdir(root);
  await symlink(`../../../../..${directory}/secret`, join(root, 'data'));
  const points = await plan('c1', { binds: ['vol:/data'] });
  await mounts.populate('c1', points, root);
  assert.deepEqual(await readdir(volumes.get('vol').Mountpoint), []);
});

test('a volume over a file is refused', async (t) => {
  const { plan, mounts, directory } = await start(t);
  const root = join(directory, 'root');
  await mkdir(root);
  await writeFile(join(root, 'file'), '');
  const points = await plan('c1', { volumes: ['/file'] });
  await assert.rejects(mounts.populate('c1', points, root), /cannot mount volume over existing file/);
  const named = await plan('c1', { binds: ['vol:/file'] });
  await assert.rejects(mounts.populate('c1', named, root), /source .*\/root\/file is not directory/);
  await mounts.populate('c1', await plan('c1', { binds: ['vol:/file:nocopy'] }), root);
});

test('a subpath is mounted from inside the volume only', async (t) => {
  const { plan, mounts, volumes, directory } = await start(t);
  const { Mountpoint } = await volumes.create({ Name: 'tree' });
  await mkdir(join(Mountpoint, 'etc'));
  await writeFile(join(Mountpoint, 'etc/mark'), 'inside');
  await symlink('/etc', join(Mountpoint, 'link'));
  const mount = (Subpath: string) =>
    plan('c1', {
      mounts: [{ Type: 'volume', Source: 'tree', Target: '/t', VolumeOptions: { Subpath } }],
    });
  const points = await mount('link');
  const { mounts: prepared, made } = await mounts.prepare('c1', points, {});
  const source = prepared[0]!.source;
  assert.notEqual(source, Mountpoint);
  assert.equal(await readFile(join(source, 'mark'), 'utf8'), 'inside');
  await made();
  assert.ok(!(await readMountTable()).some(({ mountPoint }) => mountPoint === source));
  assert.deepEqual(await readdir(join(directory, 'run/subpaths')), []);
  await assert.rejects(mounts.prepare('c1', await mount('nowhere'), {}), /cannot access path .*nowhere/);
});

test('propagation: near the data root, and what the host cannot give', async (t) => {
  const { plan, mounts, directory } = await start(t);
  const [near] = await plan('c1', { binds: [`${directory}:/host`] });
  assert.equal(near!.Propagation, 'rslave');
  await assert.rejects(plan('c1', { binds: [`${directory}:/host:private`] }), /within the daemon root/);
  const prepared = await mounts.prepare('c1', [near!], {});
  assert.ok(['rslave', 'rprivate'].includes(prepared.mounts[0]!.options[1]!));
});

test('restore counts what running containers have mounted', async (t) => {
  const { plan, mounts, volumes } = await start(t);
  const { Mountpoint } = await volumes.create({
    Name: 'memory',
    DriverOpts: { type: 'tmpfs', device: 'tmpfs' },
  });
  const points = await plan('c1', { binds: ['memory:/m'] });
  await mounts.prepare('c1', points, {});
  volumes.unrefer('memory', 'c1');
  const mounted = async () => (await readMountTable()).some(({ mountPoint }) => mountPoint === Mountpoint);
  await mounts.restore([{ id: 'c1', points, running: true }], () => true);
  assert.ok(await mounted());
  assert.deepEqual(volumes.users('memory'), ['c1']);
  await mounts.release('c1', points);
  await mounts.release('c1', points);
  assert.ok(!(await mounted()));
});
