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

/** The two wasm modules of a runtime and where their C goes. */
export interface Modules {
  engine: string;
  libos: string;
  generated: string;
}

/** The modules that the workspace builds. */
export const productModules: Modules = {
  engine: paths.engineModule,
  libos: paths.libosModule,
  generated: paths.generated,
};

/** Generates the C of both modules and links.c, each in a directory of its own; digests are those that images name. */
function generate(modules: Modules): void {
  for (const name of ['engine', 'libos'] as const) {
    if (!existsSync(modules[name])) throw new Error(`${modules[name]} is missing: run npm run build`);
    mkdirSync(`${modules.generated}/${name}`, { recursive: true });
    wasmToC(modules[name], name, `${modules.generated}/${name}`);
  }
  const moduleOf = (name: 'engine' | 'libos'): { header: string; digest: Uint8Array } => ({
    header: readFileSync(`${modules.generated}/${name}/${name}.h`, 'utf8'),
    digest: createHash('sha256').update(readFileSync(modules[name])).digest(),
  });
  mkdirSync(`${modules.generated}/links`, { recursive: true });
  writeFileSync(`${modules.generated}/links/links.c`, linksText(moduleOf('engine'), moduleOf('libos')));
}

/** Builds what is out of date and returns all shared objects. */
export async function buildShared(modules: Modules = productModules): Promise<SharedUnits> {
  checkWasm2c();
  mkdirSync(paths.objects, { recursive: true });
  generate(modules);
  const includes = [
    `${paths.source}/common`,
    `${modules.generated}/engine`,
    `${modules.generated}/libos`,
    paths.abiHeaders,
  ];
  // A module's C sees its own header only, so that its object outlives changes of the other module and of our C.
  const generated = (name: 'engine' | 'libos', base: string): CompileRequest => ({
    source: `${modules.generated}/${name}/${name}.c`,
    flags: [...commonFlags, '-w', `-DNOOS_MEMORY_BASE=${base}`],
    includes: [`${modules.generated}/${name}`],
  });
  const common = (name: string, ...flags: string[]): CompileRequest => ({
    source: `${paths.source}/common/${name}.c`,
    flags: [...commonFlags, ...strictFlags, '-ffreestanding', ...flags],
    includes,
  });
  const requests = [
    generated('engine', memoryBase('ENGINE')),
    generated('libos', memoryBase('LIBOS')),
    { source: `${modules.generated}/links/links.c`, flags: commonFlags, includes },
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

/** The constant of memory_map.h. */
function memoryBase(name: 'ENGINE' | 'LIBOS'): string {
  const header = readFileSync(`${paths.source}/common/memory_map.h`, 'utf8');
  const value = header.match(new RegExp(`#define NOOS_${name}_BASE (\\w+)`))?.[1];
  if (value === undefined) throw new Error(`memory_map.h does not define NOOS_${name}_BASE`);
  return value;
}
