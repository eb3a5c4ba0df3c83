/**
 * Attack: an image with every length, offset and count changed and its digests made right again. The TypeScript reader
 * and the C reader of the native runtimes (under the address and undefined-behaviour sanitizers) must agree on each.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  headerBytes,
  imageHeader,
  pageBytes,
  sectionEntry,
  sectionEntryBytes,
  sectionTypes,
} from '@noos/abi';
import { engineDigest } from '@noos/engine';
import { type Image, ImageError, type MemoryImage, readImage, writeImage } from '@noos/image';
import { createRandom, libosDigest } from '@noos/libos';

const native = new URL('../../packages/native/src/common/', import.meta.url).pathname;
const abi = new URL('../../packages/abi/generated/', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'noos-image-readers-'));
const reader = join(directory, 'image-reader');
after(() => rmSync(directory, { recursive: true, force: true }));

const globals = { engine: 1, libos: 3 };

before(() => {
  // links.h wants the modules' own headers; the reader needs no more of them than that the types exist.
  for (const name of ['engine', 'libos'])
    execFileSync('sh', [
      '-c',
      'echo "typedef struct Z_$1_instance_t Z_$1_instance_t;" > "$2/$1.h"',
      'sh',
      name,
      directory,
    ]);
  execFileSync('gcc', [
    ...['-std=gnu11', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'],
    ...['-fno-sanitize-recover=all', '-msha', '-msse4.1', '-I', directory, '-I', abi, '-I', native],
    ...['image.c', 'sha256.c', 'testing/image-reader.c'].map((name) => native + name),
    ...['-o', reader],
  ]);
});

const memory = (count: number): MemoryImage => ({
  wasmPages: 2,
  globals: Array.from({ length: count }, (_, index) => BigInt(index)),
  runs: [
    { firstPage: 0, pageCount: 2 },
    { firstPage: 9, pageCount: 1 },
  ],
  pages: new Uint8Array(3 * pageBytes).fill(count),
});
const good: Image = {
  manifest: {
    name: 'test',
    noos: '0',
    digests: { engine: '', libos: '', bundle: '' },
    memory: { engineBytes: 1, libosBytes: 2, engineLimitBytes: 3 },
    ports: [],
    devices: { net: 1, block: 0 },
    snapshot: true,
    bundle: [],
    parts: [],
  },
  engine: memory(globals.engine),
  libos: memory(globals.libos),
  parameters: 'http.port=8080\n',
};

/** Puts the digest and the length right, so that only what was changed is wrong. */
function sealed(file: Buffer, length = true): Buffer {
  if (file.length < headerBytes) return file;
  if (length) file.writeBigUInt64LE(BigInt(file.length), imageHeader.fileBytes[0]);
  file.set(createHash('sha256').update(file.subarray(headerBytes)).digest(), imageHeader.contentDigest[0]);
  return file;
}

/** Values at which a check of a field may be off by one, or overflow. */
const interesting = (value: bigint, bits: 32 | 64): bigint[] => {
  const edges = [0n, 1n, 2n, 7n, 8n, 9n, 15n, 31n, 32n, 4095n, 4096n, 4097n, 65_534n, 65_535n, 65_536n]
    .concat(
      [31n, 32n, 48n, 52n, 53n, 63n, 64n].flatMap((power) => [-1n, 0n, 1n].map((off) => (1n << power) + off)),
    )
    .concat([-4096n, -1n, 1n, 8n, 4096n].map((off) => value + off));
  return [...new Set(edges.map((edge) => BigInt.asUintN(bits, edge)))];
};

