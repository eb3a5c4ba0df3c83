import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBuildArgs } from './build-args.js';
import { withArguments } from './run-step.js';

test('global ARGs are seen by FROM, and by a stage that declares them', () => {
  const args = createBuildArgs({ version: '2', extra: 'x', gone: null });
  args.addGlobal('version', '1');
  args.addGlobal('base', 'alpine');
  assert.deepEqual(
    [...args.globals()],
    [
      ['version', '2'],
      ['base', 'alpine'],
    ],
  );
  const stage = args.nextStage();
  assert.deepEqual([...stage.visible([])], []);
  stage.add('base', undefined);
  stage.add('version', 'default');
  stage.add('unset', undefined);
  assert.deepEqual(
    [...stage.visible([])],
    [
      ['base', 'alpine'],
      ['version', '2'],
    ],
  );
  assert.deepEqual([...stage.visible(['base=env'])], [['version', '2']]);
  assert.deepEqual(args.unused(), ['extra', 'gone']);
});

test('proxies need no ARG, stay out of the cache and are never unused', () => {
  const args = createBuildArgs({ http_proxy: 'http://p', A: '1' }).nextStage();
  args.add('A', undefined);
  const visible = args.visible([]);
  assert.equal(visible.get('http_proxy'), 'http://p');
  assert.deepEqual(withArguments(visible, args.countsForCache, ['/bin/sh', '-c', 'x']), [
    '|1',
    'A=1',
    '/bin/sh',
    '-c',
    'x',
  ]);
  assert.deepEqual(args.unused(), []);
  assert.deepEqual(withArguments(new Map(), args.countsForCache, ['x']), ['x']);
});
