/**
 * What a command's `[entry|image]` names: a module, a directory with a package.json, or an image.
 *
 * In: a path. Out: where the source is and what its package.json says under `noos`. May import: errors.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { imageMagic } from '@noos/abi';
import { CliError, exitCodes } from './errors.js';

/** The `noos` key of an application's package.json; all of it may be left out. */
export interface ProjectSettings {
  /** The module with the fetch handler; `main` otherwise, then src/main.ts. */
  entry?: string;
  /** Compiled into the image, typed and frozen. */
  env?: Record<string, string | number | boolean>;
  /** Limit of the JavaScript heap, `64m`. */
  memory?: string;
  /** Limits by start parameter: `{ "http.bodyBytes": "10m" }`. */
  limits?: Record<string, string | number>;
  /** Published by `noos run` when no -p is given. */
  ports?: string[];
}

export type Source =
  | { kind: 'image'; path: string }
  | { kind: 'entry'; path: string; name: string; settings: ProjectSettings };

/** True when the file begins as an image does. */
function isImage(path: string): boolean {
  if (extname(path) === '.noos') return true;
  const head = Buffer.alloc(imageMagic.length);
  const file = openSync(path, 'r');
  try {
    return readSync(file, head) === head.length && head.toString('latin1') === imageMagic;
  } finally {
    closeSync(file);
  }
}

interface Manifest {
  name?: string;
  main?: string;
  noos?: ProjectSettings;
}

function readManifest(directory: string): Manifest {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  } catch (error) {
    throw new CliError(exitCodes.build, `${path}: ${(error as Error).message}`);
  }
}

/** Settings for a module come from the package.json of the nearest directory that has one. */
function nearestManifest(file: string): Manifest {
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return readManifest(directory);
    if (dirname(directory) === directory) return {};
  }
}

/** Finds what `path` (default: the current directory) means. */
export function resolveSource(path = '.'): Source {
  const full = resolve(path);
  if (!existsSync(full))
    throw new CliError(exitCodes.usage, `there is no ${path}: name a module, a directory or an image`);
  if (!statSync(full).isDirectory()) {
    if (isImage(full)) return { kind: 'image', path: full };
    const { noos: settings = {} } = nearestManifest(full);
    return { kind: 'entry', path: full, name: basename(full, extname(full)), settings };
  }
  const manifest = readManifest(full);
  const settings = manifest.noos ?? {};
  const named = settings.entry ?? manifest.main;
  const entry = resolve(full, named ?? 'src/main.ts');
  if (!existsSync(entry))
    throw new CliError(
      exitCodes.usage,
      `${path} has no ${named ?? 'src/main.ts'}: name a module, or set "main" in its package.json`,
    );
  const name = manifest.name?.replace(/^@[^/]*\//, '') ?? basename(full);
  return { kind: 'entry', path: entry, name, settings };
}
