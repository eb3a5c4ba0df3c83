import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonError } from '../../errors.js';
import type { Digest, Image } from '../types.js';
import { describeHistory, sharedSizes } from './describe.js';
import { pruneRules, selectForList } from './select.js';

const id = (name: string): Digest => `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0')}`;
const nowMs = Date.parse('2026-01-10T00:00:00Z');

function image(
  name: string,
  extra: Partial<Image> & { created?: string; labels?: Record<string, string> } = {},
): Image {
  const { created = '2026-01-01T00:00:00Z', labels, ...rest } = extra;
  return {
    id: id(name),
    config: {
      os: 'linux',
      architecture: 'amd64',
      created,
      rootfs: { type: 'layers', diff_ids: [] },
      ...(labels && { config: { Labels: labels } }),
    },
    chain: [],
    tags: [`${name}:1`],
    digests: [],
    size: 0,
    ...rest,
  };
}

const images = [
  image('old', { created: '2025-12-01T00:00:00Z' }),
  image('middle', { labels: { a: '1' } }),
  image('young', { created: '2026-01-09T23:30:00Z', digests: [`young@sha256:${'b'.repeat(64)}`] }),
  image('step', { tags: [] }),
  image('top', { tags: [], parent: id('step') }),
];
const list = (filters: Record<string, string[]>, all = false): string[] =>
  selectForList(images, {
    filters: new Map(Object.entries(filters)),
    all,
    nowMs,
    get: (name) => {
      const found = images.find(({ tags }) => tags.includes(`${name}:1`));
      if (found === undefined) throw new DaemonError('notFound', name);
      return found;
    },
  }).map((found) => Buffer.from(found.id.slice(7), 'hex').toString().replace(/\0+$/, ''));

test('newest first; steps of builds only on request', () => {
  assert.deepEqual(list({}), ['young', 'middle', 'top', 'old']);
  assert.deepEqual(list({}, true), ['young', 'middle', 'step', 'top', 'old']);
});

test('filters narrow, several of one time bound all hold', () => {
  assert.deepEqual(list({ since: ['old'], before: ['young'] }), ['middle', 'top']);
  assert.deepEqual(list({ before: ['young', 'middle'] }), ['old']);
  assert.deepEqual(list({ until: ['1h'] }), ['middle', 'top', 'old']);
  assert.deepEqual(list({ dangling: ['true'] }), ['top']);
  assert.deepEqual(list({ dangling: ['false'] }), ['young', 'middle', 'old']);
  assert.deepEqual(list({ label: ['a=1'] }), ['middle']);
  assert.deepEqual(list({ reference: ['docker.io/library/you*'] }), ['young']);
  assert.deepEqual(list({ reference: ['*/young'] }), []);
  assert.throws(() => list({ reference: ['['] }), { message: 'syntax error in pattern' });
});

test('prune keeps what is used, labelled otherwise or too young', () => {
  const kept = (filters: Record<string, string[]>, used = false): string[] => {
    const rules = pruneRules(new Map(Object.entries(filters)), nowMs, () => used);
    return images.filter(rules.keep).map(({ tags }) => tags[0] ?? '-');
  };
  assert.deepEqual(kept({}), []);
  assert.equal(kept({}, true).length, images.length);
  assert.deepEqual(kept({ until: ['24h'] }), ['young:1']);
  assert.deepEqual(kept({ 'label!': ['a'] }), ['middle:1']);
  assert.deepEqual(kept({ label: ['a'] }), ['old:1', 'young:1', '-', '-']);
  assert.equal(pruneRules(new Map(), nowMs, () => false).all, false);
  assert.equal(pruneRules(new Map([['dangling', ['0']]]), nowMs, () => false).all, true);
  assert.throws(
    () => pruneRules(new Map([['until', ['1h', '2h']]]), nowMs, () => false),
    /more than one until filter/,
  );
});

test('shared bytes and history follow the layers', () => {
  const layer = (name: string, size: number) => ({ chainId: id(name), diffId: id(name), size });
  const known = new Map(
    [layer('base', 10), layer('a', 1), layer('b', 2)].map((found) => [found.chainId, found]),
  );
  const layers = { find: (chainId: Digest) => known.get(chainId) };
  const [a, b] = [image('a', { chain: [id('base'), id('a')] }), image('b', { chain: [id('base'), id('b')] })];
  assert.deepEqual([...sharedSizes([a, b], layers).values()], [10, 10]);
  assert.deepEqual([...sharedSizes([a], layers).values()], [0]);
  const history = [
    { created_by: 'ADD base' },
    { created_by: 'ENV x', empty_layer: true },
    { created_by: 'RUN a' },
  ];
  const steps = describeHistory({ ...a, config: { ...a.config, history } }, layers, () => undefined) as {
    Size: number;
    Id: string;
  }[];
  assert.deepEqual(
    steps.map(({ Size, Id }) => [Size, Id]),
    [
      [1, a.id],
      [0, '<missing>'],
      [10, '<missing>'],
    ],
  );
});
