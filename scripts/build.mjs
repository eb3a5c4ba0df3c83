#!/usr/bin/env node
// Builds the workspace in the order of its imports: interface, libos.wasm, engine.wasm, runtime, then all TypeScript.
// Usage: npm run build [-- --only PACKAGE]   A package with a `build` script of its own runs it before tsc.
// Artefacts whose inputs (sources, the interface's views, the lock file) have not changed are not made again.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const order = [
  'abi',
  'libos',
  'engine',
  'runtime',
  'native',
  'image',
  'host',
  'linux',
  'daemon',
  'create-noos',
  'cli',
];
const { values } = parseArgs({ options: { only: { type: 'string' } } });
if (values.only !== undefined && !order.includes(values.only)) {
  console.error(`unknown package ${values.only}; one of ${order.join(', ')}`);
  process.exit(2);
}

function run(command, commandArguments) {
  const { status } = spawnSync(command, commandArguments, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Digest of everything that can change the artefacts of package `name`. */
function inputDigest(name) {
  const hash = createHash('sha256').update(readFileSync('package-lock.json'));
  for (const directory of [`packages/${name}`, 'packages/abi/generated'])
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const ignored = /\/(dist|build|node_modules)\/|\.test\.ts$|\.md$/.test(path);
      if (entry.isFile() && !ignored) hash.update(path).update(readFileSync(path));
    }
  return hash.digest('hex');
}

/** Runs the package's `build:artefacts` unless what it made comes from the same inputs. */
function buildArtefacts(name) {
  const stamp = `packages/${name}/build/inputs.sha256`;
  const digest = inputDigest(name);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  run('npm', ['run', '--silent', 'build:artefacts', '--workspace', `packages/${name}`]);
  mkdirSync(`packages/${name}/build`, { recursive: true });
  writeFileSync(stamp, digest);
}

/** Removes what tsc made of sources that are gone: a moved test would be run twice. */
function removeOrphans(directory) {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory, { recursive: true }).filter((file) =>
    file.endsWith('.d.ts.map'),
  )) {
    const map = join(directory, name);
    const { sources } = JSON.parse(readFileSync(map, 'utf8'));
    if (sources.some((source) => existsSync(resolve(dirname(map), source)))) continue;
    for (const suffix of ['.js', '.js.map', '.d.ts', '.d.ts.map'])
      rmSync(`${map.slice(0, -'.d.ts.map'.length)}${suffix}`, { force: true });
  }
}

for (const name of values.only === undefined ? order : [values.only]) {
  const manifest = `packages/${name}/package.json`;
  if (!existsSync(manifest)) continue;
  if (JSON.parse(readFileSync(manifest, 'utf8')).scripts?.['build:artefacts']) buildArtefacts(name);
  removeOrphans(`packages/${name}/dist`);
  run('node_modules/.bin/tsc', ['-b', `packages/${name}`]);
}
if (values.only === undefined)
  for (const project of ['test', 'bench'])
    if (existsSync(`${project}/tsconfig.json`)) {
      removeOrphans(`${project}/dist`);
      run('node_modules/.bin/tsc', ['-b', project]);
    }
