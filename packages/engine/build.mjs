// Makes build/engine.wasm from the npm package quickjs-wasi: only what libos calls, imports answered by libos.
//
// In: quickjs-wasi's quickjs.wasm. Out: build/engine.wasm and build/linker.wasm (see linker.wat). May import: binaryen.
// Deterministic: the same input module and binaryen version give the same bytes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import binaryen from 'binaryen';

/** Functions of QuickJS's C API that libos may import from module `engine`; everything they do not reach is removed. */
const keptExports = [
  '_initialize',
  'malloc',
  'free',
  'JS_Call',
  'JS_CallConstructor',
  'JS_DupValue',
  'JS_Eval',
  'JS_ExecutePendingJob',
  'JS_FreeCString',
  'JS_FreeValue',
  'JS_GetArrayBuffer',
  'JS_GetException',
  'JS_GetGCThreshold',
  'JS_GetGlobalObject',
  'JS_GetPropertyStr',
  'JS_IsError',
  'JS_IsFunction',
  'JS_NewArrayBufferCopy',
  'JS_NewContext',
  'JS_NewObject',
  'JS_NewRuntime',
  'JS_NewStringLen',
  'JS_PromiseResult',
  'JS_PromiseState',
  'JS_RunGC',
  'JS_SetGCThreshold',
  'JS_SetMaxStackSize',
  'JS_SetMemoryLimit',
  'JS_SetPropertyStr',
  'JS_Throw',
  'JS_ToCStringLen2',
  'JS_ToFloat64',
];

/** Imports that QuickJS needs for nothing here: a constant result answers them. */
const constantImports = {
  host_get_timezone_offset: 0, // UTC
  host_interrupt: 0,
  host_module_normalize: 0,
  host_module_load: 0,
  // 52 is ENOSYS (WASI preview 1). Without random_get, wasi-libc uses its fixed stack guard: nothing random before start.
  random_get: 52,
  fd_close: 52,
  fd_fdstat_get: 52,
  fd_seek: 52,
  fd_write: 52,
};

const require = createRequire(import.meta.url);
const { i32, i64 } = binaryen;
const module = binaryen.readBinary(readFileSync(require.resolve('quickjs-wasi/quickjs.wasm')));
module.setFeatures(
  binaryen.Features.MutableGlobals |
    binaryen.Features.SignExt |
    binaryen.Features.NontrappingFPToInt |
    binaryen.Features.BulkMemory |
    binaryen.Features.BulkMemoryOpt |
    binaryen.Features.ReferenceTypes |
    binaryen.Features.Multivalue,
);

const functions = Array.from({ length: module.getNumFunctions() }, (_, index) =>
  binaryen.getFunctionInfo(module.getFunctionByIndex(index)),
);
const imports = new Map(functions.filter(({ base }) => base).map((info) => [info.base, info]));
const exported = new Map();
for (let index = 0; index < module.getNumExports(); index++) {
  const { name, value } = binaryen.getExportInfo(module.getExportByIndex(index));
  exported.set(name, value);
}
for (const name of keptExports) if (!exported.has(name)) throw new Error(`quickjs-wasi lacks ${name}`);

replaceTrampolines();
addMemoryAccess();
for (const [base, result] of Object.entries(constantImports)) {
  const { name, params, results } = imports.get(base);
  module.removeFunction(name);
  module.addFunction(name, params, results, [], module.i32.const(result));
}
for (const name of exported.keys())
  if (name !== 'memory' && !keptExports.includes(name)) module.removeExport(name);
// The shadow stack pointer, QuickJS's only mutable global: part of every snapshot.
module.addGlobalExport(exported.get('__stack_pointer'), 'g0');
module.runPasses(['remove-unused-module-elements']);
if (!module.validate()) throw new Error('engine.wasm is not valid');

mkdirSync(new URL('build/', import.meta.url), { recursive: true });
writeFileSync(new URL('build/engine.wasm', import.meta.url), module.emitBinary());
const linker = binaryen.parseText(readFileSync(new URL('linker.wat', import.meta.url), 'utf8'));
writeFileSync(new URL('build/linker.wasm', import.meta.url), linker.emitBinary());

