import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createRandom } from '../testing/seeded-random.js';
import { createTar, formatEntry } from './create.js';
import { type ExtractOptions, extractTar } from './extract.js';
import { ArchiveError, formatHeader, parseHeader, typeFlags } from './header.js';
import { formatPax, parsePax } from './pax.js';
import { makeRandomTree, pictureOf } from './random-tree.js';
import { createReader, type Entry } from './reader.js';
import { plainHeader as plain, tarEntry, tarOfEntries } from './testing.js';

const scratch = mkdtempSync(join(tmpdir(), 'noos-archive-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => {
  const path = join(scratch, String(count++));
  mkdirSync(path);
  return path;
};

const entry = tarEntry;
const archive = tarOfEntries;
async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
const collect = async (source: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
};
const extract = (bytes: Buffer, root: string, options?: ExtractOptions): Promise<void> =>
  extractTar(once(bytes), root, options);

test('a header survives', () => {
  const header = {
    ...plain,
    name: `${'d'.repeat(90)}/${'n'.repeat(90)}`,
    mode: 0o4711,
    uid: 5,
    gid: 6,
    size: 77,
    modifiedNs: 3_000_000_000n,
  };
  assert.deepEqual(parseHeader(formatHeader(header)), header);
  assert.equal(parseHeader(Buffer.alloc(512)), undefined);
});

test('a base-256 number is read', () => {
  const block = formatHeader(plain);
  block.fill(0, 124, 136);
  block[124] = 0x80;
  block.writeUIntBE(2 ** 40 + 1, 130, 6);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  assert.equal(parseHeader(block)?.size, 2 ** 40 + 1);
});

test('a damaged checksum is refused', () => {
  const block = formatHeader(plain);
  block[0] = 0x62;
  assert.throws(() => parseHeader(block), ArchiveError);
});

test('pax records survive, also where the length has one digit more because of itself', () => {
  for (const length of [1, 80, 87, 88, 89, 90, 91, 92, 93, 985, 990, 995]) {
    const records = [['path', 'x'.repeat(length)]] as const;
    assert.equal(parsePax(formatPax(records)).get('path')?.toString(), 'x'.repeat(length));
  }
  for (const bad of ['5 a=b', '99 a=b\n', '6 ab\n\n', 'x a=b\n', ' a=b\n'])
    assert.throws(() => parsePax(Buffer.from(bad)), ArchiveError);
});

for (const seed of [1, 2, 3])
  test(`random tree ${seed}: tar, extracted, is the tree; and GNU tar agrees`, async () => {
    const [tree, copy, second] = [fresh(), fresh(), fresh()];
    makeRandomTree(tree, createRandom(seed), 120);
    const file = join(scratch, `${seed}.tar`);
    await pipeline(createTar(tree, { withRoot: true }), createWriteStream(file));
    await extractTar(createReadStream(file), copy);
    assert.deepEqual(pictureOf(copy), pictureOf(tree));
    const compared = spawnSync('tar', ['--xattrs', '--xattrs-include=*', '-df', file, '-C', tree], {
      encoding: 'utf8',
    });
    assert.equal(compared.stdout + compared.stderr, '');
    // The same tree gives the same bytes.
    await pipeline(createTar(copy, { withRoot: true }), createWriteStream(`${file}.again`));
    assert.ok(readFileSync(file).equals(readFileSync(`${file}.again`)));
    for (const format of ['gnu', 'pax']) {
      execFileSync('tar', [
        `--format=${format}`,
        ...(format === 'pax' ? ['--xattrs', '--xattrs-include=*'] : []),
        '-cf',
        file,
        '-C',
        tree,
        '.',
      ]);
      rmSync(second, { recursive: true });
      mkdirSync(second);
      await extractTar(createReadStream(file, { highWaterMark: 1000 }), second);
      const withoutAttributes = (lines: string[]): string[] =>
        lines.map((line) => line.replaceAll(/ (user|security)\.\S+/g, ''));
      const keep = format === 'pax' ? (lines: string[]) => lines : withoutAttributes;
      assert.deepEqual(keep(pictureOf(second)), keep(pictureOf(tree)));
    }
  });

test('nanoseconds of a pax archive are kept', async () => {
  const root = fresh();
  await extract(archive(entry({ name: 'f', modifiedNs: 1_700_000_000_123_456_789n })), root);
  assert.match(pictureOf(root)[1]!, / 1700000000123456789 /);
});

test('a directory keeps its time though files come later', async () => {
  const root = fresh();
  await extract(
    archive(
      entry({ name: 'd/', type: typeFlags.directory, mode: 0o555, modifiedNs: 5_000_000_000n }),
      entry({ name: 'd/f' }),
    ),
    root,
  );
  assert.match(pictureOf(root)[1]!, /^"\/d" 40555 0 0 0 5000000000 /);
});

/** Archives that try to write `canary` beside the root, or to read it. */
const hostile: Record<string, Buffer> = {
  'parent name': archive(entry({ name: '../canary' }, 'x')),
  'parent inside': archive(entry({ name: 'a/../../canary' }, 'x')),
  'absolute name': archive(entry({ name: '/canary' }, 'x')),
  'absolute parent': archive(entry({ name: '/../../canary' }, 'x')),
  'link to parent': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: '..' }),
    entry({ name: 'l/canary' }, 'x'),
  ),
  'absolute link': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: scratch }),
    entry({ name: 'l/canary' }, 'x'),
  ),
  'link chain': archive(
    entry({ name: 'd/', type: typeFlags.directory }),
    entry({ name: 'd/l', type: typeFlags.symlink, linkName: '../..' }),
    entry({ name: 'm', type: typeFlags.symlink, linkName: 'd/l/..' }),
    entry({ name: 'm/canary' }, 'x'),
  ),
  'file through a link': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: '../canary' }),
    entry({ name: 'l' }, 'x'),
  ),
  'directory at a link': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: '../canary' }),
    entry({ name: 'l/', type: typeFlags.directory, mode: 0 }),
  ),
  'hard link': archive(
    entry({ name: 'h', type: typeFlags.link, linkName: '../canary' }),
    entry({ name: 'h' }, 'x'),
  ),
  'hard link through a link': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: '..' }),
    entry({ name: 'h', type: typeFlags.link, linkName: 'l/canary' }),
  ),
  'hard link to a link, then written': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: '../canary' }),
    entry({ name: 'h', type: typeFlags.link, linkName: 'l' }),
    entry({ name: 'h' }, 'x'),
  ),
  'deletion of the parent': archive(entry({ name: 'd/.wh...' })),
  'deletion through a link': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: '..' }),
    entry({ name: 'l/.wh.canary' }),
  ),
  'opaque through a link': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: '..' }),
    entry({ name: 'l/.wh..wh..opq' }),
  ),
  'node through a link': archive(
    entry({ name: 'l', type: typeFlags.symlink, linkName: '..' }),
    entry({ name: 'l/canary', type: typeFlags.fifo }),
  ),
};

