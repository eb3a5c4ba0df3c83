import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { boot } from '@noos/runtime/testing';
import { bundle } from './index.js';

/** Cases on which Node 20's own implementation leaves the standard, by table and name; what the standard says stands here. */
const better: Record<string, unknown> = {
  'url.caretInPath': { value: 'http://example.com/%5E' },
  // The label latin1 means windows-1252.
  'data.latin1': { value: { value: 'A\u20acäÿ' } },
};

for (const table of ['url', 'http', 'data']) {
  const file = fileURLToPath(import.meta.resolve(`@noos/runtime/app/testing/cases/${table}`));
  const { cases } = await import(file);
  const { runCases } = await import(join(file, '../case.js'));
  const expected = await runCases(cases);
  const directory = mkdtempSync(join(tmpdir(), 'noos-conformance-'));
  const entry = join(directory, 'app.js');
  // Copies, so that they are an application's files and not the runtime's own.
  for (const name of [table, 'case'])
    copyFileSync(join(file, `../${name}.js`), join(directory, `${name}.js`));
  writeFileSync(
    entry,
    `import { cases } from './${table}.js';
     import { runCases } from './case.js';
     export default { async fetch() { return Response.json(await runCases(cases)); } };`,
  );
  const { code } = await bundle(entry);
  rmSync(directory, { recursive: true });
  const machine = await boot(code);
  machine.evaluate('__test.start()');
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  for (let ms = 0; ms < 60; ms++) machine.evaluate('__test.advance(1)');
  const response = machine.evaluate('__test.responses.get(1)') as { status: number; body: string } | null;
  const console = machine.evaluate('__test.console.map(([, text]) => text).join("")');
  machine.close();
  test(`${table}: the cases ran to the end`, () => {
    assert.equal(response?.status, 200, String(console));
    assert.equal(console, '');
  });
  const actual = JSON.parse(response?.body ?? '{}') as Record<string, unknown>;
  for (const name of Object.keys(cases))
    test(`${table}: ${name} as in Node`, () => {
      assert.deepEqual(actual[name], better[`${table}.${name}`] ?? expected[name]);
    });
}
