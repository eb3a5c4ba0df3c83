/**
 * Images made here, as archives for `docker load`: Debian's static busybox, and whatever layers a test thinks up.
 *
 * In: names, files. Out: archives (docker save's format). May import: tar-stream, the fixture.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Header, pack } from 'tar-stream';
import type { TestDaemon } from './daemon.js';

/** A file of a layer: its content, or a tar header with content. Names as in the archive, `.wh.` ones included. */
export type LayerFile = string | Uint8Array | (Partial<Header> & { content?: string | Uint8Array });
export type LayerFiles = Readonly<Record<string, LayerFile>>;

export interface TestImage {
  /** `repository:tag`, several or none. */
  tags?: readonly string[];
  /** `config` of the image: Cmd, Env, … */
  config?: Readonly<Record<string, unknown>>;
  /** Lowest first; files, or a finished tar. */
  layers: readonly (LayerFiles | Buffer)[];
  architecture?: string;
}

/** The time of everything in these archives. */
const made = new Date('2026-01-02T03:04:05Z');
const busyboxPath = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));

/** A tar of these files; a name ending with `/` is a directory. */
export async function tarOf(files: LayerFiles): Promise<Buffer> {
  const archive = pack();
  const chunks: Buffer[] = [];
  const whole = (async () => {
    for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  })();
  for (const [name, file] of Object.entries(files)) {
    const plain = typeof file === 'string' || file instanceof Uint8Array;
    const { content = '', ...header } = plain ? { content: file } : file;
    const isDirectory = name.endsWith('/');
    const bytes = Buffer.from(content as string);
    await new Promise<void>((resolve, reject) => {
      archive.entry(
        {
          name,
          type: isDirectory ? 'directory' : 'file',
          mode: isDirectory ? 0o755 : 0o644,
          mtime: made,
          ...header,
        },
        bytes,
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }
  archive.finalize();
  await whole;
  return Buffer.concat(chunks);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** An archive as `docker save` writes it. */
export async function dockerArchive(...images: readonly TestImage[]): Promise<Buffer> {
  const files: Record<string, LayerFile> = {};
  const manifest: object[] = [];
  for (const { tags = [], config = {}, layers, architecture = 'amd64' } of images) {
    const tars = await Promise.all(layers.map((layer) => (Buffer.isBuffer(layer) ? layer : tarOf(layer))));
    const document = Buffer.from(
      JSON.stringify({
        architecture,
        os: 'linux',
        created: made.toISOString(),
        config,
        rootfs: { type: 'layers', diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) },
        history: tars.map((_, index) => ({ created: made.toISOString(), created_by: `layer ${index}` })),
      }),
    );
    const names = tars.map((tar) => `${sha256(tar)}/layer.tar`);
    names.forEach((name, index) => {
      files[name] = tars[index]!;
    });
    const configName = `${sha256(document)}.json`;
    files[configName] = document;
    manifest.push({ Config: configName, RepoTags: tags.length > 0 ? tags : null, Layers: names });
  }
  return tarOf({ ...files, 'manifest.json': JSON.stringify(manifest) });
}

/** A small system: busybox with all its commands, users root and nobody. */
export function busyboxLayer(): LayerFiles {
  assert.ok(busyboxPath, "tests need Debian's busybox-static");
  const commands = execFileSync(busyboxPath, ['--list-full'], { encoding: 'utf8' }).trim().split('\n');
  const directories = [
    'bin',
    'sbin',
    'usr',
    'usr/bin',
    'usr/sbin',
    'dev',
    'etc',
    'home',
    'proc',
    'sys',
    'var',
    'var/www',
  ];
  const directoryEntries = directories.map((name) => [`${name}/`, ''] as const);
  const links = commands
    .filter((name) => name !== 'bin/busybox' && directories.includes(dirname(name)))
    .map((name) => [name, { type: 'symlink', linkname: '/bin/busybox', mode: 0o777 }] as const);
  return {
    ...Object.fromEntries(directoryEntries),
    'root/': { mode: 0o700 },
    'tmp/': { mode: 0o1777 },
    'bin/busybox': { mode: 0o755, content: readFileSync(busyboxPath) },
    ...Object.fromEntries(links),
    'etc/passwd':
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\nuser:x:1000:1000:user:/home:/bin/sh\n',
    'etc/group': 'root:x:0:\nnogroup:x:65534:\nuser:x:1000:\nextra:x:2000:user\n',
  };
}

/** What most tests run: `busybox:latest`, `sh` by default. */
export const busyboxImage = (...tags: string[]): TestImage => ({
  tags: tags.length > 0 ? tags : ['busybox:latest'],
  config: { Cmd: ['sh'], Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
  layers: [busyboxLayer()],
});

/** A layer of `count` files of `bytes` each that do not compress. */
export const randomLayer = (name: string, count: number, bytes: number): LayerFiles =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}/${i}`, randomBytes(bytes)]));

/** Loads images into a daemon; resolves with what `docker load` said. */
export async function loadImages(daemon: TestDaemon, ...images: readonly TestImage[]): Promise<string> {
  const file = join(daemon.scratch, `images-${sha256(randomBytes(8)).slice(0, 8)}.tar`);
  writeFileSync(file, await dockerArchive(...images));
  return daemon.ok('load', '-i', file);
}
