import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signalNumber } from '../configuration/signals.js';
import { createLocks } from '../lifecycle/locks.js';
import { createWaiters } from '../lifecycle/waiters.js';
import type { Container } from '../types.js';
import { checkName, randomName } from './names.js';
import { newState } from './records.js';
import { createRegistry } from './registry.js';
import { humanDuration, statusText } from './status-text.js';

const container = (id: string, name: string) => ({ id: id.padEnd(64, '0'), name }) as Container;

test('looked up by ID, name, unique prefix', () => {
  const registry = createRegistry();
  const [first, second] = [container('abc1', 'web'), container('abc2', 'abd')];
  registry.add(first);
  registry.add(second);
  for (const name of [first.id, 'web', '/web', 'abc1']) assert.equal(registry.get(name), first);
  // A name wins over a prefix.
  assert.equal(registry.get('abd'), second);
  assert.throws(() => registry.get('abc'), { kind: 'invalid', message: /multiple IDs found/ });
  assert.throws(() => registry.get('none'), { kind: 'notFound', message: 'No such container: none' });
  assert.throws(() => registry.get(''), { kind: 'invalid', message: 'invalid name or ID supplied: ""' });
  Object.assign(second, { links: [{ alias: 'db', id: first.id, name: 'web' }] });
  for (const name of ['abd/db', '/abd/db']) assert.equal(registry.get(name), first);
  assert.equal(registry.find('abd/none'), undefined);
  registry.remove(first.id);
  assert.equal(registry.find('abd/db'), undefined);
  assert.equal(registry.find('web'), undefined);
});

test('names are taken once, with the owner told', () => {
  const registry = createRegistry();
  registry.reserve('web', 'owner');
  registry.reserve('web', 'owner');
  assert.throws(() => registry.reserve('web', 'other'), {
    kind: 'conflict',
    message:
      'Conflict. The container name "/web" is already in use by container "owner". You have to remove (or rename) that container to be able to reuse that name.',
  });
  registry.release('web');
  registry.reserve('web', 'other');
});

test('names that Docker takes', () => {
  for (const name of ['ab', 'a.b_c-d', '0a', '/web']) assert.equal(checkName(name), name.replace('/', ''));
  for (const name of ['a', '', '-ab', 'a b', 'a/b', 'é2'])
    assert.throws(() => checkName(name), { kind: 'invalid' });
  for (let i = 0; i < 200; i++) checkName(randomName(() => false));
  assert.notEqual(
    randomName((name) => !/\d/.test(name)),
    '',
  );
});

test('signals by name and number', () => {
  for (const [text, number] of [
    ['SIGTERM', 15],
    ['term', 15],
    ['9', 9],
    ['RTMIN+1', 35],
    ['SIGRTMAX', 64],
  ] as const)
    assert.equal(signalNumber(text), number);
  for (const text of ['0', 'SIGNONE', 'RTMIN+99', '-1'])
    assert.throws(() => signalNumber(text), { message: `Invalid signal: ${text}` });
  assert.throws(() => signalNumber('99'), { message: 'the linux daemon does not support signal 99' });
});

test('states as docker ps words them', () => {
  const now = Date.parse('2026-01-01T01:00:00Z');
  const state = (change: object) => statusText({ ...newState(), ...change }, now);
  const startedAt = '2026-01-01T00:57:00Z';
  assert.equal(state({}), 'Created');
  assert.equal(state({ status: 'running', startedAt }), 'Up 3 minutes');
  assert.equal(state({ status: 'paused', startedAt }), 'Up 3 minutes (Paused)');
  const health = (Status: string) => ({
    status: 'running',
    startedAt,
    health: { Status, FailingStreak: 0, Log: [] },
  });
  assert.equal(state(health('healthy')), 'Up 3 minutes (healthy)');
  assert.equal(state(health('starting')), 'Up 3 minutes (health: starting)');
  const finishedAt = '2026-01-01T00:59:58Z';
  assert.equal(state({ status: 'exited', startedAt, finishedAt, exitCode: 3 }), 'Exited (3) 2 seconds ago');
  assert.equal(
    state({ status: 'restarting', startedAt, finishedAt, exitCode: 1 }),
    'Restarting (1) 2 seconds ago',
  );
});

test('durations as docker ps words them', () => {
  const hour = 3600;
  for (const [seconds, text] of [
    [0.5, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, 'About a minute'],
    [119, 'About a minute'],
    [600, '10 minutes'],
    [hour, 'About an hour'],
    [5 * hour, '5 hours'],
    [49 * hour, '2 days'],
    [24 * 15 * hour, '2 weeks'],
    [24 * 90 * hour, '3 months'],
    [24 * 800 * hour, '2 years'],
  ] as const)
    assert.equal(humanDuration(seconds * 1000), text);
});

test('one thing at a time for each key', async () => {
  const locks = createLocks();
  const order: string[] = [];
  const step = (key: string, name: string, failing = false) =>
    locks.run(key, async () => {
      order.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} out`);
      if (failing) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([step('x', 'a', true), step('x', 'b'), step('y', 'c')]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  assert.ok(order.indexOf('a out') < order.indexOf('b in'));
  assert.ok(order.indexOf('c in') < order.indexOf('a out'));
});

test('who waits for what', async () => {
  const waiters = createWaiters();
  const seen: string[] = [];
  const wait = (condition: 'not-running' | 'next-exit' | 'removed') =>
    void waiters.wait('id', condition).then(({ StatusCode }) => seen.push(`${condition} ${StatusCode}`));
  wait('next-exit');
  wait('not-running');
  wait('removed');
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  waiters.ended('id', { StatusCode: 1 });
  await settled();
  assert.deepEqual(seen, ['next-exit 1', 'not-running 1']);
  waiters.removed('id', { StatusCode: 3 });
  await settled();
  assert.deepEqual(seen, ['next-exit 1', 'not-running 1', 'removed 3']);
  const abort = new AbortController();
  const aborted = waiters.wait('id', 'next-exit', abort.signal);
  abort.abort(new Error('gone'));
  await assert.rejects(aborted, { message: 'gone' });
});
