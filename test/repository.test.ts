/** What `npm run check` refuses to have in the repository. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository, scratch } from './targets.js';

test('large files and unknown names at the root', () => {
  const directory = mkdtempSync(join(scratch, 'repository-'));
  const git = (...words: string[]) => execFileSync('git', words, { cwd: directory });
  const check = () => {
    const script = join(repository, 'scripts/check-files.mjs');
    const { status, stderr } = spawnSync('node', [script], { cwd: directory, encoding: 'utf8' });
    return [
      status,
      stderr
        .trim()
        .split('\n')
        .map((line) => line.split(':')[0]),
    ];
  };
  git('init', '--quiet');
  mkdirSync(join(directory, 'docs'));
  writeFileSync(join(directory, 'README.md'), '');
  writeFileSync(join(directory, 'docs/page.md'), '.'.repeat(200_000));
  git('add', '.');
  assert.deepEqual(check(), [0, ['']]);
  writeFileSync(join(directory, 'docs/page.md'), '.'.repeat(200_001));
  writeFileSync(join(directory, 'trace.data'), '');
  mkdirSync(join(directory, 'results'));
  writeFileSync(join(directory, 'results/one.txt'), '');
  git('add', '.');
  assert.deepEqual(check(), [1, ['docs/page.md', 'results/one.txt', 'trace.data']]);
});
