/** The small parts: versions, routes, filters, addresses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../config/error.js';
import { DaemonError } from '../errors.js';
import { booleanFilter, checkFilters, matchesLabels, parseFilters } from '../protocol/filters.js';
import { activatedDescriptors, parseHost } from './listen.js';
import type { Method, Route } from './route.js';
import { createRouter } from './router.js';
import { splitVersion } from './version.js';

test('versions', () => {
  assert.deepEqual(splitVersion('/v1.41/containers/json'), { version: 41, path: '/containers/json' });
  assert.deepEqual(splitVersion('/containers/json'), { version: 50, path: '/containers/json' });
  assert.deepEqual(splitVersion('/volumes/v1.41'), { version: 50, path: '/volumes/v1.41' });
  for (const path of ['/v1.23/info', '/v0.9/info', '/v1/info', '/v1.51/info', '/v2.0/info'])
    assert.throws(() => splitVersion(path), DaemonError);
});

test('routes: literal before patterns, slashes in names, versions', () => {
  const route = (method: Method, path: string, since = 0): Route => ({
    method,
    path,
    since,
    handler: async () => {},
  });
  const find = createRouter([
    route('GET', '/images/*name/json'),
    route('GET', '/images/json'),
    route('GET', '/containers/:id/json'),
    route('POST', '/system/new', 45),
  ]);
  assert.deepEqual(find('GET', '/images/localhost:5000/a/b:1/json', 41)?.params, {
    name: 'localhost:5000/a/b:1',
  });
  assert.equal(find('GET', '/images/json', 41)?.route.path, '/images/json');
  assert.deepEqual(find('GET', '/containers/a/json', 41)?.params, { id: 'a' });
  assert.deepEqual(find('GET', '/containers/a/b/json', 41)?.params, { id: 'a/b' });
  assert.equal(find('POST', '/containers/a/json', 41), undefined);
  assert.equal(find('POST', '/system/new', 44), undefined);
  assert.equal(find('POST', '/system/new', 45)?.route.path, '/system/new');
});

test('filters in both encodings', () => {
  assert.deepEqual([...parseFilters('{"label":["a=b","c"]}')], [['label', ['a=b', 'c']]]);
  assert.deepEqual([...parseFilters('{"label":{"a=b":true,"c":false}}')], [['label', ['a=b']]]);
  assert.equal(parseFilters(null).size, 0);
  for (const text of ['x', '[]', '{"a":1}', '{"a":[1]}', '{"a":{"b":1}}'])
    assert.throws(() => parseFilters(text), DaemonError);
});

test('filters: names, labels, booleans', () => {
  assert.throws(
    () => checkFilters(parseFilters('{"nonsense":["x"]}'), ['label']),
    /invalid filter 'nonsense'/,
  );
  assert.equal(matchesLabels({ a: '1' }, ['a']), true);
  assert.equal(matchesLabels({ a: '1' }, ['a=1', 'a=2']), false);
  assert.equal(matchesLabels(null, ['a']), false);
  assert.equal(booleanFilter(parseFilters('{"dangling":["1"]}'), 'dangling', false), true);
  assert.throws(() => booleanFilter(parseFilters('{"dangling":["maybe"]}'), 'dangling', false), DaemonError);
});

test('addresses to listen on', () => {
  assert.deepEqual(parseHost('unix:///run/x.sock', false), { kind: 'unix', path: '/run/x.sock' });
  assert.deepEqual(parseHost('tcp://', false), { kind: 'tcp', host: '127.0.0.1', port: 2375 });
  assert.deepEqual(parseHost('tcp://0.0.0.0', true), { kind: 'tcp', host: '0.0.0.0', port: 2376 });
  assert.deepEqual(parseHost('tcp://[::1]:99', false), { kind: 'tcp', host: '::1', port: 99 });
  assert.deepEqual(parseHost('fd://', false), { kind: 'fd' });
  assert.deepEqual(parseHost('fd://4', false), { kind: 'fd', number: 4 });
  for (const text of ['http://x', 'nonsense', 'tcp://a:b:c'])
    assert.throws(() => parseHost(text, false), ConfigError);
});

test('descriptors of systemd are ours only when they are meant for us', () => {
  assert.deepEqual(activatedDescriptors({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7), [3, 4]);
  assert.deepEqual(activatedDescriptors({ LISTEN_PID: '8', LISTEN_FDS: '2' }, 7), []);
  assert.deepEqual(activatedDescriptors({}, 7), []);
});
