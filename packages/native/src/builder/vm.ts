/**
 * Links runtime-vm.elf: the shared objects and src/vm, for a PVH loader.
 *
 * In: shared objects, C, assembly, src/vm/link.ld. Out: build/runtime-vm.elf without symbols, with
 * build/runtime-vm.debug.elf beside it for addr2line. The same parts without engine and libos make the guests of the
 * tests. May import: the build folder.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { compile, inParallel, runTool } from './compiler.js';
import { paths } from './paths.js';
import { commonFlags, type SharedUnits, strictFlags } from './shared.js';

const directory = `${paths.source}/vm`;
/** The unikernel is one guest of the machine; tests bring their own. */
const unikernelSource = 'unikernel.c';

const vmFlags = [
  ...commonFlags,
  ...strictFlags,
  '-ffreestanding',
  // A fault's handler runs between any two instructions of code that uses SSE registers.
  '-mgeneral-regs-only',
  '-fno-tree-loop-distribute-patterns',
];

const includes = [directory, `${paths.source}/common`, paths.abiHeaders];

function compileAll(sources: string[]): Promise<string[]> {
  const tasks = sources.map(
    (source) => () =>
      compile({ source, flags: source.endsWith('.S') ? [] : vmFlags, includes }, paths.objects),
  );
  return inParallel(tasks, 2);
}

/** Objects of src/vm without a guest. */
function machineSources(): string[] {
  return readdirSync(directory)
    .filter((name) => /\.[cS]$/.test(name) && name !== unikernelSource)
    .map((name) => `${directory}/${name}`);
}

async function link(objects: string[], binary: string): Promise<string> {
  const debug = binary.replace(/\.elf$/, '.debug.elf');
  const script = [
    '-T',
    `${directory}/link.ld`,
    '--gc-sections',
    '-z',
    'noexecstack',
    '-z',
    'max-page-size=4096',
  ];
  await runTool('ld', [...script, '--build-id=none', ...objects, '-o', debug]);
  await runTool('strip', ['-s', debug, '-o', binary]);
  return binary;
}

/** Compiles src/vm and links `binary`, whose name ends in .elf; returns its path. */
export async function buildVm(
  shared: SharedUnits,
  binary = `${paths.build}/runtime-vm.elf`,
): Promise<string> {
  const objects = await compileAll([...machineSources(), `${directory}/${unikernelSource}`]);
  return link([...objects, ...shared.objects], binary);
}

/** Builds test-guests/`name`.c into build/test-guests/`name`.elf; needs gcc only. Returns the binary's path. */
export async function buildTestGuest(name: string): Promise<string> {
  const guests = `${paths.build}/test-guests`;
  mkdirSync(guests, { recursive: true });
  mkdirSync(paths.objects, { recursive: true });
  const objects = await compileAll([
    ...machineSources(),
    `${paths.source}/common/bytes.c`,
    `${paths.packageDirectory}/test-guests/${name}.c`,
  ]);
  return link(objects, `${guests}/${name}.elf`);
}
