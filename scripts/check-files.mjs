#!/usr/bin/env node
// Every tracked file is a source that someone wrote: none above the size limit, and only known names at the root, so
// that traces, dumps and built artefacts do not enter the repository.
import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';

const largestKb = 200;

/** Larger files that belong here: path → why. */
const large = new Map([]);

/** Files beside the folders. A new one is added here on purpose. */
const rootFiles = new Set([
  '.gitignore',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'biome.json',
  'debian-packages.txt',
  'package-lock.json',
  'package.json',
  'tsconfig.base.json',
  'tsconfig.json',
]);
const rootFolders = new Set(['.ci', 'bench', 'docs', 'examples', 'packages', 'scripts', 'test']);

/** What is wrong with the tracked files `paths` (relative to the root). `sizeOf` gives bytes, undefined when removed. */
export function fileErrors(paths, sizeOf) {
  const errors = [];
  for (const path of paths) {
    const [first, ...rest] = path.split('/');
    if (rest.length === 0 ? !rootFiles.has(first) : !rootFolders.has(first))
      errors.push(
        `${path}: nothing of this name belongs at the root (scripts/check-files.mjs lists what does)`,
      );
    const bytes = sizeOf(path);
    if (bytes !== undefined && bytes > largestKb * 1000 && !large.has(path))
      errors.push(`${path}: ${Math.ceil(bytes / 1000)} KB, more than ${largestKb} KB`);
  }
  return errors;
}

if (import.meta.filename === process.argv[1]) {
  // -z: names as they are, without quotes.
  const tracked = execFileSync('git', ['ls-files', '-z', '--cached'], { encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '');
  const errors = fileErrors(tracked, (path) => lstatSync(path, { throwIfNoEntry: false })?.size);
  for (const error of errors) console.error(error);
  process.exit(errors.length === 0 ? 0 : 1);
}
