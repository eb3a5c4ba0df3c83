/**
 * The objects that `process` and `vm` have in common: engine, libos, links and src/common.
 *
 * In: engine.wasm, libos.wasm. Out: paths of objects and of header directories. They are freestanding: what they
 * need of libc is memcpy, memmove, memset and memcmp, which bytes.c has. May import: the build folder.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type CompileRequest, compile, inParallel } from './compiler.js';
import { linksText } from './links.js';
import { paths } from './paths.js';
import { checkWasm2c, wasmToC } from './wasm2c.js';

/** Flags of all C. x86-64-v2 (2009) has the rounding and popcount instructions that wasm needs. */
export const commonFlags = [
  '-std=gnu11',
  '-O2',
  '-march=x86-64-v2',
  '-fno-pie',
  // Interrupts of the virtual machine may use the same stack.
  '-mno-red-zone',
  '-ffunction-sections',
  '-fdata-sections',
  '-fno-stack-protector',
  '-fcf-protection=none',
  '-fno-asynchronous-unwind-tables',
  '-fno-strict-aliasing',
  // wasm's arithmetic is exactly IEEE 754 and has no errno.
  '-fno-math-errno',
  '-ffp-contract=off',
  '-DNDEBUG',
  '-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1',
  '-DWASM_RT_SKIP_SIGNAL_RECOVERY=1',
  '-DWASM_RT_USE_STACK_DEPTH_COUNT=0',
];

/** Warnings for C that we wrote ourselves. */
export const strictFlags = ['-Wall', '-Wextra', '-Werror'];

export interface SharedUnits {
  objects: string[];
  includes: string[];
}

/** Generates the C of both modules and links.c; digests are those that images name. */
function generate(): void {
  for (const [module, name] of [
    [paths.engineModule, 'engine'],
    [paths.libosModule, 'libos'],
  ] as const) {
    if (!existsSync(module)) throw new Error(`${module} is missing: run npm run build`);
    wasmToC(module, name, paths.generated);
  }
  const moduleOf = (name: string, module: string): { header: string; digest: Uint8Array } => ({
    header: readFileSync(`${paths.generated}/${name}.h`, 'utf8'),
    digest: createHash('sha256').update(readFileSync(module)).digest(),
  });
  const text = linksText(moduleOf('engine', paths.engineModule), moduleOf('libos', paths.libosModule));
  writeFileSync(`${paths.generated}/links.c`, text);
}

/** Builds what is out of date and returns all shared objects. */
export async function buildShared(): Promise<SharedUnits> {
  checkWasm2c();
  mkdirSync(paths.generated, { recursive: true });
  mkdirSync(paths.objects, { recursive: true });
  generate();
  const includes = [`${paths.source}/common`, paths.generated, paths.abiHeaders];
  const generated = (name: string, base: string): CompileRequest => ({
    source: `${paths.generated}/${name}.c`,
    flags: [...commonFlags, '-w', `-DNOOS_MEMORY_BASE=${base}`, '-include', 'memory_map.h'],
    includes,
  });
  const common = (name: string, ...flags: string[]): CompileRequest => ({
    source: `${paths.source}/common/${name}.c`,
    flags: [...commonFlags, ...strictFlags, '-ffreestanding', ...flags],
    includes,
  });
  const requests = [
    generated('engine', 'NOOS_ENGINE_BASE'),
    generated('libos', 'NOOS_LIBOS_BASE'),
    { ...generated('links', '0'), flags: commonFlags },
    common('unikernel'),
    common('image'),
    common('sha256'),
    common('wasm_rt'),
    common('bytes', '-fno-tree-loop-distribute-patterns'),
  ];
  const objects = await inParallel(
    requests.map((request) => () => compile(request, paths.objects)),
    2,
  );
  return { objects, includes };
}
