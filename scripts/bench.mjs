#!/usr/bin/env node
// Builds, then runs every benchmark of bench/, each in a process of its own, and prints their tables.
// Usage: npm run bench [-- --only NAME] [-- --no-build]   Needs root and `npm run setup`.
// npm run bench:daemon runs those of bench/daemon/, with dockerd beside noosd.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    build: { type: 'boolean', default: true },
    daemon: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const folder = values.daemon ? 'bench/dist/daemon' : 'bench/dist';
if (values.build)
  for (const script of ['build', 'build:native'])
    if (spawnSync('npm', ['run', '--silent', script], { stdio: 'inherit' }).status !== 0) process.exit(1);

const files = readdirSync(folder).filter((file) => file.endsWith('.bench.js') && file.includes(values.only));
if (files.length === 0) {
  console.error(`no benchmark is called ${values.only}`);
  process.exit(2);
}
let failed = 0;
for (const file of files.sort())
  if (spawnSync('node', [`${folder}/${file}`], { stdio: 'inherit' }).status !== 0) failed++;
process.exit(failed === 0 ? 0 : 1);
