// THIRD-PARTY of each package: whose code is inside it, with the licences' texts, and what npm installs beside it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Licences that may be part of a release. LGPL and GPL are not: nothing here is linked for relinking. */
const allowed = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unicode-3.0']);

const lock = () => JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;

function licenceText(folder) {
  const name = readdirSync(folder).find((file) => /^(licen[cs]e|copying)/i.test(file));
  if (name === undefined) throw new Error(`${folder} has no licence file`);
  return readFileSync(join(folder, name), 'utf8');
}

/** A package of npm whose code is inside one of ours. */
function ofNpm(name, what) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  return { name, version, license, what, text: licenceText(folder) };
}

/** A Debian package whose code is linked in; its machine-readable copyright file is the text. */
function ofDebian(name, license, what) {
  const path = `/usr/share/doc/${name}/copyright`;
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run setup installs ${name}`);
  return { name: `${name} (Debian)`, version: '', license, what, text: readFileSync(path, 'utf8') };
}

const quickjs = () => [
  ofNpm('quickjs-wasi', 'engine.wasm: QuickJS-ng and its bindings as WebAssembly'),
  {
    name: 'QuickJS-ng',
    version: '',
    license: 'MIT',
    what: 'engine.wasm, by way of quickjs-wasi; its Unicode tables come from the Unicode Character Database (Unicode-3.0)',
    text: readFileSync('scripts/pack/quickjs-ng.license', 'utf8'),
  },
];
const assemblyscript = () => [
  ofNpm('assemblyscript', 'libos.wasm and stack.wasm: parts of its standard library'),
];

/** Package → whose code is inside. What is only called at run time is a dependency instead. */
const inside = {
  '@noos/engine': quickjs,
  '@noos/libos': assemblyscript,
  '@noos/runtime': () =>
    JSON.parse(readFileSync('packages/runtime/build/bundled.json', 'utf8')).map((name) =>
      ofNpm(name, 'dist/url/url-machine.js'),
    ),
  '@noos/native-linux-x64': () => [
    ...quickjs(),
    ...assemblyscript(),
    ofDebian('wabt', 'Apache-2.0', 'runtimes: the C that wasm2c writes'),
    ofDebian('musl-dev', 'MIT', 'runtime-process, noos-tap, exec-monitor, limit-keeper: the C library'),
  ],
};

/** Packages of others that npm installs for `dependencies` (name → version), by the lock file: name → its entry there. */
export function installed(dependencies) {
  const packages = lock();
  const found = new Map();
  const seen = new Set();
  const queue = Object.keys(dependencies);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const place = packages[`node_modules/${name}`];
    // Of the variants for other systems, the one installed here stands for all.
    if (seen.has(name) || place === undefined || (place.optional && !existsSync(`node_modules/${name}`)))
      continue;
    seen.add(name);
    const entry = place.link ? packages[place.resolved] : place;
    if (!place.link) found.set(name, entry);
    queue.push(...Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }));
  }
  return found;
}

/** The text of THIRD-PARTY for `name`. Throws for a licence that is not allowed. */
export function thirdParty(name, dependencies) {
  const bundled = inside[name]?.() ?? [];
  const beside = [...installed(dependencies)].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const { name: other, license } of [
    ...bundled,
    ...beside.map(([key, entry]) => ({ name: key, ...entry })),
  ])
    if (!allowed.has(license))
      throw new Error(`${name}: ${other} has the licence ${license}, which nobody has weighed`);
  return [
    `${name} is licensed under Apache-2.0 (LICENSE).`,
    '',
    bundled.length === 0
      ? 'No code of others is inside this package.'
      : 'Code of others inside this package:',
    ...bundled.map((entry) =>
      `  ${entry.name} ${entry.version} (${entry.license}): ${entry.what}`.replace('  (', ' ('),
    ),
    ...(beside.length === 0 ? [] : ['', 'npm installs beside it, each with its own licence file:']),
    ...beside.map(([key, entry]) => `  ${key} ${entry.version} (${entry.license})`),
    ...bundled.flatMap((entry) => [
      '',
      `${'-'.repeat(20)} ${entry.name} ${'-'.repeat(20)}`,
      '',
      entry.text.trimEnd(),
    ]),
    '',
  ].join('\n');
}
