#!/usr/bin/env node
// Compiles c/*.c into build/linux.node with the stable Node-API, and each file of programs/ into a program beside it;
// needs gcc and Linux, nothing else.
// Without a compiler the build continues: only `noos daemon` needs the addon, and says so.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const headers = join(
  dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')),
  'include',
);
mkdirSync(join(here, 'build'), { recursive: true });
const sources = readdirSync(join(here, 'c'))
  .filter((name) => name.endsWith('.c'))
  .map((name) => join(here, 'c', name));
const warnings = ['-O2', '-Wall', '-Wextra', '-Werror'];
const flags = [...warnings, '-fPIC', '-shared', '-pthread', '-fvisibility=hidden'];
const { status, error } = spawnSync(
  'gcc',
  [...flags, '-D_GNU_SOURCE', '-I', headers, ...sources, '-o', join(here, 'build/linux.node')],
  { stdio: 'inherit' },
);
if (error?.code === 'ENOENT' || process.platform !== 'linux') {
  console.error('linux: no gcc found, so the addon is not built and `noos daemon` cannot run (install gcc)');
} else if (status !== 0) process.exit(status ?? 1);
else {
  // musl's libc makes programs of 30 KB, the C library of most hosts makes 700 KB of them; a release takes musl's.
  const compiler = spawnSync('musl-gcc', ['--version']).status === 0 ? 'musl-gcc' : 'gcc';
  for (const name of readdirSync(join(here, 'programs'))) {
    const output = join(here, 'build', name.replace(/\.c$/, ''));
    // Static: it starts without a dynamic linker.
    const words = [...warnings, '-static', '-s', join(here, 'programs', name), '-o', output];
    const program = spawnSync(compiler, words, { stdio: 'inherit' });
    if (program.status !== 0) process.exit(program.status ?? 1);
  }
}
