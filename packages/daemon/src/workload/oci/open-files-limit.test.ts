import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lowerLimit } from './open-files-limit.js';

test('only a soft limit of open files below the hard one has to be kept', () => {
  const limit = { type: 'RLIMIT_NOFILE', soft: 512, hard: 1024 };
  assert.equal(lowerLimit({}), undefined);
  assert.equal(lowerLimit({ rlimits: [{ ...limit, soft: 1024 }] }), undefined);
  assert.equal(lowerLimit({ rlimits: [{ ...limit, type: 'RLIMIT_NPROC' }] }), undefined);
  assert.deepEqual(lowerLimit({ rlimits: [{ ...limit, type: 'RLIMIT_CORE' }, limit] }), limit);
});
