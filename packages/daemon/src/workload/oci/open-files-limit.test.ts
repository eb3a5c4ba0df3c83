import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitKeeperPath } from '@noos/linux';
import { keepingOpenFilesLimit } from './open-files-limit.js';

test('only a soft limit of open files below the hard one has to be kept, and not from crun', () => {
  const limit = { type: 'RLIMIT_NOFILE', soft: 512, hard: 1024 };
  const command = (process: object, isCrun = false) =>
    keepingOpenFilesLimit(process, { path: '/bin/runc', isCrun });
  assert.deepEqual(command({}), ['/bin/runc']);
  assert.deepEqual(command({ rlimits: [{ ...limit, soft: 1024 }] }), ['/bin/runc']);
  assert.deepEqual(command({ rlimits: [{ ...limit, type: 'RLIMIT_NPROC' }] }), ['/bin/runc']);
  const both = { rlimits: [{ ...limit, type: 'RLIMIT_CORE' }, limit] };
  assert.deepEqual(command(both), [limitKeeperPath, '512', '1024', '/bin/runc']);
  assert.deepEqual(command(both, true), ['/bin/runc']);
});
