/** links.c from headers: what is connected, and what must not build. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declarations, linksText } from './links.js';

const engineHeader = `
void Z_engine_instantiate(Z_engine_instance_t*, struct Z_env_instance_t*);
/* import: 'env' 'call' */
u64 Z_envZ_call(struct Z_env_instance_t*, u32, u64);
/* export: 'g0' */
u32* Z_engineZ_g0(Z_engine_instance_t* instance);
`;

const libosHeader = `
void Z_libos_instantiate(Z_libos_instance_t*, struct Z_platform_instance_t*, struct Z_engine_instance_t*);
/* import: 'platform' 'exit' */
void Z_platformZ_exit(struct Z_platform_instance_t*, u32);
/* export: 'engine_call' */
u64 Z_libosZ_engine_call(Z_libos_instance_t*, u32, u64);
/* export: 'g0' */
u64* Z_libosZ_g0(Z_libos_instance_t* instance);
/* export: 'g1' */
f64* Z_libosZ_g1(Z_libos_instance_t* instance);
`;

const digest = new Uint8Array(32);
const links = (engine: string, libos: string): string =>
  linksText({ header: engine, digest }, { header: libos, digest });

test('headers are read: imports with their module, exports, types', () => {
  assert.deepEqual(declarations(engineHeader)[0], {
    kind: 'import',
    module: 'env',
    name: 'call',
    result: 'u64',
    symbol: 'Z_envZ_call',
    parameters: ['u32', 'u64'],
  });
  assert.deepEqual(
    declarations(libosHeader).map(({ name }) => name),
    ['exit', 'engine_call', 'g0', 'g1'],
  );
});

test("the engine's imports go to libos's exports, globals are restored by their size", () => {
  const text = links(engineHeader, libosHeader);
  assert.match(text, /return Z_libosZ_engine_call\(&noos_libos, p0, p1\);/);
  assert.match(text, /Z_libos_instantiate\(&noos_libos, 0, &noos_engine\);/);
  assert.match(text, /noos_libos_global_count = 2;/);
  assert.match(text, /memcpy\(Z_libosZ_g1\(&noos_libos\), values \+ 8, sizeof\(f64\)\);/);
});

test('a missing, differently typed or unknown function is an error that names it', () => {
  assert.throws(
    () => links(engineHeader, libosHeader.replaceAll('engine_call', 'engine_other')),
    /libos.wasm does not export engine_call/,
  );
  assert.throws(
    () =>
      links(
        engineHeader,
        libosHeader.replace('engine_call(Z_libos_instance_t*, u32,', 'engine_call(Z_libos_instance_t*,'),
      ),
    /engine_call is u64 \(u64\), the engine needs u64 \(u32, u64\)/,
  );
  assert.throws(
    () => links(engineHeader, libosHeader.replaceAll('platform', 'env')),
    /libos.wasm imports env.exit, which no target provides/,
  );
});
