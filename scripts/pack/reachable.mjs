// Which modules of a built package its entries reach: a release carries these and no tests, tools or leftovers.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const importPattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)['"](\.{0,2}[\w./@:-]+)['"](?=\s*[;),])/g;
const workerPattern = /new URL\(\s*['"](?:\.\/)?([\w/-]+\.js)['"],\s*import\.meta\.url\)/g;

/** Specifiers of the modules, and of the worker threads' modules, that `text` names. */
const specifiersOf = (text) => [
  ...[...text.matchAll(importPattern)].map((match) => match[1]),
  ...[...text.matchAll(workerPattern)].map((match) => `./${match[1]}`),
];

/** Exports that are not for tests. */
export const publicExports = (manifest) =>
  Object.fromEntries(Object.entries(manifest.exports ?? {}).filter(([name]) => !/testing|\*/.test(name)));

function walk(folder, roots) {
  const files = new Set();
  const packages = new Set();
  const queue = [...roots];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (files.has(path)) continue;
    if (!existsSync(join(folder, path))) throw new Error(`${folder}: ${path} is imported and is not built`);
    files.add(path);
    for (const specifier of specifiersOf(readFileSync(join(folder, path), 'utf8'))) {
      if (specifier.startsWith('.')) {
        const target = normalize(join(dirname(path), specifier));
        queue.push(path.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target);
      } else if (!specifier.startsWith('node:') && !specifier.startsWith('noos:'))
        packages.add(
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        );
    }
  }
  return { files, packages };
}

/**
 * The modules that exports and programs of `manifest` reach, and those that `entries` (a pattern of paths) names; and
 * the declarations for the same faces.
 * @returns `files`: paths relative to `folder`; `packages`: names of the packages that the modules import
 * @throws when an import leads to no file
 */
export function reachable(folder, manifest, entries = /^$/) {
  const exported = Object.values(publicExports(manifest));
  const built = readdirSync(join(folder, 'dist'), { recursive: true })
    .map((path) => `dist/${path}`)
    .filter((path) => entries.test(path));
  const paths = (condition) =>
    exported.flatMap((entry) => entry[condition] ?? []).map((path) => normalize(path));
  const code = walk(folder, [...paths('default'), ...Object.values(manifest.bin ?? {}), ...built]);
  const declarations = built.map((path) => path.replace(/\.js$/, '.d.ts'));
  const types = walk(folder, [...paths('types'), ...declarations]);
  return { files: [...code.files, ...types.files].sort(), packages: [...code.packages].sort() };
}
