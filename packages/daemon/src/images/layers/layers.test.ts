import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createTar } from '../../archive/create.js';
import { type Header, typeFlags } from '../../archive/header.js';
import { makeRandomTree, pictureOf } from '../../archive/random-tree.js';
import { tarEntry, tarOfEntries } from '../../archive/testing.js';
import { createLayout, type Layout } from '../../layout.js';
import { createRandom } from '../../testing/seeded-random.js';
import type { Digest, Layers } from '../types.js';
import { createLayers } from './layers.js';
import { mountsBelow } from './mount-table.js';

const scratch = mkdtempSync(join(tmpdir(), 'noos-layers-'));
after(() => {
  for (const point of mountsBelow(scratch)) execFileSync('umount', ['-l', point]);
  rmSync(scratch, { recursive: true, force: true });
});
let count = 0;
const freshLayout = (): Layout => createLayout(join(scratch, `data${count++}`), join(scratch, 'run'));
const open = async (layout = freshLayout()): Promise<Layers> => createLayers({ layout });

const entry = (name: string, content = '', header: Partial<Header> = {}): Buffer => {
  const directory = name.endsWith('/') && { mode: 0o755, type: typeFlags.directory };
  return tarEntry({ name, ...directory, ...header }, content);
};
const tarOf = tarOfEntries;
async function* pieces(bytes: Buffer, size = 10_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const collect = async (source: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
};
const digestOf = (bytes: Buffer): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Unpacks layers on each other; resolves with the topmost chain ID. */
async function stack(layers: Layers, ...tars: Buffer[]): Promise<Digest> {
  let top: Digest | undefined;
  for (const tar of tars) top = (await layers.unpack(pieces(tar), top, digestOf(tar))).chainId;
  return top!;
}

/** Runs `use` with the mounted root. */
async function withRoot<T>(
  layers: Layers,
  top: Digest | undefined,
  use: (root: string, id: string) => Promise<T> | T,
): Promise<T> {
  const id = `root${count++}`;
  await layers.createRoot(id, top);
  try {
    return await use(await layers.mountRoot(id), id);
  } finally {
    await layers.removeRoot(id);
  }
}

for (const [format, seed] of [
  ['gnu', 1],
  ['pax', 2],
  ['ustar', 3],
  ['own', 4],
] as const)
  test(`a random layer comes back byte for byte: ${format}`, async () => {
    const tree = join(scratch, `tree-${format}`);
    mkdirSync(tree);
    makeRandomTree(tree, createRandom(seed), 100);
    const tar =
      format === 'own'
        ? await collect(createTar(tree, { withRoot: true }))
        : // Members that ustar cannot hold are left out, with an exit status.
          spawnSync('tar', [`--format=${format}`, '-cf', '-', '-C', tree, '.'], {
            maxBuffer: 2 ** 28,
            stdio: ['ignore', 'pipe', 'ignore'],
          }).stdout;
    const layers = await open();
    const layer = await layers.unpack(pieces(tar), undefined);
    assert.equal(layer.diffId, digestOf(tar));
    assert.ok((await collect(await layers.tar(layer.chainId))).equals(tar));
  });

test('a layer that replaces its own files comes back byte for byte', async () => {
  const tar = tarOf(
    entry('a', 'first'),
    entry('d/', ''),
    entry('d/x', 'old x'),
    entry('d/y', 'y'),
    entry('a', 'second'),
    entry('h', '', { type: typeFlags.link, linkName: 'd/y' }),
    entry('l', '', { type: typeFlags.symlink, linkName: 'd' }),
    entry('l/z', 'through the link'),
    entry('d/x', 'new x'),
    entry('d', 'now a file'),
    entry('d', '', { type: typeFlags.symlink, linkName: 'elsewhere' }),
    entry('.wh.gone', 'a deletion with content'),
  );
  const layers = await open();
  const top = await stack(layers, tar);
  assert.ok((await collect(await layers.tar(top))).equals(tar));
  await withRoot(layers, top, (root) => {
    assert.equal(readFileSync(join(root, 'a'), 'utf8'), 'second');
    assert.equal(readFileSync(join(root, 'h'), 'utf8'), 'y');
    assert.ok(lstatSync(join(root, 'd')).isSymbolicLink());
  });
});

test('deletions and opaque directories hide what is below', async () => {
  const layers = await open();
  const top = await stack(
    layers,
    tarOf(
      entry('keep', '1'),
      entry('gone', '1'),
      entry('dir/', ''),
      entry('dir/low', '1'),
      entry('again/', ''),
      entry('again/low', '1'),
    ),
    tarOf(
      entry('.wh.gone'),
      entry('dir/', ''),
      entry('dir/.wh..wh..opq'),
      entry('dir/high', '2'),
      entry('.wh.again'),
      entry('again/', ''),
      entry('again/high', '2'),
    ),
  );
  await withRoot(layers, top, (root) => {
    assert.ok(!existsSync(join(root, 'gone')));
    assert.deepEqual(readdirSync(join(root, 'dir')), ['high']);
    assert.deepEqual(readdirSync(join(root, 'again')), ['high']);
    assert.equal(readFileSync(join(root, 'keep'), 'utf8'), '1');
  });
});

test('a wrong digest leaves nothing', async () => {
  const layout = freshLayout();
  const layers = await open(layout);
  await assert.rejects(
    layers.unpack(pieces(tarOf(entry('a', 'x'))), undefined, digestOf(Buffer.from('other'))),
    /don't match/,
  );
  await assert.rejects(
    layers.unpack(pieces(tarOf(entry('a', 'x')).subarray(0, 512)), undefined),
    /unexpected EOF/,
  );
  assert.deepEqual(readdirSync(join(layout.layers, 'tmp')), []);
  assert.deepEqual(layers.list(), []);
});

test('a layer unpacked twice at once is one layer', async () => {
  const layers = await open();
  const tar = tarOf(entry('a', 'x'));
  const [one, two] = await Promise.all([
    layers.unpack(pieces(tar), undefined),
    layers.unpack(pieces(tar), undefined),
  ]);
  assert.equal(one.chainId, two.chainId);
  assert.equal(layers.list().length, 1);
});

test('what a container changed: diff, size, commit', async () => {
  const layers = await open();
  const base = tarOf(
    ...['bin/', 'etc/', 'etc/conf.d/', 'var/', 'var/cache/'].map((name) => entry(name)),
    ...['bin/tool', 'etc/conf', 'etc/conf.d/a', 'var/cache/x'].map((name) => entry(name, name)),
  );
  const top = await stack(layers, base);
  await withRoot(layers, top, async (root, id) => {
    assert.deepEqual(await layers.changes(id), []);
    writeFileSync(join(root, 'etc/conf'), 'changed');
    rmSync(join(root, 'bin/tool'));
    mkdirSync(join(root, 'new'));
    writeFileSync(join(root, 'new/file'), 'n');
    symlinkSync('new', join(root, 'link'));
    rmSync(join(root, 'var/cache'), { recursive: true });
    mkdirSync(join(root, 'var/cache'));
    assert.deepEqual(
      (await layers.changes(id)).map(({ Kind, Path }) => `${'CAD'[Kind]} ${Path}`),
      [
        'C /bin',
        'D /bin/tool',
        'C /etc',
        'C /etc/conf',
        'A /link',
        'A /new',
        'A /new/file',
        'C /var',
        'C /var/cache',
        'D /var/cache/x',
      ],
    );
    assert.equal(await layers.rootSize(id), 'changed'.length + 1 + 'new'.length);
    const before = pictureOf(root).filter((line) => !/"\/(dev|proc|sys|etc|\.dockerenv)/.test(line));
    const layer = await layers.commitRoot(id);
    assert.equal(layer.parent, top);
    assert.equal((await layers.commitRoot(id)).chainId, layer.chainId);
    await withRoot(layers, layer.chainId, async (again, other) => {
      const seconds = (lines: string[]): string[] =>
        lines.map((line) => line.replace(/ (\d+)\d{9} /, ' $1 '));
      const after = pictureOf(again).filter((line) => !/"\/(dev|proc|sys|etc|\.dockerenv)/.test(line));
      assert.deepEqual(seconds(after).slice(1), seconds(before).slice(1));
      assert.deepEqual(await layers.changes(other), []);
    });
  });
});

test('128 layers are too many, 125 mount', async () => {
  const layers = await open();
  let top: Digest | undefined;
  for (let i = 0; i < 125; i++)
    top = (await layers.unpack(pieces(tarOf(entry(`f${i}`, String(i)))), top)).chainId;
  await withRoot(layers, top, (root) => {
    assert.equal(readFileSync(join(root, 'f0'), 'utf8') + readFileSync(join(root, 'f124'), 'utf8'), '0124');
  });
  await assert.rejects(layers.unpack(pieces(tarOf(entry('more'))), top), /max depth exceeded/);
});

test('what is needed stays, the rest goes; new and held layers wait', async () => {
  const layers = await open();
  const top = await stack(layers, tarOf(entry('a', 'x')), tarOf(entry('b', 'x')));
  assert.deepEqual(await layers.collect(new Set()), [], 'no image had them yet');
  layers.adopt(layers.list().map(({ chainId }) => chainId));
  const hold = layers.hold(top);
  assert.deepEqual(await layers.collect(new Set()), []);
  hold.release();
  await layers.createRoot('c', top);
  assert.deepEqual(await layers.collect(new Set()), [], 'a root needs them');
  await layers.removeRoot('c');
  const removed = await layers.collect(new Set());
  assert.deepEqual(
    removed.map(({ chainId }) => chainId === top),
    [true, false],
  );
  assert.deepEqual(layers.list(), []);
});

test('another life of the daemon finds layers, roots and mounts', async () => {
  const layout = freshLayout();
  const layers = await open(layout);
  const top = await stack(layers, tarOf(entry('a', 'x')));
  await layers.createRoot('running', top);
  const merged = await layers.mountRoot('running');
  writeFileSync(join(merged, 'mine'), '1');
  mkdirSync(join(layout.layers, 'tmp', 'half'), { recursive: true });
  mkdirSync(join(layout.layers, 'graph', '0123456789abcdef'));

  const next = await open(layout);
  assert.deepEqual(readdirSync(join(layout.layers, 'tmp')), []);
  assert.deepEqual(next.list(), layers.list());
  assert.deepEqual(await next.roots(), ['running']);
  assert.equal(await next.mountRoot('running'), merged);
  assert.equal(mountsBelow(merged).length, 1);
  assert.equal(readFileSync(join(merged, 'mine'), 'utf8'), '1');
  await next.unmountRoot('running');
  assert.deepEqual(mountsBelow(merged), []);
  await next.removeRoot('running');
  assert.deepEqual(await next.roots(), []);
});

test('mounts are counted', async () => {
  const layers = await open();
  await layers.createRoot('counted', undefined);
  const [merged] = await Promise.all([layers.mountRoot('counted'), layers.mountRoot('counted')]);
  assert.equal(mountsBelow(merged).length, 1);
  await layers.unmountRoot('counted');
  assert.equal(mountsBelow(merged).length, 1);
  await layers.unmountRoot('counted');
  assert.equal(mountsBelow(merged).length, 0);
  await layers.removeRoot('counted');
  await assert.rejects(layers.mountRoot('counted'), /does not exist/);
});

test('a full disk leaves a graph that works', async () => {
  const small = join(scratch, 'small');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
  const layout = createLayout(join(small, 'data'), join(small, 'run'));
  const layers = await open(layout);
  const before = await stack(layers, tarOf(entry('a', 'x')));
  const large = Buffer.alloc(6 * 2 ** 20, 1);
  await assert.rejects(layers.unpack(pieces(tarOf(entry('big', large.toString('latin1')))), before), {
    code: 'ENOSPC',
  });
  assert.deepEqual(readdirSync(join(layout.layers, 'tmp')), []);
  const layer = await layers.unpack(pieces(tarOf(entry('b', 'y'))), before);
  assert.equal((await collect(await layers.tar(layer.chainId))).length, 2048);
  execFileSync('umount', [small]);
});
