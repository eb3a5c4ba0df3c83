/**
 * What a bundle consists of.
 *
 * In: esbuild's metafile. Out: parts with their sizes for the manifest. Imports runtime's tables.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { runtimeDirectory, runtimePackages } from '@noos/runtime';
import type { Metafile } from 'esbuild';
import type { SourceOrigin } from './source-map.js';

export interface BundlePart {
  /** `app`, `npm/hono@4.13.19`, `runtime/url`, `source map`. */
  name: string;
  bytes: number;
}

const runtimeSources = join(runtimeDirectory, '../src/');

interface Source {
  name: string;
  origin: SourceOrigin;
  part: string;
}

/** Folder, name and version of the npm package that holds a file. */
function packageOf(file: string): { directory: string; name: string; version: string } | undefined {
  const mark = file.lastIndexOf('node_modules/');
  if (mark < 0) return undefined;
  const [scope = '', name = ''] = file.slice(mark + 'node_modules/'.length).split('/');
  const full = scope.startsWith('@') ? `${scope}/${name}` : scope;
  const directory = join(file.slice(0, mark), 'node_modules', full);
  const manifest = join(directory, 'package.json');
  const version = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
    : '';
  return { directory, name: full, version };
}

/**
 * @param path as in the metafile, relative to `root`; virtual modules as `namespace:name`
 */
export function classify(path: string, root: string): Source {
  if (/^noos-[a-z]+:/.test(path)) return { name: `noos:${path}`, origin: 'runtime', part: 'runtime/core' };
  // Source maps lead from the runtime's compiled files to its TypeScript ones.
  const file = resolve(root, path).replace(runtimeSources, runtimeDirectory);
  if (file.startsWith(runtimeDirectory)) {
    const inside = relative(runtimeDirectory, file);
    const folder = dirname(inside);
    const part =
      folder === '.' || folder === 'features'
        ? 'core'
        : folder === 'modules'
          ? inside.replace(/^modules|\.js$/g, 'noos')
          : folder;
    return {
      name: `noos:runtime/${inside}`,
      origin: 'runtime',
      part: `runtime/${part.replace(/^noos\/(.*)noos$/, 'noos:$1')}`,
    };
  }
  const found = packageOf(file);
  if (found !== undefined) {
    const inside = relative(found.directory, file);
    const ofRuntime = runtimePackages.some((name) => found.name.startsWith(name));
    return {
      name: ofRuntime ? `noos:${found.name}/${inside}` : `node_modules/${found.name}/${inside}`,
      origin: ofRuntime ? 'runtime' : 'package',
      part: `npm/${found.name}@${found.version}`,
    };
  }
  if (/\/abi\/dist\//.test(file)) return { name: 'noos:abi', origin: 'runtime', part: 'runtime/core' };
  return { name: relative(root, file), origin: 'application', part: 'app' };
}

/** Parts by size, largest first. */
export function partsOf(metafile: Metafile, root: string): BundlePart[] {
  const sizes = new Map<string, number>();
  for (const output of Object.values(metafile.outputs))
    for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
      if (bytesInOutput === 0) continue;
      const { part } = classify(path, root);
      sizes.set(part, (sizes.get(part) ?? 0) + bytesInOutput);
    }
  return [...sizes]
    .map(([name, bytes]) => ({ name, bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}
