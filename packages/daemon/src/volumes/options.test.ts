import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountFlags } from '@noos/linux';
import { checkVolumeName, checkVolumeOptions, mergeTmpfsOptions, parseMountOptions } from './options.js';

test('names as the local driver takes them', () => {
  for (const name of ['ab', 'a-b_c.d', '0x', 'A'.repeat(255)]) checkVolumeName(name);
  assert.throws(() => checkVolumeName('a'), {
    kind: 'invalid',
    message: 'create a: volume name is too short, names should be at least two alphanumeric characters',
  });
  for (const name of ['./x', '../x', '.ab', 'a/b', 'a b', 'a:b', '-ab', 'é1'])
    assert.throws(() => checkVolumeName(name), {
      message:
        `create ${name}: "${name}" includes invalid characters for a local volume name, only ` +
        '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    });
});

test('options of the local driver', () => {
  checkVolumeOptions('v1', {});
  checkVolumeOptions('v1', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' });
  assert.throws(() => checkVolumeOptions('v1', { colour: 'red' }), /create v1: invalid option: "colour"/);
  assert.throws(() => checkVolumeOptions('v1', { type: 'nfs' }), /missing required option: "device"/);
  assert.throws(() => checkVolumeOptions('v1', { o: 'ro' }), /missing required option: "device"/);
  assert.throws(() => checkVolumeOptions('v1', { size: '1g' }), /no quota support/);
});

test('mount options become flags and data', () => {
  assert.deepEqual(parseMountOptions(''), { flags: 0, data: '' });
  assert.deepEqual(parseMountOptions('ro,nosuid,size=1m,uid=5'), {
    flags: mountFlags.readOnly | mountFlags.noSuid,
    data: 'size=1m,uid=5',
  });
  assert.deepEqual(parseMountOptions('ro,rw,rbind'), {
    flags: mountFlags.bind | mountFlags.recursive,
    data: '',
  });
  assert.deepEqual(parseMountOptions('constructor,toString'), { flags: 0, data: 'constructor,toString' });
});

test('tmpfs options: defaults, and the last of contradicting ones', () => {
  assert.deepEqual(mergeTmpfsOptions(''), ['noexec', 'nosuid', 'nodev', 'rprivate']);
  assert.deepEqual(mergeTmpfsOptions('exec,size=1m,size=2m'), [
    'nosuid',
    'nodev',
    'rprivate',
    'exec',
    'size=2m',
  ]);
  assert.deepEqual(mergeTmpfsOptions('defaults,rshared'), ['noexec', 'nosuid', 'nodev', 'rshared']);
  for (const wrong of ['colour=red', 'size', 'lowerdir=/', 'constructor'])
    assert.throws(() => mergeTmpfsOptions(wrong), /invalid tmpfs option/);
  assert.throws(() => mergeTmpfsOptions('colour=red'), { message: 'invalid tmpfs option ["colour" "red"]' });
});
