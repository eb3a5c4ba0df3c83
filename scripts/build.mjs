#!/usr/bin/env node
// Builds the workspace in the order of its imports: interface, libos.wasm, engine.wasm, runtime, then all TypeScript.
// Usage: npm run build [-- --only PACKAGE]   A package with a `build` script of its own runs it before tsc.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const order = ['abi', 'libos', 'engine', 'runtime', 'native', 'image', 'host', 'cli'];
const { values } = parseArgs({ options: { only: { type: 'string' } } });
if (values.only !== undefined && !order.includes(values.only)) {
  console.error(`unknown package ${values.only}; one of ${order.join(', ')}`);
  process.exit(2);
}

function run(command, commandArguments) {
  const { status } = spawnSync(command, commandArguments, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

for (const name of values.only === undefined ? order : [values.only]) {
  const manifest = `packages/${name}/package.json`;
  if (!existsSync(manifest)) continue;
  if (JSON.parse(readFileSync(manifest, 'utf8')).scripts?.['build:artefacts'])
    run('npm', ['run', '--silent', 'build:artefacts', '--workspace', `packages/${name}`]);
  run('node_modules/.bin/tsc', ['-b', `packages/${name}`]);
}
if (values.only === undefined)
  for (const project of ['test', 'bench'])
    if (existsSync(`${project}/tsconfig.json`)) run('node_modules/.bin/tsc', ['-b', project]);
