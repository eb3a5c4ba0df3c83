import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonError } from '../../errors.js';
import { logDetails, logKeeping } from './options.js';

test('defaults by driver; options of the daemon reach containers with its driver only', () => {
  assert.deepEqual(logKeeping(undefined), { driver: 'json-file', maxFiles: 1, compress: false });
  assert.deepEqual(logKeeping({ Type: 'local', Config: {} }), {
    driver: 'local',
    maxBytes: 20971520,
    maxFiles: 5,
    compress: true,
  });
  const daemon = { Type: 'json-file', Config: { 'max-size': '1k', 'max-file': '2' } };
  assert.deepEqual(logKeeping({}, daemon), {
    driver: 'json-file',
    maxBytes: 1000,
    maxFiles: 2,
    compress: false,
  });
  assert.deepEqual(logKeeping({ Type: 'none' }, daemon), { driver: 'none', maxFiles: 1, compress: false });
  assert.equal(logKeeping({ Config: { 'max-size': '1.5m', 'max-file': '3' } }).maxBytes, 1500000);
  const gzip = { compress: 'T', 'max-size': '1k', 'max-file': '2' };
  assert.equal(logKeeping({ Config: gzip }).compress, true);
  assert.equal(logKeeping({ Type: 'local', Config: { compress: 'false', 'max-file': '1' } }).compress, false);
});

test('what Docker refuses', () => {
  const refused = (config: object, message: string | RegExp) =>
    assert.throws(
      () => logKeeping(config),
      (error) =>
        error instanceof DaemonError && error.kind === 'invalid' && new RegExp(message).test(error.message),
    );
  refused({ Type: 'nope' }, 'error looking up logging plugin nope: plugin "nope" not found');
  refused({ Type: 'syslog' }, "log driver 'syslog' is not supported by this daemon");
  refused({ Config: { foo: '1' } }, "unknown log opt 'foo' for json-file log driver");
  refused({ Config: { 'max-size': 'x' } }, "invalid size: 'x'");
  refused({ Config: { 'max-size': '0' } }, 'max-size must be a positive number');
  refused({ Config: { 'max-file': '0' } }, 'max-file cannot be less than 1');
  refused({ Config: { 'max-file': 'a' } }, 'strconv.Atoi: parsing "a": invalid syntax');
  refused({ Config: { mode: 'fast' } }, 'logger: logging mode not supported: fast');
  refused({ Config: { 'max-size': '-1' } }, "invalid size: '-1'");
  refused(
    { Config: { compress: 'true', 'max-file': '3' } },
    'compress cannot be true when max-file is less than 2 or max-size is not set',
  );
  refused({ Config: { compress: 'yes' } }, 'strconv.ParseBool: parsing "yes": invalid syntax');
  const local = (options: Record<string, string>, message: string) =>
    refused({ Type: 'local', Config: options }, message);
  local({ 'max-file': '1' }, 'compression cannot be enabled when max file count is 1');
  local({ 'max-file': '-1' }, 'max file count cannot be less than 0');
  local({ 'max-file': 'x' }, 'invalid value for max-file: x: strconv.Atoi: parsing "x": invalid syntax');
  local({ 'max-size': 'x' }, "invalid value for max-size: x: invalid size: 'x'");
  local({ compress: 'yes' }, 'error reading compress log option: strconv.ParseBool: parsing "yes"');
  refused(
    { Config: { mode: 'blocking', 'max-buffer-size': '1m' } },
    "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
  );
  refused(
    { Config: { mode: 'non-blocking', 'max-buffer-size': 'x' } },
    "error parsing option max-buffer-size: invalid size: 'x'",
  );
  refused({ Config: { 'cache-disabled': 'x' } }, 'invalid value for option cache-disabled: x');
});

test('details are labels, environment and tag that were asked for, sorted and escaped', () => {
  const identity = {
    id: 'a'.repeat(64),
    name: 'web',
    imageId: `sha256:${'b'.repeat(64)}`,
    imageName: 'shop:1',
    labels: { tier: 'front end', 'x.y': '1', other: '2' },
    env: ['MODE=a=b', 'SECRET=1'],
  };
  const config = {
    Config: { labels: 'tier', 'labels-regex': '^x', env: 'MODE', tag: '{{.Name}}/{{ .ID }}' },
  };
  assert.equal(logDetails(config, identity), 'MODE=a%3Db,tag=web%2Faaaaaaaaaaaa,tier=front+end,x.y=1 ');
  assert.equal(logDetails({}, identity), ' ');
});
