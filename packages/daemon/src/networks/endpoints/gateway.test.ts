import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../types.js';
import { type GatewayCandidate, gatewayFor } from './gateway.js';

const candidate = (networkName: string, more: Partial<Endpoint> = {}, external = true): GatewayCandidate => ({
  interfaceName: 'eth0',
  external,
  endpoint: {
    networkId: networkName,
    networkName,
    endpointId: networkName,
    gateway: '10.0.0.1',
    address: '10.0.0.2',
    prefixLength: 24,
    ipv6Gateway: '',
    address6: '',
    prefixLength6: 0,
    macAddress: '',
    hostInterface: '',
    dnsNames: [],
    request: {},
    ...more,
  },
});

test('the default route: priority, then the network’s name; never an internal network', () => {
  const name = (...candidates: GatewayCandidate[]) => gatewayFor(4, candidates)?.endpoint.networkName;
  assert.equal(name(), undefined);
  assert.equal(name(candidate('b'), candidate('a')), 'a');
  assert.equal(name(candidate('a'), candidate('b', { request: { GwPriority: 1 } })), 'b');
  assert.equal(name(candidate('a', { request: { GwPriority: -1 } }), candidate('b')), 'b');
  assert.equal(name(candidate('a', {}, false), candidate('b')), 'b');
  assert.equal(name(candidate('a', { gateway: '' }), candidate('b')), 'b');
});

test('each family has its own', () => {
  const six = candidate('z', { gateway: '', ipv6Gateway: 'fd00::1' });
  assert.equal(gatewayFor(6, [candidate('a'), six])?.endpoint.networkName, 'z');
  assert.equal(gatewayFor(4, [candidate('a'), six])?.endpoint.networkName, 'a');
});
