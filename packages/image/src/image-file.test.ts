import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerBytes, imageHeader, pageBytes, sectionEntryBytes } from '@noos/abi';
import { ImageError, type ImageErrorCode } from './errors.js';
import { type Image, readImage, writeImage } from './image-file.js';
import type { MemoryImage } from './memory-image.js';

const memory = (fill: number): MemoryImage => ({
  wasmPages: 2,
  globals: [1n, 2n ** 64n - 1n, BigInt(fill)],
  runs: [
    { firstPage: 0, pageCount: 2 },
    { firstPage: 9, pageCount: 1 },
  ],
  pages: new Uint8Array(3 * pageBytes).fill(fill),
});

const image: Image = {
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
  engine: memory(1),
  libos: memory(2),
  parameters: 'http.port=8080\n',
};

const refused = (file: Uint8Array, code: ImageErrorCode): void =>
  assert.throws(
    () => readImage(file),
    (error) => error instanceof ImageError && error.code === code && !error.message.includes('\n'),
  );

test('an image reads back as it was written', () => {
  assert.deepEqual(readImage(writeImage(image)), image);
});

test('equal images have equal bytes and page-aligned sections', () => {
  const file = writeImage(image);
  assert.deepEqual(writeImage(structuredClone(image)), file);
  assert.equal(file.length % pageBytes, 0);
});

test('a flipped bit anywhere is refused', () => {
  const file = writeImage(image);
  const entries = headerBytes + 8 * sectionEntryBytes;
  const places = [
    ...Array.from({ length: entries }, (_, index) => index),
    ...Array.from({ length: 500 }, (_, index) => (index * 7919) % file.length),
  ];
  const reserved = (place: number): boolean =>
    place >= imageHeader.reserved[0] && place < imageHeader.reserved[0] + imageHeader.reserved[1];
  for (const place of places.filter((index) => !reserved(index))) {
    const damaged = file.slice();
    damaged[place] = (damaged[place] as number) ^ (1 << (place % 8));
    assert.throws(() => readImage(damaged), ImageError, `byte ${place}`);
  }
  const content = file.slice();
  content[file.length - 1] = 1;
  refused(content, 'digest');
});

test('what is no image, of another version, or cut short, is said to be so', () => {
  const file = writeImage(image);
  refused(new Uint8Array(0), 'not-an-image');
  refused(new TextEncoder().encode('#!/bin/sh\n'.repeat(100)), 'not-an-image');
  const version = file.slice();
  version[imageHeader.abiVersion[0]] = 99;
  refused(version, 'version');
  const engine = file.slice();
  engine[imageHeader.engineDigest[0]] = (engine[imageHeader.engineDigest[0]] as number) ^ 1;
  refused(engine, 'version');
  refused(file.subarray(0, file.length - pageBytes), 'truncated');
  refused(file.subarray(0, headerBytes), 'truncated');
});

test('page runs outside of the memory are refused although the digest is right', () => {
  for (const runs of [
    [{ firstPage: 31, pageCount: 3 }],
    [
      { firstPage: 4, pageCount: 2 },
      { firstPage: 5, pageCount: 1 },
    ],
    [{ firstPage: 0, pageCount: 2 }],
  ])
    refused(writeImage({ ...image, libos: { ...memory(2), runs } }), 'malformed');
});

test('a manifest that is no JSON, lacks a field, has one of another type or brings escapes to a terminal is refused', () => {
  const { manifest } = image;
  for (const wrong of [
    null,
    [],
    'text',
    {},
    { ...manifest, name: 7 },
    { ...manifest, name: '\u001b]0;owned\u0007' },
    { ...manifest, noos: 'two\nlines' },
    { ...manifest, digests: {} },
    { ...manifest, memory: { ...manifest.memory, engineLimitBytes: -1 } },
    { ...manifest, memory: { ...manifest.memory, engineBytes: 1e300 } },
    { ...manifest, ports: [{ protocol: 'tcp', port: 65_536 }] },
    { ...manifest, ports: [{ protocol: 'sctp', port: 1 }] },
    { ...manifest, devices: null },
    { ...manifest, snapshot: 'yes' },
    { ...manifest, parts: [{ name: 'x' }] },
    { ...manifest, bundle: [null] },
  ])
    refused(writeImage({ ...image, manifest: wrong as unknown as Image['manifest'] }), 'malformed');
});
