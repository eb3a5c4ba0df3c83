/**
 * `noos build`: an application into an image.
 *
 * In: a source, options. Out: an exit code. May import: build, source, terminal.
 */
import { resolve } from 'node:path';
import { type BuildOptions, build } from '../build.js';
import { CliError, exitCodes } from '../errors.js';
import { partLines } from '../parts.js';
import { resolveSource } from '../source.js';
import { formatBytes, formatMs, style, styleOut } from '../terminal.js';

/** Writes the image; prints what it is made of. */
export async function buildCommand(
  path: string,
  options: BuildOptions & { output?: string },
): Promise<number> {
  const source = resolveSource(path);
  if (source.kind === 'image')
    throw new CliError(exitCodes.usage, `${path} is an image already: noos run ${path} runs it`);
  const startMs = performance.now();
  const output = resolve(options.output ?? `${options.name ?? source.name}.noos`);
  const built = await build(source, output, options);
  process.stderr.write(built.console);
  for (const warning of built.warnings) process.stderr.write(`${style('yellow', 'warning:')} ${warning}\n`);
  const took = formatMs(performance.now() - startMs);
  console.log(`${styleOut('bold', built.path)}  ${formatBytes(built.bytes)}, built in ${took}`);
  for (const line of partLines(built.manifest, built.bytes)) console.log(`  ${line}`);
  return exitCodes.ok;
}
