import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startExitCode } from './start-exit-code.js';

test('exit codes of programs that could not be started', () => {
  assert.equal(startExitCode('exec: "x": executable file not found in $PATH: unknown', 126), 127);
  assert.equal(startExitCode('exec: "/etc": permission denied', 126), 126);
  assert.equal(startExitCode('exec: "/etc": is a directory: unknown: permission denied', 128), 126);
  assert.equal(startExitCode('mount /etc:/etc/passwd: not a directory: unknown', 128), 127);
  assert.equal(startExitCode('something else', 126), 126);
  assert.equal(startExitCode('something else', 128), 128);
});
