/** memcpy and its kin against byte loops. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { compile, runTool } from '../builder/compiler.js';
import { paths } from '../builder/paths.js';
import { commonFlags, strictFlags } from '../builder/shared.js';

test('memcpy, memmove, memset and memcmp do what byte loops do', async () => {
  mkdirSync(`${paths.build}/testing`, { recursive: true });
  mkdirSync(paths.objects, { recursive: true });
  const flags = [...commonFlags, ...strictFlags];
  const objects = await Promise.all([
    compile(
      { source: `${paths.source}/common/testing/bytes-check.c`, flags: [...flags, '-O1'], includes: [] },
      paths.objects,
    ),
    compile(
      {
        source: `${paths.source}/common/bytes.c`,
        flags: [...flags, '-ffreestanding', '-fno-tree-loop-distribute-patterns'],
        includes: [],
      },
      paths.objects,
    ),
  ]);
  const binary = `${paths.build}/testing/bytes-check`;
  await runTool('gcc', ['-static', '-no-pie', ...objects, '-o', binary]);
  const { status, stdout } = spawnSync(binary, { encoding: 'utf8' });
  assert.equal(stdout, '');
  assert.equal(status, 0);
});
