import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../documents/manifest.js';
import { createBlobRecords } from './blob-records.js';

const id = (name: string) => digestOf(Buffer.from(name));

test('the newest comes first, a repository once, and all of it survives', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-blobs-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'blobs.json');
  const records = await createBlobRecords(path);
  const blob = { digest: id('blob'), size: 5 };
  records.add('r/a', [id('layer')], [blob]);
  records.add('r/b', [id('layer')], [blob]);
  records.add('r/a', [id('layer')], [blob]);
  assert.deepEqual(
    records.of(id('layer')).map(({ repository }) => repository),
    ['r/a', 'r/b'],
  );
  for (let i = 0; i < 30; i++) records.add(`r/${i}`, [id('layer')], [blob]);
  assert.equal(records.of(id('layer')).length, 20);
  records.forget(id('layer'), records.of(id('layer'))[0]!);
  await records.flush();
  const again = await createBlobRecords(path);
  assert.deepEqual(again.of(id('layer')), records.of(id('layer')));
  assert.equal(again.of(id('layer')).length, 19);
  assert.deepEqual(again.of(id('unknown')), []);
  writeFileSync(path, '{damaged');
  assert.deepEqual((await createBlobRecords(path)).of(id('layer')), []);
});
