import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { createLogger } from '../../log.js';
import { readLog } from './read.js';
import { compressRotated, createRotator, rotate } from './rotation.js';

async function setUp(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'noos-rotation-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'log');
  /** As conmon: a new file takes the old one's place. */
  const replace = async (content: string) => {
    await writeFile(`${path}.tmp`, content);
    await rename(`${path}.tmp`, path);
  };
  const contents = async () => {
    const names = (await readdir(directory)).sort();
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')])),
    );
  };
  return { path, replace, contents };
}

test('replaced files move up and the oldest goes', async (t) => {
  const { path, replace, contents } = await setUp(t);
  for (const content of ['a', 'b', 'c', 'd']) {
    await replace(content);
    await rotate(path, 3);
    await rotate(path, 3);
  }
  assert.deepEqual(await contents(), { log: 'd', 'log.0': 'd', 'log.1': 'c', 'log.2': 'b' });
  assert.equal((await stat(path)).nlink, 2);
});

test('no log yet: nothing to do', async (t) => {
  const { path, contents } = await setUp(t);
  await rotate(path, 3);
  assert.deepEqual(await contents(), {});
});

test('a rotator reacts by itself, and to what happened before', async (t) => {
  const { path, replace, contents } = await setUp(t);
  await replace('a');
  await rotate(path, 2);
  await replace('b');
  const rotator = createRotator(createLogger('fatal'));
  t.after(() => rotator.close());
  await rotator.add('c', { path, maxFiles: 2, compress: false });
  assert.deepEqual(await contents(), { log: 'b', 'log.0': 'b', 'log.1': 'a' });
  await replace('c');
  await sleep(50);
  assert.deepEqual(await contents(), { log: 'c', 'log.0': 'c', 'log.1': 'b' });
  rotator.remove('c');
  await replace('d');
  await sleep(50);
  assert.deepEqual(await contents(), { log: 'd', 'log.0': 'c', 'log.1': 'b' });
});

const line = (text: string) => `2026-11-23T10:00:00.123456789+00:00 stdout F ${text}\n`;

async function read(path: string, tail?: number): Promise<string> {
  let text = '';
  const query = { path, stdout: true, stderr: true, timestamps: false, details: '', multiplex: false };
  for await (const bytes of readLog(tail === undefined ? query : { ...query, tail }))
    text += bytes.toString('latin1');
  return text;
}

const inTurn = (step: () => Promise<void>) => step();

test('what moved up is compressed, moves on, and is read through', async (t) => {
  const { path, replace, contents } = await setUp(t);
  for (const content of ['a', 'b', 'c', 'd']) {
    await replace(line(`${content}1`) + line(`${content}2`));
    await rotate(path, 3);
    await compressRotated(path, inTurn);
  }
  assert.deepEqual(Object.keys(await contents()), ['log', 'log.0', 'log.1.gz', 'log.2.gz']);
  assert.equal(gunzipSync(await readFile(`${path}.1.gz`)).toString(), line('c1') + line('c2'));
  assert.equal(await read(path), 'b1\nb2\nc1\nc2\nd1\nd2\n');
  for (const [tail, text] of [
    [1, 'd2\n'],
    [3, 'c2\nd1\nd2\n'],
    [5, 'b2\nc1\nc2\nd1\nd2\n'],
  ] as const)
    assert.equal(await read(path, tail), text);
  assert.deepEqual(Object.keys(await contents()), ['log', 'log.0', 'log.1.gz', 'log.2.gz']);
});

test('a reader in a file that is compressed meanwhile continues after it, not in it again', async (t) => {
  const { path, replace } = await setUp(t);
  await replace(line('a'));
  await rotate(path, 3);
  const stop = new AbortController();
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const query = { path, stdout: true, stderr: true, timestamps: false, details: '', multiplex: false };
  const followed: string[] = [];
  const reading = (async () => {
    for await (const bytes of readLog({ ...query, follow: { ended, signal: stop.signal } })) {
      followed.push(bytes.toString('latin1'));
      if (followed.length > 1) continue;
      // Two rotations pass while this reader stands in the first file.
      for (const content of ['b', 'c']) {
        await replace(line(content));
        await rotate(path, 3);
        await compressRotated(path, inTurn);
      }
      end();
    }
  })();
  await reading;
  assert.equal(followed.join(''), 'a\nb\nc\n');
});

test('a crash before or after the compressed file came into place loses and doubles nothing', async (t) => {
  const { path, replace, contents } = await setUp(t);
  for (const content of ['a', 'b']) {
    await replace(line(content));
    await rotate(path, 3);
  }
  await writeFile(`${path}.gz.tmp`, 'half');
  assert.equal(await read(path), 'a\nb\n');
  const plain = await readFile(`${path}.1`);
  await compressRotated(path, inTurn);
  assert.deepEqual(Object.keys(await contents()), ['log', 'log.0', 'log.1.gz']);
  await writeFile(`${path}.1`, plain);
  await compressRotated(path, inTurn);
  assert.deepEqual(Object.keys(await contents()), ['log', 'log.0', 'log.1.gz']);
  assert.equal(await read(path), 'a\nb\n');
});

test('of a file that moves up while it is compressed the right one is replaced', async (t) => {
  const { path, replace, contents } = await setUp(t);
  for (const content of ['a', 'b']) {
    await replace(line(content));
    await rotate(path, 4);
  }
  let moved = false;
  await compressRotated(path, async (step) => {
    if (!moved) {
      moved = true;
      await replace(line('c'));
      await rotate(path, 4);
    }
    await step();
  });
  assert.deepEqual(Object.keys(await contents()), ['log', 'log.0', 'log.1.gz', 'log.2.gz']);
  assert.equal(await read(path), 'a\nb\nc\n');
});
