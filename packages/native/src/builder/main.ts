/**
 * `npm run build:native`: builds the native runtimes into build/. Needs wasm2c and gcc (`npm run setup`).
 *
 * In: engine.wasm, libos.wasm, C. Out: build/runtime-process, build/runtime-vm.elf, build/noos-tap. May import: the build folder.
 */
import { statSync } from 'node:fs';
import { buildProcess } from './process.js';
import { buildShared } from './shared.js';
import { buildTap } from './tap.js';
import { buildVm } from './vm.js';

async function main(): Promise<void> {
  const started = Date.now();
  const shared = await buildShared();
  for (const binary of [await buildProcess(shared), await buildVm(shared), await buildTap()])
    console.log(`${binary.replace(/^.*\//, '')} ${(statSync(binary).size / 1024).toFixed(0)} KiB`);
  console.log(`native runtimes built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

main().catch((error: Error) => {
  console.error(`build:native: ${error.message}`);
  process.exitCode = 1;
});
