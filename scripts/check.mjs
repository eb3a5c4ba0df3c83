#!/usr/bin/env node
// Types, lint and format, generated views, import direction, duplicated dependencies, documents, tracked files: all must be clean.
import { spawnSync } from 'node:child_process';

const steps = [
  ['types and build', 'npm', ['run', '--silent', 'build']],
  ['types of the examples', 'node_modules/.bin/tsc', ['-p', 'examples']],
  ['lint and format', 'node_modules/.bin/biome', ['check', '--error-on-warnings', '.']],
  ['generated views', 'node', ['packages/abi/dist/generate.js', '--check']],
  ['import direction', 'node', ['scripts/check-imports.mjs']],
  ['coverage of the API', 'node', ['scripts/api-coverage.mjs', '--check']],
  ['duplicated dependencies', 'node', ['scripts/check-dependencies.mjs']],
  ['documents and versions', 'node', ['scripts/check-docs.mjs']],
  ['tracked files', 'node', ['scripts/check-files.mjs']],
];
let failed = 0;
for (const [name, command, commandArguments] of steps) {
  const ok = spawnSync(command, commandArguments, { stdio: 'inherit' }).status === 0;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`);
  if (!ok) failed++;
}
process.exit(failed === 0 ? 0 : 1);
