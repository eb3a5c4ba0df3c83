import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../log.js';
import { createRotator, rotate } from './rotation.js';

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
  rotator.add('c', path, 2);
  await sleep(50);
  assert.deepEqual(await contents(), { log: 'b', 'log.0': 'b', 'log.1': 'a' });
  await replace('c');
  await sleep(50);
  assert.deepEqual(await contents(), { log: 'c', 'log.0': 'c', 'log.1': 'b' });
  rotator.remove('c');
  await replace('d');
  await sleep(50);
  assert.deepEqual(await contents(), { log: 'd', 'log.0': 'c', 'log.1': 'b' });
});
