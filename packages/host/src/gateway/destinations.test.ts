import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4, parseNetwork } from './address.js';
import { createDestinations } from './destinations.js';

const ip = (text: string): number => parseIpv4(text)!;
const network = parseNetwork('10.99.0.0/24');

test("the gateway is the host's loopback, or nothing; the world is the world", () => {
  const open = createDestinations(network, ip('10.99.0.1'), true);
  const shut = createDestinations(network, ip('10.99.0.1'), false);
  assert.equal(open.hostAddress(ip('10.99.0.1')), '127.0.0.1');
  assert.equal(shut.hostAddress(ip('10.99.0.1')), undefined);
  for (const destinations of [open, shut])
    assert.equal(destinations.hostAddress(ip('192.0.2.7')), '192.0.2.7');
});

test('neither loopback, link-local (metadata services), multicast, broadcast, nor addresses of the guests lead out', () => {
  const { hostAddress } = createDestinations(network, ip('10.99.0.1'), true);
  for (const text of [
    '127.0.0.1',
    '127.9.9.9',
    '169.254.169.254',
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '255.255.255.255',
    '240.0.0.1',
    '10.99.0.7',
    '10.99.0.255',
  ])
    assert.equal(hostAddress(ip(text)), undefined, text);
});

test('networks are checked', () => {
  assert.equal(parseNetwork('10.1.2.3/16').base, ip('10.1.0.0'));
  for (const text of ['10.0.0.0', '10.0.0.0/7', '10.0.0.0/30', '10.0.0/24', '10.0.0.256/24', '', 'x/24'])
    assert.throws(() => parseNetwork(text), { code: 'bad-option', message: /10\.99\.0\.0\/24/ });
});
