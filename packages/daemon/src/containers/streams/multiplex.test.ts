import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, frameHeader } from './multiplex.js';

test('a frame is type, three zeros, length, bytes', () => {
  assert.equal(frame('stdout', Buffer.from('hi')).toString('hex'), '01000000000000026869');
  assert.equal(frameHeader('stderr', 0x01020304).toString('hex'), '0200000001020304');
  assert.equal(frame('systemError', Buffer.alloc(0)).toString('hex'), '0300000000000000');
});
