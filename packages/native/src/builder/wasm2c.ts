/**
 * Turns a wasm module into C for our runtime.
 *
 * In: a module. Out: wasm2c's C and header with three textual changes, each checked to apply: memory accesses use a
 * constant base, dead loads are not kept alive, and active data segments are left out (an image holds that memory).
 * May import: node's own modules.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/** wasm2c of this version: its output's shape is what `transform` and `links.ts` know. */
const wasm2cVersion = '1.0.32';

/** Throws with what to install when wasm2c is missing or of another version. */
export function checkWasm2c(): void {
  let version: string;
  try {
    version = execFileSync('wasm2c', ['--version'], { encoding: 'utf8' }).trim();
  } catch {
    throw new Error('wasm2c is missing: run npm run setup (Debian package wabt)');
  }
  if (version !== wasm2cVersion)
    throw new Error(`wasm2c ${version} found, ${wasm2cVersion} needed: run on Debian 12 (package wabt)`);
}

function replaceAll(text: string, pattern: RegExp, replacement: string, what: string): string {
  const changed = text.replaceAll(pattern, replacement);
  if (changed === text) throw new Error(`wasm2c's output has no ${what}: was another version used?`);
  return changed;
}

/** The three changes; `text` is wasm2c's C. */
export function transform(text: string): string {
  const based = replaceAll(
    text,
    /&mem->data\[addr\]/g,
    '(u8 *)(NOOS_MEMORY_BASE + addr)',
    'memory access macros',
  );
  const free = replaceAll(based, /^ {4}wasm_asm\("" ::"r"\(result\)\); *\\$/gm, ' \\', 'kept loads');
  const names = [...free.matchAll(/^ {2}LOAD_DATA\(.*?(data_segment_data_w2c_\w+), \d+\);$/gm)].map(
    (match) => match[1],
  );
  let result = free.replaceAll(/^ {2}LOAD_DATA\(.*\);\n/gm, '');
  const unused = new Set(names.filter((name) => countOf(result, `${name}\\b`) === 1));
  result = result.replaceAll(
    /^static const u8 (data_segment_data_w2c_\w+)\[\] = \{[^}]*\};\n/gm,
    (whole, name) => (unused.has(name) ? '' : whole),
  );
  return result;
}

function countOf(text: string, pattern: string): number {
  return text.match(new RegExp(pattern, 'g'))?.length ?? 0;
}

/** Writes `<directory>/<name>.c` and `.h`; `name` becomes part of the C symbols (`Z_<name>Z_…`). */
export function wasmToC(module: string, name: string, directory: string): void {
  const file = `${directory}/${name}.c`;
  execFileSync('wasm2c', ['-n', name, module, '-o', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  writeFileSync(file, transform(readFileSync(file, 'utf8')));
}
