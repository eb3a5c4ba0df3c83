/**
 * From the source of an application to one file of JavaScript for the engine.
 *
 * In: an entry file. Out: code, source map, parts with sizes, warnings; BundleError. Imports esbuild, runtime's tables.
 * Only what the application reaches is in it: each global of the runtime is a module without side effects that is
 * injected where the name is used freely; `noos:*` imports are modules; parts behind a member of Request or Response
 * are included when the member's name occurs in the code (runtime's `features`).
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { features, globalsModule, runtimeDirectory } from '@noos/runtime';
import type * as esbuild from 'esbuild';
import { BundleError, compileError, messageLine } from './errors.js';
import { type BundlePart, classify, partsOf } from './parts.js';
import { entrySpecifier, noosPlugin } from './plugin.js';
import { sourceMaps } from './source-map.js';

export { BundleError, type BundleErrorCode } from './errors.js';
export type { BundlePart } from './parts.js';

export interface BundleOptions {
  /** Values of `env` compiled into the image. */
  env?: Readonly<Record<string, string | number | boolean>>;
  /** Embeds the compact source map; without it stacks show positions of the bundle. Default true. */
  sourceMap?: boolean;
}

export interface Bundle {
  /** An ES module without imports and exports; the engine evaluates it under the name `app.js`. */
  code: string;
  /** Full source map (JSON), to be kept beside the image. */
  map: string;
  parts: BundlePart[];
  /** One line each. */
  warnings: string[];
  /** Files read, absolute, sorted: what a cache by content depends on. */
  inputs: string[];
}

/** The folder of the nearest package.json, else of the entry: names in stacks are relative to it. */
function rootOf(entry: string): string {
  for (let directory = dirname(entry); ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return directory;
    if (dirname(directory) === directory) return dirname(entry);
  }
}

/** Loaded when something is bundled: a run of an image that is there does without it. */
const loadBundler = () => import('esbuild');

/** Names that the runtime gives as globals, from its table's exports. */
async function globalNames(): Promise<string[]> {
  const { build } = await loadBundler();
  const result = await build({
    entryPoints: [join(runtimeDirectory, globalsModule)],
    bundle: true,
    format: 'esm',
    write: false,
    metafile: true,
    external: ['*'],
    logLevel: 'silent',
    outfile: 'globals.js',
  });
  return Object.values(result.metafile.outputs)[0]?.exports ?? [];
}

let globals: Promise<string[]> | undefined;

/** `globalThis.URL` and `self.URL` mean the injected `URL`. */
async function defines(): Promise<Record<string, string>> {
  globals ??= globalNames();
  const define: Record<string, string> = {
    'process.env.NODE_ENV': '"production"',
    self: 'globalThis',
    global: 'globalThis',
  };
  for (const name of await globals)
    for (const object of ['globalThis', 'self', 'global']) define[`${object}.${name}`] = name;
  return define;
}

function neededFeatures(inputs: readonly string[], root: string): string[] {
  const sources = inputs
    .filter((path) => classify(path, root).origin !== 'runtime')
    .map((path) => readFileSync(resolve(root, path), 'utf8'));
  return Object.entries(features)
    .filter(([, pattern]) => sources.some((source) => pattern.test(source)))
    .map(([name]) => name)
    .sort();
}

/**
 * Bundles an application. The same sources give the same bytes wherever they are.
 * @param entry its module (TypeScript or JavaScript)
 * @throws BundleError
 */
export async function bundle(entry: string, options: BundleOptions = {}): Promise<Bundle> {
  const file = resolve(entry);
  if (!existsSync(file) || !statSync(file).isFile())
    throw new BundleError(
      'entry-missing',
      `${entry}: there is no such file; give the module with the fetch handler`,
    );
  const root = rootOf(file);
  const define = await defines();
  const bundler = await loadBundler();
  const build = (included: readonly string[]) =>
    bundler.build({
      entryPoints: [entrySpecifier],
      absWorkingDir: root,
      bundle: true,
      write: false,
      metafile: true,
      outfile: join(root, 'app.js'),
      format: 'esm',
      platform: 'neutral',
      target: 'es2023',
      mainFields: ['module', 'main'],
      conditions: ['noos', 'worker'],
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: 'none',
      charset: 'utf8',
      sourcemap: 'external',
      define,
      inject: [join(runtimeDirectory, globalsModule)],
      plugins: [noosPlugin({ entry: file, env: options.env ?? {}, features: included })],
      logLevel: 'silent',
    });
  try {
    let result = await build([]);
    const included = neededFeatures(reached(result.metafile), root);
    if (included.length > 0) result = await build(included);
    return assemble(result, root, options.sourceMap ?? true);
  } catch (error) {
    const messages = (error as Partial<esbuild.BuildFailure>).errors;
    if (messages === undefined) throw error;
    if (
      messages.some(
        ({ text }) => text.startsWith('No matching export') && text.includes('for import "default"'),
      )
    )
      throw new BundleError(
        'no-fetch-handler',
        `${entry} has no default export: write \`export default { fetch(request, env) { return new Response('hello') } }\``,
      );
    throw compileError(messages, root);
  }
}

/** Sources with bytes in the output. */
function reached(metafile: esbuild.Metafile): string[] {
  return Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path),
  );
}

function assemble(
  result: esbuild.BuildResult<{ write: false; metafile: true }>,
  root: string,
  embed: boolean,
): Bundle {
  const text = (suffix: string) => result.outputFiles.find(({ path }) => path.endsWith(suffix))!.text;
  const { full, compact } = sourceMaps(text('.js.map'), {
    classify: (source) => classify(source, root),
    linesBefore: embed ? 1 : 0,
  });
  const parts = partsOf(result.metafile, root);
  const header = embed ? `globalThis.__noosSourceMap=${JSON.stringify(compact)};\n` : '';
  if (embed) parts.push({ name: 'source map', bytes: header.length });
  return {
    code: header + text('.js'),
    map: full,
    parts,
    warnings: result.warnings.map((message) => messageLine(message, root)),
    inputs: Object.keys(result.metafile.inputs)
      .filter((path) => !/^noos-[a-z]+:/.test(path))
      .map((path) => resolve(root, path))
      .sort(),
  };
}