/**
 * Puts two imports into the function table, in the places of quickjs-wasi's own trampolines (whose boxed arguments
 * cost a malloc each), and exports functions that hand their table index to QuickJS:
 * `NOOS_NewFunction(ctx, name, length, magic)` and `NOOS_TrackRejections(rt)`.
 */
function replaceTrampolines() {
  const segmentName = binaryen.getElementSegmentInfo(module.getElementSegmentByIndex(0)).name;
  const segment = binaryen.getElementSegmentInfo(module.getElementSegment(segmentName));
  const bodies = module.emitText().split('\n (func $');
  const callersOf = (base) =>
    bodies
      .filter((body) => body.includes(`(call $${imports.get(base).name}\n`))
      .map((body) => body.slice(0, body.indexOf(' ')));
  const firstIndex = binaryen.getExpressionInfo(segment.offset).value;
  const entries = [...segment.data];
  const place = (base, importName, params, results) => {
    const [caller] = callersOf(base).filter((name) => entries.includes(name));
    if (caller === undefined) throw new Error(`no trampoline of ${base} in the function table`);
    const index = entries.indexOf(caller);
    module.addFunctionImport(
      importName,
      'env',
      importName,
      binaryen.createType(params),
      binaryen.createType(results),
    );
    entries[index] = importName;
    return firstIndex + index;
  };
  // JSCFunctionMagic: (ctx, this, argc, argv, magic) → JSValue
  const hostCall = place('host_call', 'call', [i32, i64, i32, i32, i32], [i64]);
  // JSHostPromiseRejectionTracker: (ctx, promise, reason, isHandled, opaque)
  const rejection = place('host_promise_rejection', 'promise_rejection', [i32, i64, i64, i32, i32], []);
  // What remains of the trampolines must not keep its imports alive: an entry that no one calls any more.
  for (const base of ['host_interrupt', 'host_module_normalize', 'host_module_load'])
    for (const caller of callersOf(base))
      if (entries.includes(caller)) entries[entries.indexOf(caller)] = 'call';
  module.removeElementSegment(segmentName);
  module.addActiveElementSegment(segment.table, segmentName, entries, module.i32.const(firstIndex));

  const get = (index, type) => module.local.get(index, type);
  const genericMagic = 1; // JS_CFUNC_generic_magic of quickjs.h
  module.addFunction(
    'NOOS_NewFunction',
    binaryen.createType([i32, i32, i32, i32]),
    i64,
    [],
    module.call(
      exported.get('JS_NewCFunction2'),
      [
        get(0, i32),
        module.i32.const(hostCall),
        get(1, i32),
        get(2, i32),
        module.i32.const(genericMagic),
        get(3, i32),
      ],
      i64,
    ),
  );
  module.addFunctionExport('NOOS_NewFunction', 'NOOS_NewFunction');
  module.addFunction(
    'NOOS_TrackRejections',
    i32,
    binaryen.none,
    [],
    module.call(
      exported.get('JS_SetHostPromiseRejectionTracker'),
      [get(0, i32), module.i32.const(rejection), module.i32.const(0)],
      binaryen.none,
    ),
  );
  module.addFunctionExport('NOOS_TrackRejections', 'NOOS_TrackRejections');
}

/** The scalar half of `bridge`, so that on Node loads and stores of engine memory need no JavaScript between. */
function addMemoryAccess() {
  const address = module.local.get(0, i32);
  for (const [name, params, results, body] of [
    ['engine_load_u32', [i32], i32, module.i32.load(0, 1, address)],
    ['engine_load_u64', [i32], i64, module.i64.load(0, 1, address)],
    [
      'engine_store_u32',
      [i32, i32],
      binaryen.none,
      module.i32.store(0, 1, address, module.local.get(1, i32)),
    ],
    [
      'engine_store_u64',
      [i32, i64],
      binaryen.none,
      module.i64.store(0, 1, address, module.local.get(1, i64)),
    ],
  ]) {
    module.addFunction(name, binaryen.createType(params), results, [], body);
    module.addFunctionExport(name, name);
  }
}
