#!/usr/bin/env node
// Builds the workspace: WebAssembly modules and other artefacts beside all TypeScript, as many at once as there are
// processors, and says what it does.
// Usage: npm run build [-- --only PACKAGE]   --for-run builds what `noos run` needs: no tests, no container engine.
// Artefacts whose inputs (sources, the interface's views, the lock file) have not changed are not made again; none of
// them needs what tsc makes, nor the reverse.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { only: { type: 'string' }, 'for-run': { type: 'boolean', default: false } },
});
if (values.only !== undefined && !existsSync(`packages/${values.only}/package.json`)) {
  console.error(`unknown package ${values.only}; one of ${readdirSync('packages').join(', ')}`);
  process.exit(2);
}

/** What is made of what, the slowest first. `inputs`: files and folders of the package; `forRun`: needed by `noos run`. */
const artefacts = [
  {
    name: 'libos',
    script: 'build:artefacts',
    inputs: ['assembly', 'scripts', 'asconfig.json'],
    forRun: true,
  },
  { name: 'engine', script: 'build:artefacts', inputs: ['build.mjs', 'linker.wat'], forRun: true },
  { name: 'runtime', script: 'build:artefacts', inputs: ['build.mjs', 'src/url'], forRun: true },
  { name: 'libos', script: 'build:testing', inputs: ['assembly', 'scripts', 'asconfig.json'], forRun: false },
  { name: 'linux', script: 'build:artefacts', inputs: ['build-addon.mjs', 'c', 'programs'], forRun: false },
];
const locked = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;

/** What the lock file says of the packages that `manifest` depends on, directly or not. */
function lockedDependencies(manifest) {
  const found = new Map();
  const queue = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const entry = locked[`node_modules/${name}`];
    if (entry === undefined || entry.link || found.has(name)) continue;
    found.set(name, entry.integrity);
    queue.push(...Object.keys(entry.dependencies ?? {}));
  }
  return JSON.stringify([...found].sort());
}

/** Files at or below `path`. */
const filesOf = (path) =>
  statSync(path).isFile()
    ? [path]
    : readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/\.test\.ts$|\.md$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
        .sort();

/** Digest of everything that can change an artefact. */
function inputDigest(name, manifest, inputs) {
  const hash = createHash('sha256')
    .update(lockedDependencies(manifest))
    .update(JSON.stringify(manifest.scripts));
  for (const path of [...inputs.map((input) => `packages/${name}/${input}`), 'packages/abi/generated'])
    for (const file of filesOf(path)) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

/** The job that runs a script of a package, or undefined when what it made comes from the same inputs. */
function artefactJob({ name, script, inputs }) {
  const manifest = JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8'));
  const command = manifest.scripts[script];
  const stamp = `packages/${name}/build/${script.replace('build:', '')}.sha256`;
  const digest = inputDigest(name, manifest, inputs);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return undefined;
  return {
    name: `${name} ${script.replace('build:', '')}`,
    command,
    directory: `packages/${name}`,
    done() {
      mkdirSync(`packages/${name}/build`, { recursive: true });
      writeFileSync(stamp, digest);
    },
  };
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

/** What `docker version` says of the build: commit (unknown outside of a repository), time (SOURCE_DATE_EPOCH when set). */
function writeBuildFacts() {
  const git = (...words) => spawnSync('git', words, { encoding: 'utf8' }).stdout?.trim() ?? '';
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-changed';
  const commit = git('rev-parse', '--short', 'HEAD');
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const time = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);
  const facts = { commit: commit === '' ? 'unknown' : commit + changed, time: time.toISOString() };
  writeFileSync('packages/daemon/dist/build-facts.json', `${JSON.stringify(facts)}\n`);
}

/** The job that checks and compiles the TypeScript. */
function typesJob() {
  const forRun = values['for-run'];
  const all = values.only === undefined && !forRun;
  const projects = all ? ['.', 'test', 'bench'] : [`packages/${values.only ?? 'cli'}`];
  const compiled = [
    ...readdirSync('packages').map((name) => `packages/${name}`),
    ...(all ? ['test', 'bench'] : []),
  ];
  for (const project of compiled) removeOrphans(`${project}/dist`);
  return {
    name: 'types',
    command: `tsc -b ${projects.join(' ')}`,
    directory: '.',
    done() {
      if (all || values.only === 'daemon') writeBuildFacts();
    },
  };
}

/** Runs a job to its end; resolves with how long it took. Ends everything when it fails. */
function perform({ command, directory, done }) {
  const startMs = performance.now();
  const child = spawn(command, {
    shell: true,
    cwd: directory,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${resolve('node_modules/.bin')}:${process.env.PATH}` },
  });
  return new Promise((finish) => {
    child.on('close', (status) => {
      if (status !== 0) process.exit(status ?? 1);
      done?.();
      finish((performance.now() - startMs) / 1000);
    });
  });
}

const wanted = artefacts.filter(
  ({ name, forRun }) => (values.only === undefined || values.only === name) && (forRun || !values['for-run']),
);
const stale = wanted.map(artefactJob).filter((job) => job !== undefined);
const jobs = [...stale.slice(0, 1), typesJob(), ...stale.slice(1)];
if (stale.length > 0) console.log(`building ${jobs.map(({ name }) => name).join(', ')}`);
async function work() {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const seconds = await perform(job);
    if (stale.length > 0) console.log(`  ${job.name} ${seconds.toFixed(1)} s`);
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, work));
