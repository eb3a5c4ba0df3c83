/**
 * How imports resolve in an application: the runtime's modules, and what Node has and we do not.
 *
 * In: specifiers. Out: files, virtual modules, errors. Imports runtime's tables, errors.
 */
import { existsSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, resolve } from 'node:path';
import { applicationModules, runtimeDirectory } from '@noos/runtime';
import type { Plugin } from 'esbuild';

/** What to use instead of a Node built-in. */
const instead: Record<string, string> = {
  net: 'noos:net',
  dgram: 'noos:net (udpBind)',
  dns: 'noos:dns',
  http: 'export default { fetch(request) {} } to serve and fetch() to request',
  https: 'fetch()',
  crypto: 'the global crypto',
  process: 'noos:env and noos:process',
  timers: 'the global timers',
  url: 'the globals URL and URLSearchParams',
  util: 'the globals TextEncoder, TextDecoder and structuredClone',
  stream: 'the globals ReadableStream, WritableStream and TransformStream',
  buffer: 'Uint8Array, TextEncoder, TextDecoder, atob and btoa',
  events: 'the global EventTarget',
  perf_hooks: 'the global performance',
  fs: 'data imported into the bundle; there is no file system',
  path: 'strings; there is no file system',
  child_process: 'nothing: there are no other processes',
  worker_threads: 'nothing: start further unikernels instead',
};

const builtins = new Set(builtinModules);
const entryNamespace = 'noos-entry';
const valuesNamespace = 'noos-values';

export interface PluginOptions {
  entry: string;
  env: Readonly<Record<string, string | number | boolean>>;
  /** Names of runtime features to include. */
  features: readonly string[];
}

/** The specifier of the bundle's entry. */
export const entrySpecifier = 'noos:entry';

function entryText({ entry, features }: PluginOptions): string {
  return [
    "import { run } from 'noos:main';",
    ...features.map((name) => `import 'noos:features/${name}';`),
    `import application from ${JSON.stringify(entry)};`,
    'run(application);',
  ].join('\n');
}

/** The folder of the npm package that a file belongs to; undefined for the application's own files. */
export function packageOf(file: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

export function noosPlugin(options: PluginOptions): Plugin {
  return {
    name: 'noos',
    setup(build) {
      build.onResolve({ filter: /^noos:/ }, ({ path, importer, namespace }) => {
        if (path === entrySpecifier) return { path, namespace: entryNamespace };
        if (path === 'noos:env-values') return { path, namespace: valuesNamespace, sideEffects: false };
        const name = path.slice('noos:'.length);
        const ours = namespace === entryNamespace;
        if (ours) return { path: join(runtimeDirectory, `${name}.js`) };
        const file = join(runtimeDirectory, 'modules', `${name}.js`);
        if ((applicationModules as readonly string[]).includes(name) && existsSync(file))
          return { path: file, sideEffects: name === 'globals' };
        const known = applicationModules.map((module) => `noos:${module}`).join(', ');
        return { errors: [{ text: `there is no module ${path}; there are ${known}`, detail: importer }] };
      });
      // What a package reads is put into the image: a path must not lead it to other files of whoever builds.
      build.onResolve({ filter: /^(\.\.)?\// }, ({ path, importer, resolveDir, namespace }) => {
        const own = namespace === 'file' ? packageOf(importer) : undefined;
        if (own === undefined || resolve(resolveDir, path).startsWith(`${own}/`)) return undefined;
        return {
          errors: [{ text: `a package may not import a file outside of it: ${path}`, detail: importer }],
        };
      });
      build.onResolve({ filter: /^@noos\/abi$/ }, async ({ path, resolveDir, kind, pluginData }) => {
        if (pluginData === 'resolving') return undefined;
        const found = await build.resolve(path, { resolveDir, kind, pluginData: 'resolving' });
        return { path: found.path, sideEffects: false };
      });
      build.onResolve({ filter: /^(node:)?[a-z_/0-9]+$/ }, ({ path, resolveDir, kind, pluginData }) => {
        if (pluginData === 'resolving') return undefined;
        const bare = path.replace(/^node:/, '');
        const [top = bare] = bare.split('/');
        if (!builtins.has(bare)) return undefined;
        return resolveBuiltin(path, bare, top, resolveDir, kind);
      });
      // A package may carry the name of a built-in (punycode, events): then the package is meant.
      async function resolveBuiltin(
        path: string,
        bare: string,
        top: string,
        resolveDir: string,
        kind: 'import-statement' | string,
      ) {
        if (!path.startsWith('node:')) {
          const found = await build.resolve(`${bare}/`, {
            resolveDir,
            kind: kind as 'import-statement',
            pluginData: 'resolving',
          });
          if (found.errors.length === 0 && !found.external)
            return { path: found.path, sideEffects: found.sideEffects };
        }
        const use = instead[top] === undefined ? '' : `: use ${instead[top]}`;
        return {
          errors: [
            {
              text: `"${path}" is a module of Node, which is not there in a unikernel${use}`,
              detail: { code: 'node-builtin' },
            },
          ],
        };
      }
      build.onLoad({ filter: /.*/, namespace: entryNamespace }, () => ({
        contents: entryText(options),
        resolveDir: runtimeDirectory,
        loader: 'js',
      }));
      build.onLoad({ filter: /.*/, namespace: valuesNamespace }, () => ({
        contents: JSON.stringify(options.env),
        loader: 'json',
      }));
    },
  };
}
