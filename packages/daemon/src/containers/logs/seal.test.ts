import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { closeOpenLines } from './seal.js';

const entry = (stream: string, tag: string, text: string) =>
  `2026-11-23T10:00:00.123456789+00:00 ${stream} ${tag} ${text}\n`;

test('unfinished lines of both streams are ended, once', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'noos-seal-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'log');
  await closeOpenLines(path);
  const text = entry('stdout', 'P', 'a') + entry('stderr', 'F', 'b') + entry('stdout', 'P', 'c');
  await writeFile(path, text);
  await closeOpenLines(path);
  await closeOpenLines(path);
  assert.equal(await readFile(path, 'utf8'), text + entry('stdout', 'E', ''));
  const finished = entry('stdout', 'P', 'a') + entry('stdout', 'F', 'b');
  await writeFile(path, finished);
  await closeOpenLines(path);
  assert.equal(await readFile(path, 'utf8'), finished);
});
