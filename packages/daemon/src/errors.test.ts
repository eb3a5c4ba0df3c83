import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemErrorText } from './errors.js';

test('the system’s words, without the call around them', () => {
  const thrown = (act: () => unknown): unknown => {
    try {
      return act();
    } catch (error) {
      return error;
    }
  };
  assert.equal(systemErrorText(thrown(() => readFileSync('/nonexistent'))), 'no such file or directory');
  assert.equal(systemErrorText(thrown(() => readFileSync('/'))), 'illegal operation on a directory');
  assert.equal(systemErrorText(new Error("ENODEV: No such device, mount '/a, b'")), 'no such device');
  assert.equal(systemErrorText(new Error('anything else')), 'anything else');
});
