#!/usr/bin/env node
// What the documents name is there: files that they link to, npm scripts, and paths in CONTRIBUTING.md.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { versionErrors } from './pack/versions.mjs';

const documents = execFileSync('git', ['ls-files', '--', '*.md'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '');
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
const errors = versionErrors();
for (const document of documents) {
  const text = readFileSync(document, 'utf8');
  for (const [, target] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g))
    if (!/^[a-z]+:/.test(target) && !existsSync(join(dirname(document), target)))
      errors.push(`${document} links to ${target}, which is missing`);
  for (const [, name] of text.matchAll(/npm run (?:--silent )?([a-z][\w:]*)/g))
    if (scripts[name] === undefined)
      errors.push(`${document} names npm run ${name}, which is not in package.json`);
}
const paths = /`((?:packages|test|bench|scripts|docs|examples)\/[\w./-]*)`|(?:node --test )(packages\/\S+)/g;
for (const [, quoted, built] of readFileSync('CONTRIBUTING.md', 'utf8').matchAll(paths)) {
  const path = quoted ?? built;
  if (!existsSync(path)) errors.push(`CONTRIBUTING.md names ${path}, which is missing`);
}
for (const error of errors) console.error(error);
process.exit(errors.length === 0 ? 0 : 1);
