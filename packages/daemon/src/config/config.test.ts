/** Configuration: file and flags, in dockerd's words when they are wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from './error.js';
import { instanceOf, mergeValues, parseConfigFile } from './load.js';
import { daemonOptions } from './options.js';
import { reloadInto } from './reload.js';
import { parseFlagValue, parsePool, parseSize, parseUlimit, toConfig } from './values.js';

const option = (key: string) => daemonOptions.find((one) => one.key === key)!;
const config = (text: string) => toConfig(parseConfigFile(text), '/var/lib/noos', 'noos');

test('no key and no flag is there twice', () => {
  const keys = daemonOptions.map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
  const shorts = daemonOptions.flatMap(({ short }) => short ?? []);
  assert.equal(new Set(shorts).size, shorts.length);
});

test('defaults', () => {
  const defaults = config('');
  assert.equal(defaults.execRoot, '/run/noos');
  assert.deepEqual(defaults.hosts, ['unix:///run/noos.sock']);
  assert.equal(defaults.bridge.name, 'noos0');
  assert.equal(defaults.shutdownTimeoutS, 15);
  assert.equal(defaults.tls, undefined);
  assert.deepEqual(Object.keys(defaults.runtimes), ['runc']);
});

test('a file in Docker’s keys', () => {
  const read = config(
    JSON.stringify({
      bip: '10.1.0.1/24',
      'log-driver': 'local',
      'log-opts': { 'max-size': '10m' },
      'default-ulimits': { nofile: { Name: 'nofile', Soft: 64, Hard: 128 } },
      'default-address-pools': [{ base: '10.2.0.0/16', size: 24 }],
      runtimes: { other: { path: '/usr/bin/crun', runtimeArgs: ['--debug'] } },
      'default-runtime': 'other',
      'default-shm-size': '128M',
      tlsverify: true,
      tlscert: '/x/cert.pem',
    }),
  );
  assert.equal(read.bridge.address, '10.1.0.1/24');
  assert.deepEqual(read.defaultUlimits, [{ Name: 'nofile', Soft: 64, Hard: 128 }]);
  assert.deepEqual(read.defaultAddressPools, [{ base: '10.2.0.0/16', size: 24 }]);
  assert.deepEqual(Object.keys(read.runtimes), ['runc', 'other']);
  assert.equal(read.defaultShmSize, 128 * 2 ** 20);
  assert.deepEqual(read.tls, {
    verify: true,
    ca: '/etc/noos/tls/ca.pem',
    cert: '/x/cert.pem',
    key: '/etc/noos/tls/key.pem',
  });
});

test('errors name what is wrong', () => {
  const cases: [string, RegExp][] = [
    [
      '{"nonsense":1,"debug":true,"zzz":2}',
      /^the following directives don't match any configuration option: nonsense, zzz$/,
    ],
    ['{"debug":"yes"}', /invalid value for debug: "yes" is not a boolean/],
    ['{"hosts":"unix:///x"}', /invalid value for hosts/],
    ['{"log-level":"loud"}', /invalid value for log-level/],
    ['{"default-runtime":"kata"}', /specified default runtime 'kata' does not exist/],
    ['{"storage-driver":"btrfs"}', /invalid value for storage-driver/],
    ['{"features":{"buildkit":true}}', /invalid feature: buildkit/],
    ['{"default-address-pools":[{"base":"10.0.0.0/24","size":16}]}', /invalid pools size: 16/],
    ['{"registry-mirrors":["ftp://x"]}', /invalid mirror/],
    ['{"bip":"foo"}', /^parse bip failed: invalid CIDR address: foo$/],
    ['{"bip":"fd00::1/64"}', /parse bip failed/],
    ['{"bip":"10.2.0.1/16","fixed-cidr":"10.3.0.0/24"}', /fixed-cidr=10\.3\.0\.0\/24 is outside/],
    ['{"bip":"10.2.0.1/24","fixed-cidr":"10.2.0.0/16"}', /is outside/],
    ['{"fixed-cidr-v6":"10.0.0.0/8"}', /parse fixed-cidr-v6 failed/],
    ['{"bip":"10.2.0.1/16","default-gateway":"10.3.0.1"}', /default gateway ip must be part of the network/],
    ['{"ip":"foo"}', /invalid value for ip: IP address is not correctly formatted: foo/],
    ['{"dns":["1.1.1.1","foo"]}', /invalid value for dns: .*foo/],
    ['{"dns-search":["a..b"]}', /a\.\.b is not a valid domain/],
    ['{"labels":["a=1","a=2"]}', /conflict labels for a=2 and a=1/],
    ['{"mtu":99999}', /invalid default MTU: 99999/],
    ['{"runtimes":{"runc":{"path":"x"}}}', /runtime name 'runc' is reserved/],
    ['{"default-ulimits":{"nofile":{"Name":"nofile","Soft":10,"Hard":5}}}', /soft limit must be less than/],
    ['{"default-network-opts":{"bridge":{"a":1}}}', /invalid value for default-network-opts/],
    ['[]', /not a JSON object/],
    ['{', /JSON/],
  ];
  for (const [text, message] of cases)
    assert.throws(
      () => config(text),
      (error: Error) => error instanceof ConfigError && message.test(error.message),
      text,
    );
});

test('good addresses, domains, limits', () => {
  const good = config(
    JSON.stringify({
      bip: '10.2.0.1/16',
      'fixed-cidr': '10.2.3.0/24',
      'default-gateway': '10.2.0.254',
      dns: ['1.1.1.1', 'fd00::1'],
      'dns-search': ['.', 'lan', 'a-b.example.org'],
      'insecure-registries': ['http://x:5000'],
      labels: ['a=1', 'a=1'],
    }),
  );
  assert.deepEqual(good.insecureRegistries, ['x:5000']);
  assert.deepEqual(
    parseFlagValue(option('default-network-opts'), ['bridge=a=1', 'bridge=b=2=3', 'macvlan=c=']),
    {
      bridge: { a: '1', b: '2=3' },
      macvlan: { c: '' },
    },
  );
  assert.equal(good.bridge.defaultGateway, '10.2.0.254');
});

test('flag and file for one key are refused', () => {
  assert.throws(
    () => mergeValues(new Map([['debug', true]]), parseConfigFile('{"debug":false}')),
    /^ConfigError: the following directives are specified both as a flag and in the configuration file: debug: \(from flag: true, from file: false\)$/,
  );
});

test('texts of flags', () => {
  assert.equal(parseFlagValue(option('debug'), ['false']), false);
  assert.throws(() => parseFlagValue(option('debug'), ['perhaps']), ConfigError);
  assert.deepEqual(parseFlagValue(option('log-opts'), ['a=b', 'c=d=e']), { a: 'b', c: 'd=e' });
  assert.deepEqual(parseFlagValue(option('runtimes'), ['x=/y']), { x: { path: '/y', runtimeArgs: [] } });
  assert.deepEqual(parseUlimit('nofile=1:2'), { Name: 'nofile', Soft: 1, Hard: 2 });
  assert.deepEqual(parseUlimit('core=-1'), { Name: 'core', Soft: -1, Hard: -1 });
  assert.throws(() => parseUlimit('nofile=3:2'), ConfigError);
  assert.deepEqual(parsePool('base=10.0.0.0/8,size=24'), { base: '10.0.0.0/8', size: 24 });
  assert.throws(() => parsePool('10.0.0.0/8'), ConfigError);
  assert.equal(parseSize('64m'), 64 * 2 ** 20);
  assert.equal(parseSize('1.5GiB'), 1.5 * 2 ** 30);
  assert.equal(parseSize('many'), undefined);
});

test('each data root has an instance of its own', () => {
  assert.equal(instanceOf('/var/lib/noos'), 'noos');
  assert.match(instanceOf('/tmp/a'), /^noos-[0-9a-f]{6}$/);
  assert.notEqual(instanceOf('/tmp/a'), instanceOf('/tmp/b'));
});

test('a reload changes what may change', () => {
  const live = { ...config('{"debug":false}') };
  const changed = reloadInto(live, config('{"debug":true,"labels":["a=b"],"bip":"10.0.0.1/8"}'));
  assert.deepEqual(changed, ['debug', 'logLevel', 'labels']);
  assert.equal(live.debug, true);
  assert.equal(live.bridge.address, undefined);
});
