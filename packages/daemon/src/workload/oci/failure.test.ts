import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runtimeFailure } from './failure.js';

test('what a runtime leaves to be guessed is said', async () => {
  const said = async (text: string) => (await runtimeFailure('create', '/nonexistent', text)).message;
  for (const text of [
    'apparmor failed to apply profile: write /proc/self/attr/apparmor/exec: no such file or directory',
    'write file `/proc/thread-self/attr/exec`: No such file or directory',
  ])
    assert.match(await said(text), /: unknown: The AppArmor profile is not loaded$/);
  assert.match(await said('exec: "/x/attr/exec": stat /x: no such file or directory'), /: unknown$/);
  assert.match(await said('mount a:b: not a directory'), /Are you trying to mount a directory onto a file/);
});
