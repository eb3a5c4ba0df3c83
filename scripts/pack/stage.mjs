// One package as it is published, in a folder of its own: manifest, reached modules, artefacts, licences.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nativeFiles, nativePackage, packages } from './packages.mjs';
import { publicExports, reachable } from './reachable.mjs';
import { thirdParty } from './third-party.mjs';

const json = (value) => `${JSON.stringify(value, undefined, 2)}\n`;

function put(from, to) {
  if (!existsSync(from)) throw new Error(`${from} is not built: npm run build && npm run build:native`);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, statSync(from).mode & 0o100 ? 0o755 : 0o644);
}

/** Modules and declarations without the line that leads to a source map, which is not published. */
function putModule(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  const text = readFileSync(from, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/gm, '');
  writeFileSync(to, text, { mode: statSync(from).mode & 0o100 ? 0o755 : 0o644 });
}

/** Every import is a dependency, and every dependency is imported (or is the optional one). */
function checkDependencies(name, manifest, imported) {
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const other of imported)
    if (!declared.includes(other)) throw new Error(`${name} imports ${other} and does not depend on it`);
}

function stagePackage(folder, { artefacts = [], folders = [], entries, optional = [] }, target) {
  const source = `packages/${folder}`;
  const {
    scripts: _,
    devDependencies: __,
    files: ___,
    ...manifest
  } = JSON.parse(readFileSync(`${source}/package.json`, 'utf8'));
  const { files, packages: imported } = reachable(source, manifest, entries);
  checkDependencies(manifest.name, manifest, imported);
  for (const file of files) putModule(join(source, file), join(target, file));
  for (const file of artefacts) put(join(source, file), join(target, file));
  for (const name of folders) cpSync(join(source, name), join(target, name), { recursive: true });
  if (existsSync(`${source}/README.md`)) put(`${source}/README.md`, join(target, 'README.md'));
  const published = {
    ...manifest,
    engines: JSON.parse(readFileSync('package.json', 'utf8')).engines,
    exports: publicExports(manifest),
    ...(optional.length === 0
      ? {}
      : { optionalDependencies: Object.fromEntries(optional.map((name) => [name, manifest.version])) }),
  };
  return published;
}

function stageNative(version, target) {
  for (const file of nativeFiles) {
    put(file, join(target, basename(file)));
    // A statically linked glibc is LGPL code inside; the addon uses the host's.
    if (/GNU C Library/.test(readFileSync(file, 'latin1')))
      throw new Error(`${file} was linked without musl: npm run setup, then npm run build`);
  }
  return { ...nativePackage, version, license: 'Apache-2.0' };
}

/** Bytes of all files below `folders`; one with several names (a hard link) counts once. */
export function bytesOf(folders) {
  const sizes = new Map();
  for (const folder of folders)
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const { dev, ino, size } = statSync(join(entry.parentPath, entry.name));
      sizes.set(`${dev}:${ino}`, size);
    }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Stages all packages below `directory`; returns name, folder, manifest and unpacked bytes of each. */
export function stage(directory) {
  rmSync(directory, { recursive: true, force: true });
  const { version } = JSON.parse(readFileSync('packages/cli/package.json', 'utf8'));
  const makers = [
    ...Object.entries(packages).map(([folder, options]) => [
      folder,
      (target) => stagePackage(folder, options, target),
    ]),
    ['native-linux-x64', (target) => stageNative(version, target)],
  ];
  return makers.map(([folder, make]) => {
    const target = join(directory, folder);
    const manifest = make(target);
    if (manifest.version !== version)
      throw new Error(`${manifest.name} is ${manifest.version}, noos is ${version}: versions go in step`);
    writeFileSync(join(target, 'package.json'), json(manifest));
    put('LICENSE', join(target, 'LICENSE'));
    writeFileSync(join(target, 'THIRD-PARTY'), thirdParty(manifest.name, manifest.dependencies ?? {}));
    return { name: manifest.name, folder: target, manifest, bytes: bytesOf([target]) };
  });
}
