import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileMode, mountAbove, parseCopyPath } from './paths.js';

test('paths and their names in archives', () => {
  const parse = (text: string) => Object.values(parseCopyPath(text));
  assert.deepEqual(parse('/etc/passwd'), ['/etc/passwd', false, false, 'passwd']);
  assert.deepEqual(parse('etc//x/../passwd'), ['/etc/passwd', false, false, 'passwd']);
  assert.deepEqual(parse('/dir/'), ['/dir', true, true, 'dir']);
  assert.deepEqual(parse('/dir/.'), ['/dir', true, true, '.']);
  assert.deepEqual(parse('/'), ['/', true, true, '/']);
  assert.deepEqual(parse('.'), ['/', true, true, '.']);
  assert.deepEqual(parse('../../x'), ['/x', false, false, 'x']);
});

test("modes in Go's bits", () => {
  assert.equal(fileMode(0o100644), 0o644);
  assert.equal(fileMode(0o040755), 2147484141);
  assert.equal(fileMode(0o120777), 134218239);
  assert.equal(fileMode(0o041777), 2 ** 31 + 2 ** 20 + 0o777);
  assert.equal(fileMode(0o104755), 2 ** 23 + 0o755);
  assert.equal(fileMode(0o020666), 2 ** 26 + 2 ** 21 + 0o666);
});

test('the mount a path lies in', () => {
  const mounts = [{ Destination: '/data' }, { Destination: '/data/deep/' }, { Destination: '/database' }];
  assert.equal(mountAbove(mounts, '/data/x')?.Destination, '/data');
  assert.equal(mountAbove(mounts, '/data/deep')?.Destination, '/data/deep/');
  assert.equal(mountAbove(mounts, '/dat'), undefined);
  assert.equal(mountAbove([{ Destination: '/' }], '/x')?.Destination, '/');
});
