import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { decompress, detectCompression } from './decompress.js';

const content = Buffer.from('layer '.repeat(20000));
const pieces = (bytes: Buffer, size: number): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    ),
    { objectMode: false },
  );

test('every compression is recognised and opened, also when bytes come one by one', async () => {
  const forms = {
    none: content,
    gzip: gzipSync(content),
    zstd: execFileSync('zstd', ['-c'], { input: content }),
    xz: execFileSync('xz', ['-c'], { input: content }),
    bzip2: execFileSync('bzip2', ['-c'], { input: content }),
  };
  for (const [name, bytes] of Object.entries(forms)) {
    assert.equal(detectCompression(bytes), name);
    for (const size of [1000, bytes.length])
      assert.deepEqual(await buffer(await decompress(pieces(bytes, size))), content, `${name} by ${size}`);
  }
  const slow = forms.gzip.subarray(0, 10);
  await assert.rejects(async () => buffer(await decompress(pieces(slow, 1))));
});

test('short and empty streams pass unchanged', async () => {
  for (const text of ['', 'a', 'abcde', 'BZ'])
    assert.equal((await buffer(await decompress(Readable.from([Buffer.from(text)])))).toString(), text);
  assert.equal((await buffer(await decompress(Readable.from([])))).length, 0);
});

test('damaged and cut streams are errors', async () => {
  const damaged = gzipSync(content);
  damaged[40]! ^= 0xff;
  await assert.rejects(async () => buffer(await decompress(pieces(damaged, 4096))));
  for (const program of ['zstd', 'xz', 'bzip2']) {
    const whole = execFileSync(program, ['-c'], { input: content });
    await assert.rejects(
      async () => buffer(await decompress(pieces(whole.subarray(0, whole.length - 8), 4096))),
      program,
    );
  }
});

test('an error of the input is the error of the output', async () => {
  async function* failing() {
    yield gzipSync(content).subarray(0, 100);
    throw new Error('line dropped');
  }
  await assert.rejects(async () => buffer(await decompress(Readable.from(failing()))), /line dropped/);
});
