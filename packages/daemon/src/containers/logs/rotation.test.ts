import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LogKeeping } from './options.js';
import { rotate } from './rotation.js';

async function setUp(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'noos-rotation-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'log');
  const turn =
    (content: string, keeping: Partial<LogKeeping> = {}) =>
    async () => {
      await writeFile(path, content);
      return rotate({
        path,
        keeping: { driver: 'json-file', maxBytes: 10, maxFiles: 3, ...keeping },
        reopen: () => writeFile(path, ''),
      });
    };
  const contents = async () =>
    Object.fromEntries(
      await Promise.all(
        (await readdir(directory))
          .sort()
          .map(async (name) => [name, await readFile(join(directory, name), 'utf8')]),
      ),
    );
  return { turn, contents };
}

test('predecessors move up and the oldest goes', async (t) => {
  const { turn, contents } = await setUp(t);
  assert.equal(await turn('small')(), false);
  for (const name of ['a', 'b', 'c']) assert.equal(await turn(name.repeat(11), { maxBytes: 10 })(), true);
  assert.deepEqual(await contents(), { log: '', 'log.1': 'c'.repeat(11), 'log.2': 'b'.repeat(11) });
});

test('one file is replaced by its writer', async (t) => {
  const { turn, contents } = await setUp(t);
  await turn('x'.repeat(20), { maxFiles: 1 })();
  assert.deepEqual(await contents(), { log: '' });
});

test('after a flood the bound of all files together holds', async (t) => {
  const { turn, contents } = await setUp(t);
  await turn('a'.repeat(11))();
  await turn('b'.repeat(40))();
  assert.deepEqual(Object.keys(await contents()), ['log', 'log.1']);
});
