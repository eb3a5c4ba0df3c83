#!/usr/bin/env node
// Installs what the tests, the native runtimes and the benchmarks need beyond npm: Debian packages of
// debian-packages.txt. Needs root (or sudo). The embedded default needs none of them.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const packages = readFileSync(new URL('../debian-packages.txt', import.meta.url), 'utf8')
  .split('\n')
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '');
const prefix = process.getuid?.() === 0 ? [] : ['sudo'];

function run(...command) {
  const [program, ...rest] = [...prefix, ...command];
  const { status, error } = spawnSync(program, rest, {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (error || status !== 0) {
    console.error(
      `setup: ${command.join(' ')} failed${error ? `: ${error.message}` : ` with status ${status}`}`,
    );
    process.exit(1);
  }
}

run('apt-get', 'update', '-q');
run('apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages);
spawnSync('npm', ['run', 'build'], { stdio: 'inherit' }).status === 0 || process.exit(1);
spawnSync('npm', ['run', 'build:native'], { stdio: 'inherit' }).status === 0 || process.exit(1);
