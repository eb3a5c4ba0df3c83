import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Digest, Image, ImageConfig } from '../../images/types.js';
import { continues, createStepCache, localMatch } from './cache.js';
import { type StepConfig, sameStep } from './run-config.js';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const platform = { os: 'linux', architecture: 'amd64' };

const config = (
  steps: readonly string[],
  layers: readonly string[],
  more: Partial<ImageConfig> = {},
): ImageConfig => ({
  ...platform,
  history: steps.map((created_by) => ({
    created_by,
    ...(created_by.startsWith('-') && { empty_layer: true }),
  })),
  rootfs: { type: 'layers', diff_ids: layers.map(digest) },
  ...more,
});
const image = (id: string, document: ImageConfig, parent?: Digest): Image => ({
  id: digest(id),
  config: document,
  chain: [],
  tags: [],
  digests: [],
  size: 0,
  ...(parent && { parent }),
});

test('a step is the same when everything that it could see is', () => {
  const step: StepConfig = { Env: ['A=1'], Cmd: ['x'], Labels: { a: 'b' }, Volumes: { '/v': {} } };
  assert.ok(sameStep(step, structuredClone(step)));
  assert.ok(sameStep({ ...step, Entrypoint: null }, { ...step, Image: 'other' }));
  assert.ok(sameStep({ Healthcheck: { Test: ['NONE'] } }, { Healthcheck: { Test: ['NONE'], Retries: 0 } }));
  const others: StepConfig[] = [
    { ...step, Env: ['A=2'] },
    { ...step, Cmd: ['x', ''] },
    { ...step, Labels: { a: 'c' } },
    { ...step, Volumes: { '/w': {} } },
    { ...step, User: 'me' },
    { ...step, WorkingDir: '/w' },
    { ...step, ExposedPorts: { '80/tcp': {} } },
    { ...step, Shell: ['sh'] },
    { ...step, OnBuild: ['RUN x'] },
    { ...step, StopSignal: '9' },
    { ...step, Healthcheck: { Test: ['NONE'] } },
  ];
  for (const other of others) assert.ok(!sameStep(step, other), JSON.stringify(other));
});

test('of several children the youngest counts, other platforms do not', () => {
  const step: StepConfig = { Cmd: ['x'] };
  const child = (id: string, created: string, more: Partial<ImageConfig> = {}): Image =>
    image(id, config(['x'], [], { container_config: step, created, ...more }));
  const children = [
    child('1', '2026-01-01T00:00:00Z'),
    child('2', '2026-01-03T00:00:00Z'),
    child('3', '2026-01-02T00:00:00Z'),
    child('4', '2026-01-09T00:00:00Z', { architecture: 'arm64' }),
    child('5', '2026-01-09T00:00:00Z', { container_config: { Cmd: ['y'] } }),
    image('6', config(['x'], [])),
  ];
  assert.equal(localMatch(children, digest('9'), step, platform)?.id, digest('2'));
  assert.equal(localMatch(children, digest('9'), { Cmd: ['z'] }, platform), undefined);
});

test('--cache-from: an image continues what has the same history and layers', () => {
  const whole = config(['base', '-env', 'run'], ['a', 'b']);
  assert.ok(continues(whole, undefined));
  assert.ok(continues(whole, config(['base'], ['a'])));
  assert.ok(continues(whole, config(['base', '-env'], ['a'])));
  assert.ok(!continues(whole, whole));
  assert.ok(!continues(whole, config(['other'], ['a'])));
  assert.ok(!continues(whole, config(['base'], ['c'])));
  assert.ok(!continues(config([], []), undefined));
});

test('--cache-from restores the images between, and ends at the first miss', async () => {
  const base = image('0', config(['base'], ['a']));
  const target = image('f', config(['base', '-env', 'run'], ['a', 'b']));
  const store = new Map<string, Image>([
    [base.id, base],
    ['remote', target],
  ]);
  const held: string[] = [];
  const images = {
    hold: (id: Digest) => {
      held.push(id);
      return { release() {} };
    },
    find: (name: string) => store.get(name),
    children: () => [],
    async add(document: ImageConfig) {
      const added = image('1', document, base.id);
      store.set(added.id, added);
      return added;
    },
  };
  const cache = createStepCache(images, ['remote', 'missing'], []);
  const first = await cache.probe(base.id, { Cmd: ['-env'] }, platform);
  assert.equal(first, digest('1'));
  assert.deepEqual(store.get(digest('1'))!.config.rootfs.diff_ids, [digest('a')]);
  assert.equal(await cache.probe(first, { Cmd: ['run'] }, platform), target.id);
  assert.deepEqual(held, [first, target.id], 'what is found is kept');
  cache.reset();
  assert.equal(await cache.probe(base.id, { Cmd: ['other'] }, platform), undefined);
  assert.equal(await cache.probe(base.id, { Cmd: ['-env'] }, platform), undefined);
});
