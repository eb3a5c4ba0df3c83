import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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

test('a cache that another user may write to is not used, the user’s own is', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-cache-'));
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(directory, 'home');
  t.after(() => {
    process.env.XDG_CACHE_HOME = before;
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    rmSync(directory, { recursive: true });
  });
  const own = join(directory, 'home/noos');
  const local = join(directory, 'node_modules/.cache/noos');
  const entry = join(directory, 'app.ts');
  mkdirSync(join(directory, 'node_modules'));
  assert.equal(cacheDirectory(entry), local);
  assert.equal(statSync(local).mode & 0o777, 0o700);
  chmodSync(local, 0o777);
  assert.equal(cacheDirectory(entry), own);
  chmodSync(local, 0o700);
  assert.equal(process.getuid?.(), 0, 'the rest of this test needs root');
  chownSync(local, 65_534, 65_534);
  assert.equal(cacheDirectory(entry), own);
  rmSync(local, { recursive: true });
  mkdirSync(join(directory, 'elsewhere'));
  symlinkSync(join(directory, 'elsewhere'), local);
  assert.equal(cacheDirectory(entry), own);
  chmodSync(own, 0o770);
  assert.throws(() => cacheDirectory(entry), /only you can write to/);
});
