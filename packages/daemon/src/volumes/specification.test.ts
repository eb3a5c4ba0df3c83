import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../testing/seeded-random.js';
import { parseBind, parseMount, parseVolumesFrom } from './specification.js';
import type { MountRequest } from './types.js';

test('--volume strings', () => {
  assert.deepEqual(parseBind('/host:/there', '').point, {
    Type: 'bind',
    Source: '/host',
    Destination: '/there',
    Mode: '',
    RW: true,
    Propagation: 'rprivate',
    propagationOptional: true,
    createMountpoint: true,
  });
  const { point, volume } = parseBind('data:/there/:ro,z,nocopy', 'local');
  assert.deepEqual(
    [point.Type, point.Name, point.Destination, point.RW, point.Mode, point.noCopy, volume],
    ['volume', 'data', '/there', false, 'ro,z,nocopy', true, { driver: 'local' }],
  );
  assert.equal(parseBind('/a:/b:rshared', '').point.Propagation, 'rshared');
  assert.equal(parseBind('/b', '').point.anonymous, true);
});

test('--volume strings that are refused', () => {
  const cases: [string, string | RegExp][] = [
    ['', "invalid volume specification: ''"],
    ['/a:ro', "invalid volume specification: '/a:ro'"],
    ['a:b:ro:more', "invalid volume specification: 'a:b:ro:more'"],
    [':/b', "invalid volume specification: ':/b'"],
    ['/a:/b:blue', 'invalid mode: blue'],
    ['/a:/b:ro,rw', 'invalid mode: ro,rw'],
    [
      '/a:/',
      `invalid volume specification: '/a:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    ],
    ['name:there', /invalid mount path: 'there' mount path must be absolute/],
    ['/a:/b:nocopy', /field VolumeOptions must not be specified/],
    ['name:/b:rshared', /field BindOptions must not be specified/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseBind(text, ''), { kind: 'invalid', message });
});

test('--mount objects', () => {
  assert.throws(() => parseMount({ Type: 'bind', Source: '/nowhere/x', Target: '/b' }), {
    kind: 'invalid',
    message: 'invalid mount config for type "bind": bind source path does not exist: /nowhere/x',
  });
  parseMount({
    Type: 'bind',
    Source: '/nowhere/x',
    Target: '/b',
    BindOptions: { CreateMountpoint: true },
  });
  assert.deepEqual(
    parseMount({
      Type: 'tmpfs',
      Target: '/t',
      ReadOnly: true,
      TmpfsOptions: { SizeBytes: 3 << 20, Mode: 0o1777, Options: [['exec']] },
    }).point.tmpfsOptions,
    ['ro', 'mode=1777', 'size=3m', 'exec'],
  );
  const refused: [MountRequest, RegExp][] = [
    [{ Type: 'volume', Target: '' }, /field Target must not be empty/],
    [{ Type: 'volume', Target: '/../' }, /destination can't be '\/'/],
    [{ Type: 'bind', Target: '/b' }, /field Source must not be empty/],
    [{ Type: 'bind', Source: 'x', Target: '/b' }, /mount path must be absolute/],
    [{ Type: 'bind', Source: '/', Target: '/b', BindOptions: { Propagation: 'x' } }, /invalid propagation/],
    [{ Type: 'bind', Source: '/', Target: '/b', VolumeOptions: {} }, /field VolumeOptions must not/],
    [{ Type: 'tmpfs', Source: 'x', Target: '/b' }, /field Source must not be specified/],
    [{ Target: '/b' }, /type "": mount type unknown/],
    [{ Type: 'npipe', Source: 'x', Target: '/b' }, /type "npipe": mount type unknown/],
    [{ Type: 'volume', Target: '/b', VolumeOptions: { Subpath: 'a' } }, /must not set Subpath/],
    [
      { Type: 'volume', Source: 'vv', Target: '/b', VolumeOptions: { Subpath: 'a/../../b' } },
      /subpath must be a relative path within the volume/,
    ],
    [
      { Type: 'bind', Source: '/', Target: '/b', BindOptions: { ReadOnlyForceRecursive: true } },
      /mount options conflict/,
    ],
  ];
  for (const [mount, message] of refused)
    assert.throws(() => parseMount(mount), { kind: 'invalid', message });
});

test('--volumes-from strings', () => {
  assert.deepEqual(parseVolumesFrom('other'), { container: 'other', readOnly: false });
  assert.deepEqual(parseVolumesFrom('other:ro,z'), { container: 'other', readOnly: true });
  for (const wrong of ['other:nocopy', 'other:rshared', 'other:x'])
    assert.throws(() => parseVolumesFrom(wrong), /invalid mode/);
  assert.throws(() => parseVolumesFrom(''), /cannot be an empty string/);
});

test('any text is a mount or a DaemonError', () => {
  const alphabet = ['/', ':', 'a', 'ro', ',', 'z', '..', '.', 'nocopy', 'rshared', ' ', '\0', 'é'];
  const random = createRandom(7);
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: random.below(9) }, () => alphabet[random.below(alphabet.length)]).join(
      '',
    );
    try {
      const { point } = parseBind(text, '');
      assert.ok(point.Destination.startsWith('/') && point.Destination !== '/', text);
      assert.ok(!point.Destination.split('/').includes('..'), text);
    } catch (error) {
      assert.equal((error as { kind?: string }).kind, 'invalid', text);
    }
  }
});
