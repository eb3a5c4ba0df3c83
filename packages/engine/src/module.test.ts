import assert from 'node:assert/strict';
import { test } from 'node:test';
import binaryen from 'binaryen';
import { compiledEngine } from './instantiate.js';
import { engineBytes, engineDigest } from './module.js';

test('the engine imports only what libos answers', () => {
  assert.deepEqual(
    WebAssembly.Module.imports(compiledEngine())
      .map(({ name }) => name)
      .sort(),
    ['call', 'clock_time_get', 'promise_rejection'],
  );
});

test('its state is one memory and the one global that is exported', () => {
  const module = binaryen.readBinary(engineBytes());
  const globals = Array.from({ length: module.getNumGlobals() }, (_, index) =>
    binaryen.getGlobalInfo(module.getGlobalByIndex(index)),
  ).filter(({ mutable }) => mutable);
  assert.equal(globals.length, 1);
  assert.equal(globals[0]?.type, binaryen.i32);
  module.dispose();
  const exports = WebAssembly.Module.exports(compiledEngine()).filter(({ kind }) => kind !== 'function');
  assert.deepEqual(exports.map(({ name, kind }) => `${kind} ${name}`).sort(), ['global g0', 'memory memory']);
});

test('its digest is the SHA-256 of its bytes', async () => {
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', engineBytes()));
  assert.deepEqual(engineDigest(), digest);
});
