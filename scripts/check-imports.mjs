#!/usr/bin/env node
// Imports flow one way: packages as docs/architecture.md says, layers inside the library OS and the daemon likewise, and
// no circle of files anywhere. Circles of types alone vanish when compiled: they are noted.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** Package → the packages it may import. */
const packages = {
  abi: [],
  engine: ['abi'],
  libos: ['abi'],
  runtime: ['abi'],
  native: ['abi'],
  image: ['abi', 'engine', 'libos', 'runtime'],
  host: ['abi', 'engine', 'image', 'libos', 'native'],
  linux: [],
  daemon: ['host', 'image', 'linux'],
  'create-noos': [],
  cli: ['abi', 'create-noos', 'daemon', 'engine', 'image', 'host', 'libos', 'native', 'runtime'],
};

/** Folders of packages/daemon/src from the lowest layer up: each may import those before it. */
const daemonLayers = [
  'protocol',
  'testing',
  'config',
  'linux',
  'storage',
  'events',
  'metrics',
  'archive',
  'images',
  'volumes',
  'dns',
  'networks',
  'workload',
  'containers',
  'build',
  'http',
  'api',
];

/** Rooms of a folder of packages/daemon/src, likewise; its types.ts is below them, its other files above. */
const daemonRooms = {
  networks: [
    'addresses',
    'netlink',
    'firewall',
    'publishing',
    'records',
    'endpoints',
    'sandboxes',
    'drivers',
  ],
};

/** Folder of packages/libos/assembly → the folders it may import, lowest layer first. */
const layers = {
  platform: [],
  storage: ['platform'],
  wire: ['storage'],
  time: ['storage', 'platform'],
  device: ['platform', 'storage', 'wire'],
  iface: ['device', 'platform', 'storage', 'time', 'wire'],
  socket: ['iface', 'device', 'platform', 'storage', 'time', 'wire'],
  dhcp: ['iface', 'socket', 'platform', 'storage', 'time', 'wire'],
  dns: ['iface', 'socket', 'platform', 'storage', 'time', 'wire'],
  http: ['socket', 'storage', 'time', 'platform', 'wire'],
  // Stands in for layers of the same path below testing/ in the modules for tests.
  testing: ['platform', 'storage', 'time'],
  engine: ['storage', 'platform', 'time'],
  kernel: [
    'dhcp',
    'dns',
    'engine',
    'http',
    'iface',
    'device',
    'platform',
    'socket',
    'storage',
    'time',
    'wire',
  ],
  entry: [
    'kernel',
    'dhcp',
    'dns',
    'engine',
    'http',
    'iface',
    'device',
    'platform',
    'socket',
    'storage',
    'time',
    'wire',
  ],
};

