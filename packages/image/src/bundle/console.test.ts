import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import { calls } from '@noos/runtime/app/testing/cases/console';
import { boot } from '@noos/runtime/testing';
import { bundle } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'noos-console-'));
copyFileSync(
  fileURLToPath(import.meta.resolve('@noos/runtime/app/testing/cases/console')),
  join(directory, 'console.js'),
);
const entry = join(directory, 'app.js');
writeFileSync(
  entry,
  `import { calls } from './console.js';
export default { start() {
  for (const values of Object.values(calls)) console.log(...values());
  console.group('outer'); console.error('inner\\nlines'); console.group(); console.log({ a: 1 }); console.groupEnd(); console.groupEnd();
  console.assert(true, 'not shown'); console.assert(false, 'shown %d', 1);
  console.count(); console.count('x'); console.count();
  console.table([{ a: 1, b: 'x' }, { a: 2, c: true }]); console.table(['p', 'q']); console.table(5);
  const error = new TypeError('outer', { cause: new Error('inner') });
  console.error(error);
  console.warn('failed:', Object.assign(new RangeError('with code'), { code: 'E_CODE' }));
} };`,
);
const machine = await boot((await bundle(entry)).code);
rmSync(directory, { recursive: true });
machine.evaluate('__test.start()');
const output = machine.evaluate('__test.console') as [number, string][];
machine.close();

Object.entries(calls).forEach(([name, values], index) => {
  test(`console.log of ${name} as in Node`, () => {
    assert.equal(output[index]![1], `${format(...values())}\n`);
  });
});

const rest = output.slice(Object.keys(calls).length);

test('groups, assertions, counts and tables', () => {
  assert.deepEqual(rest.slice(0, 9), [
    [1, 'outer\n'],
    [2, '  inner\n  lines\n'],
    [1, '    { a: 1 }\n'],
    [2, 'Assertion failed: shown 1\n'],
    [1, 'default: 1\n'],
    [1, 'x: 1\n'],
    [1, 'default: 2\n'],
    [
      1,
      [
        '┌─────────┬───┬─────┬──────┐',
        '│ (index) │ a │  b  │  c   │',
        '├─────────┼───┼─────┼──────┤',
        "│    0    │ 1 │ 'x' │      │",
        '│    1    │ 2 │     │ true │',
        '└─────────┴───┴─────┴──────┘',
        '',
      ].join('\n'),
    ],
    [
      1,
      [
        '┌─────────┬────────┐',
        '│ (index) │ Values │',
        '├─────────┼────────┤',
        "│    0    │  'p'   │",
        "│    1    │  'q'   │",
        '└─────────┴────────┘',
        '',
      ].join('\n'),
    ],
  ]);
  assert.deepEqual(rest[9], [1, '5\n']);
});

test('errors show their stack in the sources, their cause and their properties', () => {
  assert.match(
    rest[10]![1],
    /^TypeError: outer\n {4}at start \(app\.js:8:\d+\)\n[\s\S]* {2}\[cause\]: Error: inner\n {6}at start \(app\.js:8:\d+\)\n/,
  );
  assert.match(
    rest[11]![1],
    /^failed: RangeError: with code\n {4}at start \(app\.js:10:\d+\)\n[\s\S]* \{\n {2}code: 'E_CODE'\n\}\n$/,
  );
});
