import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { lookupName, parseMode, parseOwner } from '../copy/owner.js';
import { checkInside, readRegular, resolveInRoot } from './scope.js';

test('paths are resolved as if the root were /', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'noos-scope-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'a/b'), { recursive: true });
  await writeFile(join(root, 'a/file'), '');
  const links: Record<string, string> = {
    absolute: '/a/b',
    up: '../../../../a',
    'a/b/relative': '../file',
    chain: 'absolute/relative',
    outside: '/etc/passwd',
    loop: 'loop',
    dangling: 'not/there',
  };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(root, name));
  const cases: [string, string][] = [
    ['/', ''],
    ['a/./b/../file', 'a/file'],
    ['../../a', 'a'],
    ['absolute', 'a/b'],
    ['absolute/..', 'a'],
    ['up/b', 'a/b'],
    ['chain', 'a/file'],
    ['outside', 'etc/passwd'],
    ['dangling/x', 'not/there/x'],
    ['a/file/x', 'a/file/x'],
    ['new/../b', 'b'],
  ];
  for (const [path, expected] of cases)
    assert.equal(relative(root, await resolveInRoot(root, path)), expected, path);
  await assert.rejects(resolveInRoot(root, 'loop/x'), /ELOOP/);
});

test('paths written to leave the context are refused', () => {
  for (const bad of ['..', '../a', 'a/../../b'])
    assert.throws(() => checkInside(bad), /forbidden path outside/);
  for (const good of ['', '.', 'a/..', '/../a', '..a', 'a/../b']) checkInside(good);
});

test('owners by name and number', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'noos-owner-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'etc'));
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nme:x:7:8:::\nbad:x:y:z\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nme:x:9:\ngang:x:10:\n');
  assert.deepEqual(await parseOwner(root, 'me'), { uid: 7, gid: 9 });
  assert.deepEqual(await parseOwner(root, 'me:gang'), { uid: 7, gid: 10 });
  assert.deepEqual(await parseOwner(root, '5'), { uid: 5, gid: 5 });
  assert.deepEqual(await parseOwner(root, '5:gang'), { uid: 5, gid: 10 });
  await assert.rejects(parseOwner(root, 'who'), /can't find uid for user who: no such user: who/);
  await assert.rejects(parseOwner(root, '0:who'), /can't find gid for group who: no such group: who/);
  await assert.rejects(parseOwner(root, '1:2:3'), /invalid chown string format: 1:2:3/);
  await assert.rejects(parseOwner(join(root, 'etc'), 'me'), /open \/etc\/passwd: no such file or directory/);
  assert.equal(lookupName('a:x:1\nbad:x:y\n', 'bad'), undefined);
});

test('what never ends is not read', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'noos-regular-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'file'), 'text');
  execFileSync('mkfifo', [join(root, 'fifo')]);
  execFileSync('mknod', [join(root, 'zero'), 'c', '1', '5']);
  assert.equal((await readRegular(join(root, 'file'), 100))?.toString(), 'text');
  assert.equal((await readRegular(join(root, 'file'), 2))?.toString(), 'te');
  for (const name of ['fifo', 'zero', 'nosuch', '.'])
    assert.equal(await readRegular(join(root, name), 100), undefined, name);
});

test('modes', () => {
  assert.equal(parseMode('0755'), 0o755);
  assert.equal(parseMode('7777'), 0o7777);
  for (const bad of ['', '8', 'rwx', '10000', '-1'])
    assert.throws(() => parseMode(bad), /invalid chmod parameter/);
});
