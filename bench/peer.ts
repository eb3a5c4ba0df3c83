/** The C programs of `peers/`. In: a name. Out: the compiled program. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Compiles `peers/NAME.c` into a temporary directory that goes with this process; returns the program's path. */
export function compilePeer(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'noos-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true }));
  const binary = join(directory, name);
  execFileSync('gcc', ['-O2', '-o', binary, fileURLToPath(new URL(`../peers/${name}.c`, import.meta.url))]);
  return binary;
}
