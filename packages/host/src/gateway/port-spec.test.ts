import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEndpoint, parsePort } from './port-spec.js';

test('every way of writing a published port', () => {
  const port = { hostAddress: undefined, hostPort: 8080, guestPort: 80, protocol: 'tcp' };
  assert.deepEqual(parsePort('8080:80'), port);
  assert.deepEqual(parsePort('8080:80/tcp'), port);
  assert.deepEqual(parsePort('8080:80/udp'), { ...port, protocol: 'udp' });
  assert.deepEqual(parsePort('127.0.0.1:8080:80'), { ...port, hostAddress: '127.0.0.1' });
  assert.deepEqual(parsePort('[::1]:0:80/udp'), {
    hostAddress: '::1',
    hostPort: 0,
    guestPort: 80,
    protocol: 'udp',
  });
});

for (const [text, message] of [
  ['8080', /port of the guest is missing/],
  ['', /not a pair/],
  ['a:b', /not a pair/],
  ['8080:80/sctp', /not a pair/],
  ['70000:80', /above 65535/],
  ['8080:0', /no port 0/],
  ['8080:65536', /no port 65536/],
  ['localhost:8080:80', /localhost is not an IP address/],
  ['::1:8080:80', /not a pair/],
] as const)
  test(`${text || 'nothing'} is refused with how to write it`, () => {
    assert.throws(() => parsePort(text), { code: 'bad-port', message });
    assert.throws(() => parsePort(text), /-p \[HOSTIP:\]HOST:GUEST/);
  });

test('endpoints as text', () => {
  assert.equal(formatEndpoint(undefined, 80), '*:80');
  assert.equal(formatEndpoint('::1', 80), '[::1]:80');
  assert.equal(formatEndpoint('127.0.0.1', 80), '127.0.0.1:80');
});
