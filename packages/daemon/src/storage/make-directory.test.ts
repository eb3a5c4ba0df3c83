import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeDirectory } from './make-directory.js';

const root = mkdtempSync(join(tmpdir(), 'noos-make-'));
after(() => rmSync(root, { recursive: true }));

test('directories are made as far as they are missing', async () => {
  const path = join(root, 'a/b/c');
  await Promise.all([makeDirectory(path, 0o711), makeDirectory(path, 0o711)]);
  await makeDirectory(path);
  assert.equal(statSync(path).mode & 0o777, 0o711);
});

test('where none can be made the error says so', async () => {
  await assert.rejects(makeDirectory('/proc/noos/data'), { code: 'ENOENT' });
  const file = join(root, 'file');
  writeFileSync(file, '');
  await assert.rejects(makeDirectory(join(file, 'below')), { code: 'EEXIST', path: file });
  await assert.rejects(makeDirectory(file), { code: 'EEXIST' });
});