/** Every field of the header and of every table entry, and every number of the page runs: [offset, bits]. */
function fields(file: Buffer): [number, 32 | 64][] {
  const places: [number, 32 | 64][] = [];
  for (const [offset, bytes] of [imageHeader.abiVersion, imageHeader.sectionCount, imageHeader.fileBytes])
    places.push([offset, bytes === 4 ? 32 : 64]);
  const count = file.readUInt32LE(imageHeader.sectionCount[0]);
  for (let index = 0; index < count; index++) {
    const entry = headerBytes + index * sectionEntryBytes;
    for (const [offset, bytes] of Object.values(sectionEntry))
      places.push([entry + offset, bytes === 4 ? 32 : 64]);
    const type = file.readUInt32LE(entry);
    if (type !== sectionTypes.engineRuns && type !== sectionTypes.libosRuns) continue;
    const start = Number(file.readBigUInt64LE(entry + sectionEntry.offset[0]));
    const length = Number(file.readBigUInt64LE(entry + sectionEntry.length[0]));
    for (let at = start; at < start + length; at += 4) places.push([at, 32]);
  }
  return places;
}

function* changedImages(): Generator<Buffer> {
  const original = Buffer.from(writeImage(good));
  yield original;
  for (const [at, bits] of fields(original)) {
    const value = bits === 32 ? BigInt(original.readUInt32LE(at)) : original.readBigUInt64LE(at);
    for (const changed of interesting(value, bits)) {
      const file = Buffer.from(original);
      if (bits === 32) file.writeUInt32LE(Number(changed), at);
      else file.writeBigUInt64LE(changed, at);
      yield sealed(file, at !== imageHeader.fileBytes[0]);
    }
  }
  for (const length of [
    0,
    1,
    7,
    8,
    headerBytes - 1,
    headerBytes,
    headerBytes + 1,
    pageBytes,
    original.length - 1,
  ])
    yield sealed(Buffer.from(original.subarray(0, length)));
  // Several fields at once: what no single check looks at.
  const random = createRandom(8);
  const places = fields(original);
  for (let round = 0; round < 3000; round++) {
    const file = Buffer.from(original);
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      const [at, bits] = places[random.below(places.length)]!;
      const values = interesting(
        bits === 32 ? BigInt(file.readUInt32LE(at)) : file.readBigUInt64LE(at),
        bits,
      );
      const value = values[random.below(values.length)]!;
      if (bits === 32) file.writeUInt32LE(Number(value), at);
      else file.writeBigUInt64LE(value, at);
    }
    yield sealed(file);
  }
}

/** What target `node` says: the reader, then the comparison of globals that `restore` makes. */
function readHere(file: Buffer): string {
  try {
    const { engine, libos } = readImage(file);
    const same = engine.globals.length === globals.engine && libos.globals.length === globals.libos;
    return same ? 'ok' : 'globals';
  } catch (error) {
    // Anything but an ImageError is a hole: a TypeError or RangeError of a value nobody checked.
    assert.ok(error instanceof ImageError, String(error));
    assert.ok(!error.message.includes('\n'));
    return error.message;
  }
}

test('both readers refuse and accept the same images, and neither reads outside of one', () => {
  const images = [...changedImages()];
  const input = images.flatMap((image) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(image.length);
    return [length, image];
  });
  const hex = (digest: Uint8Array): string => Buffer.from(digest).toString('hex');
  const { status, stdout, stderr } = spawnSync(
    reader,
    [hex(engineDigest()), hex(libosDigest()), String(globals.engine), String(globals.libos)],
    { input: Buffer.concat(input), encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  assert.equal(stderr, '');
  assert.equal(status, 0);
  const there = stdout.trim().split('\n');
  assert.equal(there.length, images.length);
  let accepted = 0;
  for (const [index, image] of images.entries()) {
    const here = readHere(image);
    if (here === 'ok') accepted++;
    // The runtimes do not read the manifest, which is for people and for the host, who read it first.
    if (there[index] === 'ok' && here.startsWith('the manifest')) continue;
    assert.equal(
      here === 'ok',
      there[index] === 'ok',
      `image ${index}: here “${here}”, there “${there[index]}”`,
    );
  }
  assert.equal(there[0], 'ok');
  assert.ok(
    images.length > 3500 && accepted > 10 && accepted < images.length / 2,
    `${accepted} of ${images.length}`,
  );
});