for (const [name, bytes] of Object.entries(hostile))
  test(`an archive never leaves its root: ${name}`, async () => {
    for (const overlay of [true, false]) {
      const outside = fresh();
      const root = join(outside, 'root');
      mkdirSync(root);
      writeFileSync(join(outside, 'canary'), 'alive');
      const before = pictureOf(outside).filter((line) => !/^"(\/root.*)?" /.test(line));
      await extract(bytes, root, { overlay }).catch((error: Error) => {
        assert.ok(error instanceof ArchiveError || 'code' in error, error.stack);
      });
      assert.deepEqual(
        pictureOf(outside).filter((line) => !/^"(\/root.*)?" /.test(line)),
        before,
      );
      assert.deepEqual(readdirSync(outside).sort(), ['canary', 'root']);
      assert.ok(!existsSync(join(scratch, 'canary')));
    }
  });

/** Another process that puts `link` in place of `d` in the tree and back, as fast as it can, until it is stopped. */
function swapLinks(root: string): () => Promise<void> {
  const swapper = new Worker(
    `const { renameSync } = require('node:fs');
     const { workerData: root } = require('node:worker_threads');
     const move = (from, to) => { try { renameSync(root + from, root + to); } catch {} };
     for (;;) { move('/d', '/kept'); move('/link', '/d'); move('/d', '/link'); move('/kept', '/d'); }`,
    { eval: true, workerData: root },
  );
  const ended = new Promise((resolve) => swapper.on('exit', resolve));
  return async () => {
    await swapper.terminate();
    await ended;
  };
}

test('nor while another process puts links in place of directories', async () => {
  const outside = fresh();
  const root = join(outside, 'root');
  mkdirSync(join(root, 'd/inner'), { recursive: true });
  writeFileSync(join(outside, 'secret'), 'do not read');
  symlinkSync('../..', join(root, 'link'));
  const stop = swapLinks(root);
  const deadline = Date.now() + 1500;
  while (Date.now() < deadline) {
    const entries = Array.from({ length: 20 }, (_, n) => [
      entry({ name: `d/inner${n % 3}/`, type: typeFlags.directory, mode: 0o700 }),
      entry({ name: `d/inner${n % 3}/secret` }, 'x'),
      entry({ name: 'd/secret' }, 'x'),
      entry({ name: 'd/secret/', type: typeFlags.directory }),
    ]).flat();
    // It may fail when a name is gone for a moment, it must not get out.
    await extract(archive(...entries), root).catch((error: Error) => assert.ok('code' in error, error.stack));
    const bytes = await collect(createTar(root)).catch(() => Buffer.alloc(0));
    assert.ok(!bytes.includes('secret\0root'), 'no other tree in the archive');
  }
  await stop();
  assert.deepEqual(readdirSync(outside).sort(), ['root', 'secret']);
  assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'do not read');
});