const errors = [];
const files = (directory, pattern) =>
  readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((name) => pattern.test(name) && !/node_modules|\/dist\//.test(name));
const importsOf = (file) =>
  [
    ...readFileSync(file, 'utf8').matchAll(
      /^\s*(?:import|export)\s[^;]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/gm,
    ),
  ].map((match) => match[1] ?? match[2]);

for (const file of files('packages', /\.m?ts$/)) {
  const from = file.split('/')[1];
  for (const specifier of importsOf(file)) {
    const target = specifier.startsWith('@noos/')
      ? specifier.split('/')[1]
      : specifier.startsWith('.')
        ? normalize(join(dirname(file), specifier)).split('/')[1]
        : undefined;
    if (target !== undefined && target !== from && target in packages && !packages[from]?.includes(target))
      errors.push(`${file}: ${from} may not import ${target}`);
  }
}

const root = 'packages/libos/assembly';
for (const file of files(root, /\.ts$/)) {
  const from = relative(root, file).split('/')[0];
  const allowed = from.endsWith('.ts') ? layers.entry : layers[from];
  if (allowed === undefined) {
    errors.push(`${file}: folder ${from} has no place in the layers of scripts/check-imports.mjs`);
    continue;
  }
  for (const specifier of importsOf(file).filter((name) => name.startsWith('.'))) {
    const target = relative(root, normalize(join(dirname(file), specifier))).split('/')[0];
    if (target !== from && target !== '..' && !allowed.includes(target))
      errors.push(`${file}: layer ${from} may not import ${target}`);
  }
}

const daemonRoot = 'packages/daemon/src';
for (const file of files(daemonRoot, /\.ts$/)) {
  const from = relative(daemonRoot, file).split('/')[0];
  if (from.endsWith('.ts')) continue;
  const rank = daemonLayers.indexOf(from);
  if (rank === -1)
    errors.push(`${file}: folder ${from} has no place in the layers of scripts/check-imports.mjs`);
  for (const specifier of importsOf(file).filter((name) => name.startsWith('.'))) {
    const target = relative(daemonRoot, normalize(join(dirname(file), specifier))).split('/')[0];
    // Files beside the folders are the lowest layer (errors, layout, log), but for what puts the areas together.
    const above = target.endsWith('.js')
      ? ['daemon.js', 'index.js'].includes(target)
      : daemonLayers.indexOf(target) > rank;
    if (above) errors.push(`${file}: layer ${from} may not import ${target}`);
  }
}

for (const [folder, rooms] of Object.entries(daemonRooms)) {
  const folderRoot = join(daemonRoot, folder);
  /** A room's place, above all rooms for the folder's own files, below them for types; -1: not a room. */
  const rankOf = (path) => {
    const [first] = path.split('/');
    if (/^types\.(js|ts)$/.test(first)) return 0;
    if (/\.(js|ts)$/.test(first)) return rooms.length + 1;
    return rooms.includes(first) ? rooms.indexOf(first) + 1 : -1;
  };
  for (const file of files(folderRoot, /\.ts$/)) {
    const rank = rankOf(relative(folderRoot, file));
    if (rank === -1) errors.push(`${file}: not in a room of ${folder} in scripts/check-imports.mjs`);
    for (const specifier of importsOf(file).filter((name) => name.startsWith('.'))) {
      const target = relative(folderRoot, normalize(join(dirname(file), specifier)));
      if (!target.startsWith('..') && rankOf(target) > rank)
        errors.push(`${file}: below ${target} in ${folder}, may not import it`);
    }
  }
}

/** Relative imports of a file as paths of existing files; `types`: those of types alone as well. */
function edgesOf(file, known, types) {
  const source = readFileSync(file, 'utf8');
  const edges = [];
  for (const [, clause, specifier] of source.matchAll(
    /^\s*(?:import|export)\s([^;'"]*?from\s+)?['"](\.[^'"]+)['"]/gm,
  )) {
    const names = /^\s*\{([^}]*)\}/.exec(clause ?? '')?.[1].split(',') ?? [];
    const onlyTypes =
      /^type\s/.test(clause ?? '') ||
      (names.length > 0 && names.every((name) => name.trim() === '' || /^\s*type\s/.test(name)));
    if (onlyTypes && !types) continue;
    const path = normalize(join(dirname(file), specifier));
    const target = [path, `${path}.ts`, path.replace(/\.js$/, '.ts'), path.replace(/\.mjs$/, '.mts')].find(
      (name) => known.has(name),
    );
    if (target !== undefined) edges.push(target);
  }
  return edges;
}

/** Groups of files that import each other in circles (Tarjan's strongly connected components of more than one). */
function circles(types) {
  const known = new Set(files('packages', /\.m?ts$/).map((file) => normalize(file)));
  const found = [];
  const order = new Map();
  const lowest = new Map();
  const open = [];
  const isOpen = new Set();
  const visit = (file) => {
    order.set(file, order.size);
    lowest.set(file, order.get(file));
    open.push(file);
    isOpen.add(file);
    for (const target of edgesOf(file, known, types)) {
      if (!order.has(target)) visit(target);
      if (isOpen.has(target)) lowest.set(file, Math.min(lowest.get(file), lowest.get(target)));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const group = open.splice(open.indexOf(file));
    for (const member of group) isOpen.delete(member);
    if (group.length > 1) found.push(group.sort());
  };
  for (const file of known) if (!order.has(file)) visit(file);
  return found;
}

for (const group of circles(false)) errors.push(`import each other in a circle: ${group.join(', ')}`);
if (errors.length === 0)
  for (const group of circles(true)) console.log(`note, a circle with types: ${group.join(', ')}`);

for (const error of errors) console.error(error);
process.exit(errors.length === 0 ? 0 : 1);
