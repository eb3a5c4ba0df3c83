// What a release publishes: package → what it carries beside the modules that its entries reach.

/** Folder below packages/ → `artefacts`: built files; `folders`: taken whole; `entries`: modules that only a bundler reads. */
export const packages = {
  abi: {},
  engine: { artefacts: ['build/engine.wasm', 'build/linker.wasm'] },
  libos: { artefacts: ['build/libos.wasm', 'build/stack.wasm'] },
  runtime: {
    folders: ['types'],
    entries: /^dist\/(?:main|globals|(?:modules|features)\/[^/]+)\.js$/,
  },
  native: { optional: ['@noos/native-linux-x64'] },
  image: {},
  host: {},
  linux: { optional: ['@noos/native-linux-x64'] },
  daemon: { artefacts: ['dist/build-facts.json'], folders: ['systemd'] },
  'create-noos': { folders: ['bin'] },
  cli: { folders: ['bin'] },
};

/** Compiled for Linux on x86-64: file of the workspace → reached by `@noos/native-linux-x64/NAME`. */
export const nativeFiles = [
  'packages/native/build/runtime-process',
  'packages/native/build/runtime-vm.elf',
  'packages/native/build/noos-tap',
  'packages/linux/build/linux.node',
  'packages/linux/build/exec-monitor',
  'packages/linux/build/limit-keeper',
];

export const nativePackage = {
  name: '@noos/native-linux-x64',
  description:
    'Noos for Linux on x86-64: native runtimes, TAP helper, the container engine’s addon and programs',
  os: ['linux'],
  cpu: ['x64'],
};

/** Most that `npm install noos` may take on disk, all packages together (docs/dependencies.md). */
export const installLimitMb = 25;
