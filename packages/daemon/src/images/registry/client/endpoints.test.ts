import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointsOf, inRanges, isInsecure, leadsInside, validateRegistryConfig } from './endpoints.js';

const config = (insecureRegistries: string[] = [], mirrors: string[] = []) => ({
  insecureRegistries,
  mirrors,
});
const unresolved = async (): Promise<string[]> => [];

test('Docker Hub: mirrors first, never http, never for a push', async () => {
  const given = config([], ['https://mirror.example', 'http://127.0.0.1:5000']);
  assert.deepEqual(
    (await endpointsOf('docker.io', given, 'pull')).map(({ url, mirror, insecure }) => [
      url,
      mirror,
      insecure,
    ]),
    [
      ['https://mirror.example', true, false],
      ['http://127.0.0.1:5000', true, true],
      ['https://registry-1.docker.io', false, false],
    ],
  );
  assert.deepEqual(
    (await endpointsOf('docker.io', given, 'push')).map(({ url }) => url),
    ['https://registry-1.docker.io'],
  );
});

test('insecure: loopback always, names and ranges as configured, names by their addresses', async () => {
  for (const name of ['127.0.0.1:5000', '127.9.9.9', '[::1]:5000', '[::1]'])
    assert.equal(await isInsecure(name, config(), unresolved), true, name);
  assert.equal(await isInsecure('registry.example', config(), unresolved), false);
  assert.equal(await isInsecure('registry.example', config(['registry.example']), unresolved), true);
  assert.equal(await isInsecure('registry.example:5000', config(['registry.example']), unresolved), false);
  assert.equal(await isInsecure('10.1.2.3:5000', config(['10.0.0.0/8']), unresolved), true);
  assert.equal(await isInsecure('registry.example', config(['10.0.0.0/8']), async () => ['10.0.0.1']), true);
  assert.equal(await isInsecure('docker.io', config(['0.0.0.0/0']), async () => ['127.0.0.1']), false);
  assert.deepEqual(
    (await endpointsOf('127.0.0.1:5000', config(), 'push')).map(({ url }) => url),
    ['https://127.0.0.1:5000', 'http://127.0.0.1:5000'],
  );
});

test('addresses and ranges of different families never match', () => {
  assert.equal(inRanges(['::ffff:127.0.0.1'], ['127.0.0.0/8']), true);
  assert.equal(inRanges(['fe80::1', 'no address'], ['127.0.0.0/8']), false);
});

test("configuration is checked in Docker's words", () => {
  assert.deepEqual(
    validateRegistryConfig(
      config(['http://reg.example:5000', '10.0.0.0/8'], ['https://m.example/', 'https://m.example']),
    ),
    { insecureRegistries: ['reg.example:5000', '10.0.0.0/8'], mirrors: ['https://m.example'] },
  );
  for (const [mirror, expected] of [
    ['m.example', /no scheme specified for "m.example"/],
    ['ftp://m.example', /unsupported scheme "ftp"/],
    ['https://m.example?x', /query or fragment/],
    ['https://a:b@m.example', /username\/password not allowed/],
  ] as const)
    assert.throws(() => validateRegistryConfig(config([], [mirror])), expected);
  for (const [name, expected] of [
    ['ftp://x', /should not contain ':\/\/'/],
    ['-x', /Cannot begin or end with a hyphen/],
    ['a b', /is not valid/],
  ] as const)
    assert.throws(() => validateRegistryConfig(config([name])), expected);
});

test('a registry outside leads nobody inside; one inside may', () => {
  const outside = 'https://registry.example';
  for (const url of [
    'https://127.0.0.1/token',
    'https://127.9.9.9:8443/',
    'https://[::1]/',
    'https://localhost/',
    'https://x.localhost/',
    'http://169.254.169.254/latest/meta-data',
    'https://[fe80::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://0.0.0.0/',
    'https://2130706433/',
  ]) {
    assert.equal(leadsInside(outside, url), true, url);
    assert.equal(leadsInside('http://localhost:5000', url), false, url);
  }
  for (const url of ['https://auth.example/token', 'https://10.0.0.7/blobs', 'https://[2001:db8::1]/'])
    assert.equal(leadsInside(outside, url), false, url);
});
