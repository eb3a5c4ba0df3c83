#!/usr/bin/env node
// Compiles the AssemblyScript entries to build/*.wasm and exports every mutable global as g0, g1, … (a snapshot is
// memory plus these). In: assembly/. Out: build/stack.wasm, build/libos.wasm. May import: assemblyscript, binaryen.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../', import.meta.url));
// The very binaryen that asc uses, so that both agree on the module format.
const binaryenPath = createRequire(import.meta.resolve('assemblyscript/asc')).resolve('binaryen');
const { default: binaryen } = await import(pathToFileURL(binaryenPath).href);

/**
 * Entry → module, with folders that stand in for others (tests). `--testing` builds the modules for tests instead of
 * the others; `--only NAME` those whose name contains it; `--debug` keeps the names section for profilers and stacks.
 */
const entries = [
  ['assembly/stack.ts', 'build/stack.wasm'],
  ['assembly/unikernel.ts', 'build/libos.wasm'],
  ['assembly/wire-testing.ts', 'build/wire-testing.wasm'],
  ['assembly/core-testing.ts', 'build/core-testing.wasm'],
  [
    'assembly/http-testing.ts',
    'build/http-testing.wasm',
    { 'assembly/socket/tcp/': 'assembly/testing/tcp/' },
  ],
];
const onlyAt = process.argv.indexOf('--only');
const only = onlyAt < 0 ? '' : (process.argv[onlyAt + 1] ?? '');
const testing = process.argv.includes('--testing');
const debug = process.argv.includes('--debug');

/** Exports every mutable global under a stable name; returns the module's bytes. */
function exportGlobals(bytes) {
  const module = binaryen.readBinary(bytes);
  const { MutableGlobals, BulkMemory, BulkMemoryOpt, SignExt, NontrappingFPToInt } = binaryen.Features;
  module.setFeatures(MutableGlobals | BulkMemory | BulkMemoryOpt | SignExt | NontrappingFPToInt);
  let exported = 0;
  for (let index = 0; index < module.getNumGlobals(); index++) {
    const info = binaryen.getGlobalInfo(module.getGlobalByIndex(index));
    if (!info.mutable || info.module !== '') continue;
    // An image stores 64-bit integers, and JavaScript cannot tell an f64 global from an i32.
    if (info.type !== binaryen.i32 && info.type !== binaryen.i64)
      throw new Error(`global ${info.name} is a mutable float: keep it in memory`);
    module.addGlobalExport(info.name, `g${exported++}`);
  }
  if (!module.validate()) throw new Error('binaryen: the module with exported globals is not valid');
  binaryen.setDebugInfo(debug);
  const result = module.emitBinary();
  module.dispose();
  return result;
}

mkdirSync(join(root, 'build'), { recursive: true });
for (const [entry, target, standIns = {}] of entries) {
  if (target.includes('-testing') !== testing || !target.includes(only)) continue;
  const { error, stderr } = await asc.main(
    [entry, '--config', 'asconfig.json', '--outFile', target, ...(debug ? ['--debug'] : [])],
    {
      readFile: (name, base) => {
        let path = join(root, base, name);
        for (const [folder, standIn] of Object.entries(standIns))
          path = path.replace(join(root, folder), join(root, standIn));
        return existsSync(path) && statSync(path).isFile() ? readFileSync(path, 'utf8') : null;
      },
      writeFile: (name, contents) => writeFileSync(join(root, name), contents),
    },
  );
  if (error) {
    console.error(`${entry}: ${stderr.toString() || error.message}`);
    process.exit(1);
  }
  writeFileSync(join(root, target), exportGlobals(readFileSync(join(root, target))));
}
