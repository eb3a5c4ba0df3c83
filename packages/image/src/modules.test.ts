import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compiledEngine } from '@noos/engine';
import { compiledLibos } from '@noos/libos';

const engineExports = WebAssembly.Module.exports(compiledEngine())
  .filter(({ kind, name }) => kind === 'function' && !name.startsWith('engine_'))
  .map(({ name }) => name);
const libosImports = WebAssembly.Module.imports(compiledLibos())
  .filter(({ module }) => module === 'engine')
  .map(({ name }) => name);

test('the engine exports what libos calls, and nothing else', () => {
  assert.deepEqual([...engineExports].sort(), [...libosImports].sort());
});

test('libos answers every import of the engine', () => {
  const exported = new Set(WebAssembly.Module.exports(compiledLibos()).map(({ name }) => name));
  for (const { name } of WebAssembly.Module.imports(compiledEngine()))
    assert.ok(exported.has(`engine_${name}`), name);
});
