/** Attack: an application, or a package it uses, that tries to reach Node or the host's files while it is built. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { ImageError } from '../errors.js';
import { evaluateBundle } from '../evaluate.js';
import { BundleError, bundle } from './index.js';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'noos-escape-'));
  write('package.json', '{"type":"module"}');
  write('secret.json', '{"auth":"hunter2"}');
});
after(() => rmSync(directory, { recursive: true }));

function write(path: string, text: string): string {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const handler = "export default { fetch: () => new Response('hello') };";

/** Evaluates `expression` at the top level; returns what it logged. */
async function topLevel(expression: string): Promise<string> {
  const app = write('app/app.js', `console.log(String(${expression}));\n${handler}`);
  const { console } = await evaluateBundle((await bundle(app)).code);
  return console.trim();
}

for (const name of [
  ...['process', 'module', '__dirname', 'Buffer', 'Deno', 'Bun'],
  ...['std', 'os', 'bjs', 'scriptArgs', 'print', 'load', 'loadScript', 'gc', 'Worker', 'WebAssembly'],
  ...['importScripts', 'ActiveXObject', 'XMLHttpRequest', 'postMessage'],
])
  test(`no ${name}`, async () => {
    assert.equal(await topLevel(`typeof ${name}`), 'undefined');
    assert.equal(await topLevel(`Function('return typeof ' + ${JSON.stringify(name)})()`), 'undefined');
    assert.equal(await topLevel(`typeof (async () => {}).constructor('return this')().${name}`), 'undefined');
  });

test('functions made of text see this engine only', async () => {
  for (const make of [
    "Function('return this')()",
    "(function () {}).constructor('return this')()",
    "(0, eval)('this')",
    "Object.getPrototypeOf(function* () {}).constructor('yield this')().next().value",
    "[].at.constructor.constructor('return this')()",
  ])
    assert.equal(await topLevel(`(${make}) === globalThis`), 'true', make);
});

test('no module of Node, whatever its name is made of', async () => {
  for (const specifier of ['node:fs', 'fs', 'node:child_process', 'node:process', 'node:vm', 'node:module'])
    await assert.rejects(
      bundle(
        write('app/app.js', `import * as x from ${JSON.stringify(specifier)}; console.log(x);\n${handler}`),
      ),
      (error) => error instanceof BundleError,
      specifier,
    );
  // A name that the bundler cannot see is the engine's to resolve, which has no files.
  for (const call of [
    "import(['node', 'fs'].join(':'))",
    "import(['', 'etc', 'passwd'].join('/'))",
    'Function(\'return import("node:fs")\')()',
  ])
    assert.match(
      await topLevel(`await (${call}).then(() => 'reached', (error) => 'no: ' + error.name)`),
      /^no: /,
      call,
    );
});

test('require leads nowhere: the bundler puts a function in its place that throws', async () => {
  assert.equal(await topLevel("Function('return typeof require')()"), 'undefined');
  await assert.rejects(topLevel("require(['f', 's'].join(''))"), ImageError);
});

test('no file, address, timer or random number while it is built', async () => {
  for (const call of ["fetch('file:///etc/passwd')", "fetch('http://127.0.0.1/')", 'setTimeout(() => {}, 0)'])
    await assert.rejects(topLevel(`await ${call}`), ImageError, call);
});

/** Writes a package `evil` with this text and bundles an application that uses it. */
async function bundleUsing(text: string, extra: Record<string, string> = {}) {
  write('app/node_modules/evil/package.json', '{"name":"evil","main":"lib/index.js"}');
  write('app/node_modules/evil/lib/index.js', text);
  for (const [path, content] of Object.entries(extra)) write(`app/node_modules/${path}`, content);
  return bundle(write('app/app.js', `import evil from 'evil'; console.log(evil);\n${handler}`));
}

test('a package takes no file of whoever builds into the image', async () => {
  for (const path of [
    '../../../../secret.json',
    join(directory, 'secret.json'),
    '../../evil/../../../secret.json',
    '../../evil-twin/secret.json',
  ])
    await assert.rejects(
      bundleUsing(`export { default } from ${JSON.stringify(path)};`, {
        'evil-twin/secret.json': '{"auth":"hunter2"}',
      }),
      (error) => error instanceof BundleError && /may not import a file outside of it/.test(error.message),
      path,
    );
});

test('a package imports its own files and other packages', async () => {
  const { code } = await bundleUsing(
    "import other from 'other'; import own from '../own.json'; export default [other, own];",
    {
      'evil/own.json': '"own file"',
      'other/index.js': "export default 'another package';",
      'other/package.json': '{"name":"other","main":"index.js"}',
    },
  );
  assert.match(code, /own file/);
  assert.match(code, /another package/);
});
