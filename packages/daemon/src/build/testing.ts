import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { createTar } from '../archive/create.js';
import type { ContainerCreate, Containers } from '../containers/types.js';
import { DaemonError } from '../errors.js';
import { openImageStore } from '../images/store/store.js';
import type { Image, Images, Layers } from '../images/types.js';
import { withHolds } from '../images/with-holds.js';
import { createLayout } from '../layout.js';
import { createLogger } from '../log.js';
import type { ProgressMessage } from '../protocol/progress.js';
import { createBuilder } from './builder.js';
import type { BuildOptions } from './types.js';

const defaults: BuildOptions = {
  dockerfile: '',
  remote: '',
  tags: [],
  noCache: false,
  cacheFrom: [],
  pull: false,
  remove: true,
  forceRemove: false,
  args: {},
  labels: {},
  target: '',
  platform: undefined,
  hostConfig: {},
  auths: {},
};

type Files = Readonly<Record<string, string | Uint8Array>>;

export interface Fixture {
  images: Images;
  layers: Layers;
  base: Image;
  build(
    dockerfile: string,
    files?: Files,
    options?: Partial<BuildOptions>,
  ): Promise<{ image: Image; text: string; messages: ProgressMessage[] }>;
  /** Paths of an image, with what `look` says of each. */
  inspect<T>(image: Image, look: (root: string) => Promise<T>): Promise<T>;
  containers(): string[];
  directory: string;
}

export async function writeTree(directory: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> ')) await symlink(content.slice(3), path);
    else await writeFile(path, content);
  }
}

/** A store with a busybox image, and containers that are a chroot. */
export async function fixture(t: TestContext): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'noos-build-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const layout = createLayout(join(directory, 'data'), join(directory, 'run'));
  await mkdir(layout.temporary, { recursive: true });
  const events = { publish() {} };
  const { images, layers } = await openImageStore({ layout, events, log: createLogger('fatal') });
  const system = join(directory, 'system');
  await writeTree(system, {
    'etc/passwd': 'root:x:0:0::/root:/bin/sh\nme:x:7:8::/:/bin/sh\n',
    'etc/group': 'root:x:0:\ngang:x:9:\n',
    'bin/sh': '-> busybox',
    'bin/cat': '-> busybox',
    'out/inner': '-> /etc',
    'tmp/keep': '',
  });
  await copyFile('/bin/busybox', join(system, 'bin/busybox'));
  await chmod(join(system, 'bin/busybox'), 0o755);
  const layer = await layers.unpack(createTar(system), undefined);
  const document = {
    os: 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    rootfs: { type: 'layers' as const, diff_ids: [layer.diffId] },
    config: { Cmd: ['/bin/sh'] },
    history: [{ created_by: 'test' }],
  };
  const base = await withHolds((holds) => images.add(document, { holds }));
  await images.tag(base.id, 'base:latest');

  const known = new Map<string, ContainerCreate>();
  const containers = {
    async create(request: ContainerCreate) {
      const id = `${known.size}`.padStart(64, 'c');
      await layers.createRoot(id, images.get(request.config.Image).chain.at(-1));
      known.set(id, request);
      return { id, warnings: [] };
    },
    get: (id: string) => ({ id, name: known.get(id)?.name }),
    async remove(id: string) {
      if (!known.delete(id)) throw new DaemonError('notFound', `No such container: ${id}`);
      await layers.removeRoot(id);
    },
  } as unknown as Containers;
  const builder = await createBuilder({
    ...{ images, layers, containers, layout, events },
    pull: async (name) => {
      throw new DaemonError('notFound', `pull access denied for ${name}`);
    },
    async runContainer(id, output) {
      const { config } = known.get(id)!;
      const root = await layers.mountRoot(id);
      try {
        const result = spawnSync('chroot', [root, ...config.Cmd!], {
          env: Object.fromEntries(config.Env!.map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
          encoding: 'utf8',
        });
        if (result.stdout) output('stdout', result.stdout);
        if (result.stderr) output('stderr', result.stderr);
        return result.status ?? 255;
      } finally {
        await layers.unmountRoot(id);
      }
    },
  });
  return {
    ...{ images, layers, base, directory },
    containers: () => [...known.keys()],
    async build(dockerfile, files = {}, options = {}) {
      const context = await mkdtemp(join(directory, 'context-'));
      await writeTree(context, { Dockerfile: dockerfile, ...files });
      const messages: ProgressMessage[] = [];
      try {
        const id = await builder.build({
          options: { ...defaults, ...options },
          context: Readable.from(createTar(context)),
          report: (message) => messages.push(message),
          aux: true,
          signal: new AbortController().signal,
        });
        const text = messages.map(({ stream }) => stream ?? '').join('');
        return { image: images.get(id), text, messages };
      } catch (error) {
        if (error instanceof Error)
          error.message += `\n${messages.map(({ stream }) => stream ?? '').join('')}`;
        throw error;
      }
    },
    async inspect(image, look) {
      await layers.createRoot('inspect', image.chain.at(-1), { plain: true });
      try {
        return await look(await layers.mountRoot('inspect'));
      } finally {
        await layers.unmountRoot('inspect');
        await layers.removeRoot('inspect');
      }
    },
  };
}
