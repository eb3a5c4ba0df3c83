import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonError } from '../../errors.js';
import type { Call } from '../../http/route.js';
import { parseBuildOptions, parseTags, registryAuths } from './build-parameters.js';

function call(query: string, version = 50): Pick<Call, 'version' | 'query' | 'flag' | 'integer' | 'headers'> {
  const parsed = new URLSearchParams(query);
  return {
    version,
    query: parsed,
    headers: {},
    flag: (name, absent = false) => (parsed.has(name) ? parsed.get(name) === '1' : absent),
    integer: (name) => (parsed.get(name) ? Number(parsed.get(name)) : undefined),
  };
}
const options = (query: string, version?: number) => parseBuildOptions(call(query, version));

test('what the docker command line sends', () => {
  const parsed = options(
    'buildargs=%7B%22a%22%3A%221%22%2C%22b%22%3Anull%7D&cachefrom=%5B%22x%22%5D&dockerfile=D&labels=%7B%22l%22%3A%22m%22%7D' +
      '&memory=1000&networkmode=host&rm=1&t=x&t=y%3A1&target=z&ulimits=%5B%7B%22Name%22%3A%22nofile%22%2C%22Soft%22%3A1%2C%22Hard%22%3A2%7D%5D&version=1',
  );
  assert.deepEqual(parsed.args, { a: '1', b: null });
  assert.deepEqual(parsed.cacheFrom, ['x']);
  assert.deepEqual(parsed.labels, { l: 'm' });
  assert.deepEqual(parsed.tags, ['x:latest', 'y:1']);
  assert.deepEqual(
    [parsed.target, parsed.dockerfile, parsed.remove, parsed.forceRemove],
    ['z', 'D', true, false],
  );
  assert.equal(parsed.hostConfig.NetworkMode, 'host');
  assert.equal(parsed.hostConfig.Memory, 1000);
  assert.deepEqual(parsed.hostConfig.Ulimits, [{ Name: 'nofile', Soft: 1, Hard: 2 }]);
  assert.deepEqual(options('').args, {});
  assert.deepEqual(
    [options('').remove, options('rm=0').remove, options('rm=0&forcerm=1').remove],
    [true, false, true],
  );
});

test('platforms since 1.32', () => {
  assert.equal(options('platform=linux%2Farm64').platform?.architecture, 'arm64');
  assert.equal(options('platform=linux%2Farm64', 31).platform, undefined);
});

test('what is refused', () => {
  const cases: [string, string, string][] = [
    ['version=2', 'notImplemented', 'BuildKit is not supported by this daemon'],
    ['version=3', 'invalid', 'invalid version "3"'],
    ['squash=1', 'invalid', 'squash is only supported with experimental mode'],
    ['outputs=%5B%7B%22Type%22%3A%22local%22%7D%5D', 'invalid', 'outputs'],
    ['securityopt=x', 'invalid', 'security options are not supported on linux'],
    ['isolation=hyperv', 'invalid', 'unsupported isolation: "hyperv"'],
    ['buildargs=%7B', 'invalid', 'error reading build args'],
    ['labels=%5B%5D', 'invalid', 'error reading labels'],
    ['cachefrom=1', 'invalid', 'error reading cache-from'],
    ['ulimits=x', 'invalid', 'error reading ulimit settings'],
    ['t=UPPER', 'invalid', 'repository name (library/UPPER) must be lowercase'],
    ['platform=a%2Fb%2Fc%2Fd', 'invalid', 'cannot parse platform specifier'],
  ];
  for (const [query, kind, message] of cases)
    assert.throws(
      () => options(query),
      (error) => error instanceof DaemonError && error.kind === kind && error.message.includes(message),
      query,
    );
});

test('tags once each, without digests', () => {
  assert.deepEqual(parseTags(['a', 'a:latest', 'docker.io/library/a', 'localhost:5000/b:c', '']), [
    'a:latest',
    'localhost:5000/b:c',
  ]);
  assert.throws(() => parseTags([`a@sha256:${'0'.repeat(64)}`]), /build tag cannot contain a digest/);
});

test('credentials by registry; nonsense is none', () => {
  const header = Buffer.from('{"r:5000":{"username":"u"}}').toString('base64url');
  assert.deepEqual(registryAuths(header), { 'r:5000': { username: 'u' } });
  for (const bad of [undefined, '', '!!', Buffer.from('1').toString('base64')])
    assert.deepEqual(registryAuths(bad), {});
});
