#!/usr/bin/env node
// The steps of a release, in order; the first that fails ends it, and nothing is published before all have passed.
// Usage: npm run release -- [--dry-run] [--skip-tests] VERSION   --dry-run prints what it would publish.
// --skip-tests is for trying these steps and goes with --dry-run only.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { versionErrors } from './pack/versions.mjs';

const { values, positionals } = parseArgs({
  options: {
    'dry-run': { type: 'boolean', default: false },
    'skip-tests': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [version] = positionals;
const dryRun = values['dry-run'];
function fail(message) {
  console.error(`release: ${message}`);
  process.exit(1);
}
if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version ?? '') || positionals.length !== 1)
  fail('name one version: npm run release -- --dry-run 0.2.0');
if (values['skip-tests'] && !dryRun) fail('--skip-tests goes with --dry-run');

function run(command, ...words) {
  if (spawnSync(command, words, { stdio: 'inherit' }).status !== 0)
    fail(`${command} ${words.join(' ')} failed`);
}
const read = (command, ...words) => spawnSync(command, words, { encoding: 'utf8' }).stdout.trim();

function step(name, perform) {
  console.log(`— ${name}`);
  perform();
}

step('the tree is clean and the tag is new', () => {
  const changed = read('git', 'status', '--porcelain');
  if (changed !== '') fail(`commit or remove what has changed:\n${changed}`);
  if (read('git', 'tag', '--list', `v${version}`) !== '') fail(`the tag v${version} is there already`);
});
step('versions go in step', () => {
  const errors = versionErrors(version);
  if (errors.length > 0) fail(errors.join('\n'));
});
step('the changelog has its section', () => {
  const heading = readFileSync('CHANGELOG.md', 'utf8').match(
    new RegExp(`^## ${version.replaceAll('.', '\\.')} \\((.+)\\)$`, 'm'),
  );
  if (heading === null) fail(`CHANGELOG.md has no section "## ${version} (DATE)"`);
  if (!dryRun && !/^\d{4}-\d\d-\d\d$/.test(heading[1]))
    fail(`CHANGELOG.md dates ${version} "${heading[1]}": write the day`);
});
step('check', () => run('npm', 'run', '--silent', 'check'));
if (!values['skip-tests']) step('tests', () => run('npm', 'test'));
step('pack', () => run('npm', 'run', '--silent', 'pack'));
step('Debian package', () => run('npm', 'run', '--silent', 'pack:deb', '--', '--no-build'));

const tarballs = readdirSync('build/packages').map((name) => join('build/packages', name));
if (dryRun) {
  console.log('would publish:');
  for (const path of [...tarballs, `build/noos_${version}_amd64.deb (to the release page)`])
    console.log(`  ${path}`);
  console.log(`would print: git tag v${version} && git push origin v${version}`);
} else {
  // The command line last: who installs it finds what it needs.
  for (const path of [...tarballs].sort(
    (one, other) => Number(/\/noos-\d/.test(one)) - Number(/\/noos-\d/.test(other)),
  ))
    run('npm', 'publish', '--access', 'public', path);
  console.log(`published. Now: git tag v${version} && git push origin v${version}`);
}
