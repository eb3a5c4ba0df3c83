import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonError } from '../../errors.js';
import { parseImageConfig } from './image-config.js';

const parse = (document: unknown) => parseImageConfig(Buffer.from(JSON.stringify(document)));
const rootfs = { type: 'layers', diff_ids: [`sha256:${'a'.repeat(64)}`] };

test('what Go wrote for absent fields is left out, the rest is kept as found', () => {
  const config = parse({
    rootfs,
    os: null,
    architecture: 'arm',
    variant: 'v7',
    history: null,
    config: { Cmd: null, Env: ['A=b'] },
    extra: 1,
  });
  assert.deepEqual(config, {
    rootfs,
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
    config: { Cmd: null, Env: ['A=b'] },
    extra: 1,
  });
  assert.deepEqual(parse({ rootfs: { type: 'layers', diff_ids: null } }).rootfs.diff_ids, []);
});

test('documents that would mislead whoever runs the image are refused', () => {
  for (const document of [
    null,
    [],
    'x',
    {},
    { rootfs: 5 },
    { rootfs: { type: 'windows' } },
    { rootfs: { type: 'layers', diff_ids: ['sha256:x'] } },
    { rootfs: { type: 'layers', diff_ids: ['../../etc'] } },
    { rootfs, os: 5 },
    { rootfs, history: {} },
    { rootfs, history: [1] },
    { rootfs, config: [] },
    { rootfs, config: { Cmd: 'sh' } },
    { rootfs, config: { Env: [1] } },
    { rootfs, config: { User: {} } },
    { rootfs, config: { Labels: { a: 1 } } },
    { rootfs, config: { Volumes: ['x'] } },
    { rootfs, config: { Healthcheck: { Test: 'true' } } },
    { rootfs, config: { Healthcheck: { Interval: '1s' } } },
  ])
    assert.throws(() => parse(document), DaemonError, JSON.stringify(document));
  assert.throws(() => parseImageConfig(Buffer.from('{')), DaemonError);
});
