/**
 * Makes one ES module of `whatwg-url`'s state machine, with our stand-in for its Unicode table.
 *
 * In: `whatwg-url`, src/url/domain.ts. Out: dist/url/url-machine.js; the packages in it, build/bundled.json.
 * Bundled into applications as it is, a CommonJS module that uses injected globals would make esbuild wrap every
 * module of the runtime; and the table, `tr46`, has 250 kB.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { metafile } = await build({
  metafile: true,
  entryPoints: [fileURLToPath(import.meta.resolve('whatwg-url/lib/url-state-machine.js'))],
  outfile: here('dist/url/url-machine.js'),
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
  charset: 'utf8',
  legalComments: 'inline',
  alias: { tr46: here('src/url/domain.ts') },
  inject: [here('src/url/machine-globals.js')],
  external: ['../encoding/*'],
  logLevel: 'warning',
});

// What a release names in its list of licences.
const packages = Object.keys(metafile.inputs).flatMap((path) => {
  const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
  return name === undefined ? [] : [name];
});
mkdirSync(here('build'), { recursive: true });
writeFileSync(here('build/bundled.json'), `${JSON.stringify([...new Set(packages)].sort())}\n`);
