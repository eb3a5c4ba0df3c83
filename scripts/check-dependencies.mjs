#!/usr/bin/env node
// Fails when one direct dependency of the workspace is asked for, or installed, in two versions.
import { readdirSync, readFileSync } from 'node:fs';

const asked = new Map();
const manifests = [
  '.',
  ...['packages', 'examples'].flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`)),
];
for (const folder of manifests) {
  let manifest;
  try {
    manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  } catch {
    continue;
  }
  for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    asked.set(name, new Map([...(asked.get(name) ?? []), [range, folder]]));
}
const installed = new Map();
for (const [path, entry] of Object.entries(JSON.parse(readFileSync('package-lock.json', 'utf8')).packages)) {
  const name = path.replace(/^.*node_modules\//, '');
  if (entry.version && asked.has(name))
    installed.set(name, (installed.get(name) ?? new Set()).add(entry.version));
}
let failed = false;
for (const [name, ranges] of asked) {
  if (ranges.size > 1)
    console.error(`${name} is asked for as ${[...ranges].map((pair) => pair.join(' in ')).join(', ')}`);
  const versions = installed.get(name);
  if (versions?.size > 1) console.error(`${name} is installed as ${[...versions].join(', ')}`);
  failed ||= ranges.size > 1 || versions?.size > 1;
}
process.exit(failed ? 1 : 0);
