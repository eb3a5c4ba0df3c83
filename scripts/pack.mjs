#!/usr/bin/env node
// Makes the tarballs that a release publishes in build/packages, prebuilt: who installs them needs npm and no compiler.
// Usage: npm run pack [-- --no-build]   Native runtimes need `npm run setup` once.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { installLimitMb } from './pack/packages.mjs';
import { bytesOf, stage } from './pack/stage.mjs';
import { installed } from './pack/third-party.mjs';

const { values } = parseArgs({ options: { build: { type: 'boolean', default: true } }, allowNegative: true });
const output = 'build/packages';

function run(command, words, options = {}) {
  const { status, stdout } = spawnSync(command, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    ...options,
  });
  if (status !== 0) process.exit(status ?? 1);
  return stdout;
}
if (values.build)
  for (const script of ['build', 'build:native'])
    run('npm', ['run', '--silent', script], { stdio: 'inherit' });

const staged = stage('build/stage');
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
run('npm', [
  'pack',
  '--silent',
  '--pack-destination',
  resolve(output),
  ...staged.map(({ folder }) => `./${folder}`),
]);

const mb = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
const tarball = ({ name, manifest }) => `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`;
for (const entry of staged)
  console.log(
    `${entry.name.padEnd(24)} ${mb(statSync(join(output, tarball(entry))).size).padStart(9)} packed ${mb(entry.bytes).padStart(9)} unpacked`,
  );

/** Our packages that come with `noos`. */
function ownClosure() {
  const names = new Set();
  const queue = ['noos'];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const entry = staged.find((one) => one.name === name);
    if (names.has(name) || entry === undefined) continue;
    names.add(name);
    queue.push(...Object.keys({ ...entry.manifest.dependencies, ...entry.manifest.optionalDependencies }));
  }
  return staged.filter(({ name }) => names.has(name));
}
const own = ownClosure();
const others = [...installed({ noos: '' }).keys()].map((name) => `node_modules/${name}`);
const total = bytesOf([...own.map(({ folder }) => folder), ...others]);
console.log(`npm install noos: ${own.length + others.length} packages, ${mb(total)} on disk; of others:`);
for (const folder of others) console.log(`  ${folder.padEnd(44)} ${mb(bytesOf([folder])).padStart(9)}`);
const unwanted = readdirSync('build/stage', { recursive: true }).filter((path) =>
  /\.(?:map|tsbuildinfo)$|\.test\.|(?<!\.d)\.ts$/.test(path),
);
const errors = [
  ...(total > installLimitMb * 1e6
    ? [`npm install noos takes ${mb(total)}, more than ${installLimitMb} MB`]
    : []),
  ...unwanted.map((path) => `${path} is not for publication`),
];
for (const error of errors) console.error(error);
process.exit(errors.length === 0 ? 0 : 1);
