import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf, mergeConfig } from './merge.js';

const image = {
  Entrypoint: ['/entry'],
  Cmd: ['serve'],
  Env: ['A=image', 'B=image'],
  WorkingDir: '/srv',
  User: 'app',
  Labels: { a: 'image', b: 'image' },
  ExposedPorts: { '80/tcp': {} },
  Volumes: { '/data': {} },
  StopSignal: 'SIGQUIT',
};

test('the request wins, lists and maps are united', () => {
  const merged = mergeConfig(
    { Image: 'x', Env: ['A=own', 'C=own'], Labels: { a: 'own' }, ExposedPorts: { '81/tcp': {} } },
    image,
  );
  assert.deepEqual(merged.Env, ['A=own', 'C=own', 'B=image']);
  assert.deepEqual(merged.Labels, { a: 'own', b: 'image' });
  assert.deepEqual(Object.keys(merged.ExposedPorts!), ['80/tcp', '81/tcp']);
  assert.deepEqual([merged.WorkingDir, merged.User, merged.StopSignal], ['/srv', 'app', 'SIGQUIT']);
  assert.deepEqual(merged.Volumes, { '/data': {} });
});

test('the command of the image goes with its entrypoint only', () => {
  const command = (Entrypoint?: string[], Cmd?: string[]) =>
    commandOf(mergeConfig({ Image: 'x', ...(Entrypoint && { Entrypoint }), ...(Cmd && { Cmd }) }, image));
  assert.deepEqual(command(), { path: '/entry', args: ['serve'] });
  assert.deepEqual(command(undefined, ['run']), { path: '/entry', args: ['run'] });
  assert.deepEqual(command(['sh']), { path: 'sh', args: [] });
  assert.deepEqual(command([''], ['sh']), { path: 'sh', args: [] });
  assert.throws(() => command(['']), { message: 'no command specified' });
  assert.throws(() => commandOf(mergeConfig({ Image: '' })), { message: 'no command specified' });
});

test('a health check takes from the image what it leaves open', () => {
  const merged = mergeConfig(
    { Image: 'x', Healthcheck: { Interval: 5 } },
    { Healthcheck: { Test: ['CMD', 'check'], Interval: 1, Retries: 2 } },
  );
  assert.deepEqual(
    [merged.Healthcheck?.Test, merged.Healthcheck?.Interval, merged.Healthcheck?.Retries],
    [['CMD', 'check'], 5, 2],
  );
});
