#!/usr/bin/env node
// Builds, then runs every test: unit tests beside the code, end-to-end tests of test/. Ends with "N passed, N failed".
// Usage: npm test [-- --only PATH] [-- --no-build]   PATH: a part of the test file's path, e.g. packages/libos
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, build: { type: 'boolean', default: true } },
  allowNegative: true,
});
if (values.build)
  // The native runtimes belong to the modules they were made of: both or none.
  for (const script of ['build', 'build:native']) {
    const { status } = spawnSync('npm', ['run', '--silent', script], { stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }

/** Compiled test files below `directory`. */
function testFiles(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.js'))
    .map((entry) => resolve(join(entry.parentPath ?? entry.path, entry.name)))
    .filter(
      (file) => file.includes('/dist/') && !file.includes('/node_modules/') && file.includes(values.only),
    )
    .sort();
}

const totals = { passed: 0, failed: 0 };
/** Runs `files` with at most `concurrency` at once and adds to the totals. */
async function runFiles(files, concurrency) {
  if (files.length === 0) return;
  const stream = run({ files, concurrency });
  // A file that does not even load is reported as one failed test of its own name.
  const counts = (kind) => (event) => {
    if (event.details.type !== 'suite') totals[kind]++;
  };
  stream.on('test:pass', counts('passed'));
  stream.on('test:fail', counts('failed'));
  const output = stream.compose(spec);
  for await (const chunk of output) process.stdout.write(chunk);
}

await runFiles(testFiles('packages'), 2);
// End-to-end tests share devices, ports and the clock of a small machine: one file at a time.
await runFiles(testFiles('test'), 1);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
if (totals.failed > 0 || totals.passed === 0) process.exit(1);
