/**
 * Links noos-tap: src/tap and the network drivers of src/process.
 *
 * In: C. Out: build/noos-tap, static and stripped. May import: the build folder.
 */
import { compile, inParallel, runTool } from './compiler.js';
import { paths } from './paths.js';
import { kernelHeaders, linkFlags } from './process.js';
import { commonFlags, strictFlags } from './shared.js';

/** Builds noos-tap and returns its path. */
export async function buildTap(binary = `${paths.build}/noos-tap`): Promise<string> {
  const drivers = `${paths.source}/process`;
  const sources = [
    `${paths.source}/tap/main.c`,
    ...['fail', 'net', 'net_stream', 'net_tap'].map((name) => `${drivers}/${name}.c`),
  ];
  const flags = [...commonFlags, ...strictFlags, ...kernelHeaders];
  const includes = [drivers, `${paths.source}/common`, paths.abiHeaders];
  const objects = await inParallel(
    sources.map((source) => () => compile({ source, flags, includes, compiler: 'musl-gcc' }, paths.objects)),
    2,
  );
  await runTool('musl-gcc', [...linkFlags, '-s', ...objects, '-o', binary]);
  return binary;
}
