/**
 * Links runtime-process: the shared objects, src/process, musl's libc, static.
 *
 * In: shared objects. Out: build/runtime-process, stripped, with build/runtime-process.debug beside it for profiles.
 * May import: the build folder.
 */
import { readdirSync } from 'node:fs';
import { compile, inParallel, runTool } from './compiler.js';
import { paths } from './paths.js';
import { commonFlags, type SharedUnits, strictFlags } from './shared.js';

/** musl-gcc sees only musl's headers: the kernel's come after them. */
export const kernelHeaders = ['-idirafter', '/usr/include', '-idirafter', '/usr/include/x86_64-linux-gnu'];
export const linkFlags = [
  '-static',
  '-no-pie',
  '-Wl,--gc-sections',
  '-Wl,-z,noexecstack',
  '-Wl,-z,separate-code',
];

/** Compiles `src/process` and links `binary`; returns its path. */
export async function buildProcess(
  shared: SharedUnits,
  binary = `${paths.build}/runtime-process`,
): Promise<string> {
  const directory = `${paths.source}/process`;
  const sources = readdirSync(directory).filter((name) => name.endsWith('.c'));
  const objects = await inParallel(
    sources.map(
      (name) => () =>
        compile(
          {
            source: `${directory}/${name}`,
            flags: [...commonFlags, ...strictFlags, ...kernelHeaders],
            includes: [directory, ...shared.includes],
            compiler: 'musl-gcc',
          },
          paths.objects,
        ),
    ),
    2,
  );
  await runTool('musl-gcc', [...linkFlags, ...objects, ...shared.objects, '-o', `${binary}.debug`]);
  await runTool('strip', ['-s', `${binary}.debug`, '-o', binary]);
  return binary;
}
