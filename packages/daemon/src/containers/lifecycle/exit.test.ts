import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOfLifeMs } from './exit.js';

test('an end is not before the start, and not before what was written last', () => {
  const [started, now] = [1000.5, 1004];
  // Stamped by a tick that lies before the start; a line of the log is from 1003.
  assert.equal(endOfLifeMs(998, started, now), 1004);
  assert.equal(endOfLifeMs(980, started, now), started);
  // Seen by a later daemon.
  assert.equal(endOfLifeMs(1500, started, 90_000), 1510);
});
