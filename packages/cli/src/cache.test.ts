import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cacheDirectory, openCache } from './cache.js';

test('an image is found while everything that went in is as it was', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-cache-'));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'node_modules'));
  const entry = join(directory, 'app.ts');
  const other = join(directory, 'other.ts');
  writeFileSync(entry, 'one');
  writeFileSync(other, 'two');
  assert.equal(cacheDirectory(entry), join(directory, 'node_modules/.cache/noos'));

  const cache = openCache(entry, { env: {} }, 'v1');
  assert.equal(cache.find(), undefined);
  writeFileSync(cache.imagePath, 'image');
  cache.store([entry, other]);
  assert.equal(openCache(entry, { env: {} }, 'v1').find(), cache.imagePath);
  utimesSync(other, 1, 1);
  assert.equal(cache.find(), cache.imagePath, 'content counts, not time');

  assert.equal(openCache(entry, { env: { A: '1' } }, 'v1').find(), undefined, 'other options');
  assert.equal(openCache(entry, { env: {} }, 'v2').find(), undefined, 'another Noos');
  writeFileSync(other, 'changed');
  assert.equal(cache.find(), undefined);
  writeFileSync(other, 'two');
  assert.equal(cache.find(), cache.imagePath);
  rmSync(other);
  assert.equal(cache.find(), undefined);
});

test('the oldest images make room', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-cache-'));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'node_modules'));
  const entry = join(directory, 'app.ts');
  writeFileSync(entry, 'x');
  const paths = Array.from({ length: 40 }, (_, index) => {
    const cache = openCache(entry, { index }, 'v1');
    writeFileSync(cache.imagePath, 'image');
    utimesSync(cache.imagePath, 1000 + index, 1000 + index);
    cache.store([entry]);
    return cache.imagePath;
  });
  assert.equal(paths.filter((path) => existsSync(path)).length, 32);
  assert.ok(!existsSync(paths[0]!));
  assert.ok(existsSync(paths[39]!));
});