test('nor does it change the mode of what a link leads to that was put in place of an entry', async () => {
  const outside = fresh();
  const root = join(outside, 'root');
  mkdirSync(root);
  const secret = join(outside, 'secret');
  writeFileSync(secret, '', { mode: 0o600 });
  symlinkSync('../secret', join(root, 'link'));
  const stop = swapLinks(root);
  const deadline = Date.now() + 1000;
  const bytes = archive(
    ...Array.from({ length: 20 }, (_, n) =>
      entry({ name: 'd', type: n % 2 ? typeFlags.directory : typeFlags.fifo, mode: 0o777 }),
    ),
  );
  while (Date.now() < deadline && (statSync(secret).mode & 0o777) === 0o600)
    await extract(bytes, root).catch((error: Error) => assert.ok('code' in error, error.stack));
  await stop();
  assert.equal(statSync(secret).mode & 0o777, 0o600);
});

test('a hard link gives the file its own owner, mode and time, as dockerd does it', async () => {
  const root = fresh();
  await extract(
    archive(
      entry({ name: 'file', mode: 0o600, modifiedNs: 5_000_000_000n }, 'content'),
      entry({ name: 'link', type: typeFlags.link, linkName: 'file', mode: 0o4755, uid: 3, gid: 4 }),
      entry({ name: 'symbolic', type: typeFlags.symlink, linkName: '/etc/passwd' }),
      entry({ name: 'to symbolic', type: typeFlags.link, linkName: 'symbolic', mode: 0o777, uid: 5 }),
    ),
    root,
  );
  const { mode, uid, gid, mtimeMs } = statSync(join(root, 'file'));
  assert.deepEqual([mode & 0o7777, uid, gid, mtimeMs], [0o4755, 3, 4, 0]);
  assert.equal(lstatSync(join(root, 'to symbolic')).uid, 5);
});

test('overlay attributes in an archive are ignored', async () => {
  const root = fresh();
  const header = { ...plain, name: 'd/', type: typeFlags.directory };
  const bytes = archive(
    formatEntry(header, [
      ['trusted.overlay.redirect', Buffer.from('/etc')],
      ['user.x', Buffer.from('1')],
    ]),
  );
  await extract(bytes, root);
  assert.match(pictureOf(root)[1]!, / user\.x=31$/);
});

test('kinds are kept when asked: no file in place of a directory, nor the other way round', async () => {
  const root = fresh();
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'f'), 'x');
  await assert.rejects(
    extract(archive(entry({ name: 'd' }, 'y')), root, { keepKinds: true }),
    /cannot overwrite directory "\/d" with non-directory/,
  );
  await assert.rejects(
    extract(archive(entry({ name: 'f/', type: typeFlags.directory })), root, { keepKinds: true }),
    /cannot overwrite non-directory "\/f" with directory/,
  );
});

test('sparse files are refused clearly', async () => {
  const sparse = archive(Buffer.concat([formatHeader({ ...plain, name: 's', type: typeFlags.gnuSparse })]));
  await assert.rejects(extract(sparse, fresh()), /sparse file s is not supported/);
});

test('whatever the bytes, the reader ends with ArchiveError or the stream, in any pieces', () => {
  const random = createRandom(7);
  const good = archive(
    entry({ name: 'x'.repeat(200) }, 'long'),
    entry({ name: 'd/', type: typeFlags.directory }),
    entry({ name: 'd/f', uid: 3_000_000, modifiedNs: 1_500_000_000n }, 'content'.repeat(200)),
    entry({ name: 'l', type: typeFlags.symlink, linkName: 'ü'.repeat(80) }),
  );
  const read = (bytes: Buffer, piece: () => number): { entries: string[]; stream: Buffer } => {
    const stream: Buffer[] = [];
    const entries: string[] = [];
    const reader = createReader({
      raw: (part) => stream.push(Buffer.from(part)),
      entry: ({ name, size, linkName }: Entry) => entries.push(`${name} ${size} ${linkName}`),
      content: (part) => stream.push(Buffer.from(part)),
      end: () => {},
    });
    for (let at = 0; at < bytes.length; ) {
      const end = at + piece();
      reader.write(bytes.subarray(at, end));
      at = end;
    }
    reader.finish();
    return { entries, stream: Buffer.concat(stream) };
  };
  const whole = read(good, () => good.length);
  assert.equal(whole.entries.length, 4);
  for (let round = 0; round < 20; round++) {
    const inPieces = read(good, () => 1 + random.below(700));
    assert.deepEqual(inPieces.entries, whole.entries);
    assert.ok(inPieces.stream.equals(good));
  }
  for (let round = 0; round < 400; round++) {
    const bad = Buffer.from(good);
    for (let i = 0; i <= random.below(4); i++) bad[random.below(bad.length)] = random.below(256);
    const cut = bad.subarray(0, random.below(3) === 0 ? random.below(bad.length) : bad.length);
    try {
      read(cut, () => 1 + random.below(2000));
    } catch (error) {
      assert.ok(error instanceof ArchiveError, String(error));
    }
  }
});
