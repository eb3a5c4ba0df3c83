/**
 * Builds an application into an image file.
 *
 * In: a source, build options. Out: the image's path and manifest, or BundleError / ImageError. May import: image.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { engineDigest } from '@noos/engine/module';
import type { Manifest } from '@noos/image/file';
import { libosDigest } from '@noos/libos/module';
import { InvalidArgumentError } from 'commander';
import { openCache } from './cache.js';
import { CliError, exitCodes } from './errors.js';
import type { Source } from './source.js';
import { progress } from './terminal.js';
import { parseLimit, parseMemory } from './values.js';
import { version } from './version.js';

export interface BuildOptions {
  env?: Record<string, string>;
  memory?: number;
  /** Start parameters by name. */
  limit?: Record<string, string>;
  /** `http.bodyBytes`. */
  httpBodyLimit?: string;
  snapshot: boolean;
  name?: string;
}

export interface Built {
  path: string;
  manifest: Manifest;
  bytes: number;
  warnings: readonly string[];
  /** What the application's top level wrote while it was evaluated. */
  console: string;
  inputs: readonly string[];
}

type Entry = Source & { kind: 'entry' };

/** What `parse` makes of a value of package.json. */
function parseSetting<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new CliError(exitCodes.build, `package.json, noos.${name}: ${error.message}`);
  }
}

/** The limits that options of the command line set, as start parameters. */
export function limitsOf({ limit, httpBodyLimit }: BuildOptions): Record<string, string> {
  return { ...limit, ...(httpBodyLimit === undefined ? {} : { 'http.bodyBytes': httpBodyLimit }) };
}

/** The options of a build with those of package.json below them. */
function effective(source: Entry, options: BuildOptions) {
  const { settings } = source;
  const { memory: memoryText, limits: limitTexts = {} } = settings;
  const memory =
    options.memory ??
    (memoryText === undefined ? undefined : parseSetting('memory', () => parseMemory(memoryText)));
  const limits = Object.entries(limitTexts).map(([name, value]): [string, string] => [
    name,
    parseSetting('limits', () => parseLimit(name, String(value))),
  ]);
  return {
    name: options.name ?? source.name,
    env: { ...settings.env, ...options.env },
    snapshot: options.snapshot,
    memory,
    limits: { ...Object.fromEntries(limits), ...limitsOf(options) },
  };
}

/** Bundles, evaluates and writes `output` (and its source map beside it); a failed build leaves no file. */
export async function build(source: Entry, output: string, options: BuildOptions): Promise<Built> {
  const { name, env, snapshot, memory, limits } = effective(source, options);
  const { buildImage, bundle } = await import('@noos/image');
  const steps = progress(true);
  try {
    steps.step(`bundling ${name}`);
    const bundled = await bundle(source.path, { env });
    steps.step(`evaluating ${name}`);
    const { bytes, image, console } = await buildImage(bundled.code, {
      name,
      noos: version,
      parts: bundled.parts,
      snapshot,
      parameters: new Map(Object.entries(limits)),
      ...(memory === undefined ? {} : { engineLimitBytes: memory }),
    });
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(`${output}.map`, bundled.map);
    // Renamed into place: whoever reads the image sees the old one or the new one.
    writeFileSync(`${output}.${process.pid}`, bytes);
    renameSync(`${output}.${process.pid}`, output);
    return {
      path: output,
      manifest: image.manifest,
      bytes: bytes.length,
      warnings: bundled.warnings,
      console,
      inputs: bundled.inputs,
    };
  } finally {
    steps.done();
  }
}

/** Everything of Noos that goes into an image, as one digest. */
function toolDigest(): string {
  const hash = createHash('sha256').update(version).update(engineDigest()).update(libosDigest());
  return hash.digest('hex');
}

export interface Cached {
  path: string;
  /** Absent when the image was in the cache. */
  built?: Built;
}

/** The image of a source from the cache, built when something that goes in has changed. */
export async function buildCached(source: Entry, options: BuildOptions): Promise<Cached> {
  const cache = openCache(source.path, effective(source, options), toolDigest());
  const found = cache.find();
  if (found !== undefined) return { path: found };
  const built = await build(source, cache.imagePath, options);
  cache.store(built.inputs);
  return { path: built.path, built };
}
