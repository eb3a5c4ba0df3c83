import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Network } from '../types.js';
import { bridgeSettings, mtuOf } from './options.js';

const network = (options: Record<string, string>, internal = false): Network => ({
  id: '0123456789abcdef'.repeat(4),
  name: 'n',
  driver: 'bridge',
  internal,
  attachable: false,
  enableIPv4: true,
  enableIPv6: false,
  ipam: { Driver: 'default', Options: null, Config: [] },
  options,
  labels: {},
  created: '',
});
const bridge = 'com.docker.network.bridge.';

test('defaults, and every option', () => {
  const plain = bridgeSettings(network({}));
  assert.deepEqual(
    [plain.interface, plain.icc, plain.masquerade, plain.bindingAddress, plain.mode4, plain.mtuBytes],
    ['br-0123456789ab', true, true, '', 'nat', 1500],
  );
  const all = bridgeSettings(
    network(
      {
        [`${bridge}name`]: 'br-x',
        [`${bridge}enable_icc`]: 'F',
        [`${bridge}enable_ip_masquerade`]: '0',
        [`${bridge}host_binding_ipv4`]: '127.0.0.1',
        [`${bridge}inhibit_ipv4`]: 'true',
        [`${bridge}gateway_mode_ipv4`]: 'isolated',
        [`${bridge}gateway_mode_ipv6`]: 'routed',
        'com.docker.network.host_ipv4': '192.0.2.7',
        'com.docker.network.driver.mtu': '1300',
      },
      true,
    ),
  );
  assert.deepEqual(all, {
    interface: 'br-x',
    icc: false,
    masquerade: false,
    bindingAddress: '127.0.0.1',
    inhibitIPv4: true,
    mode4: 'isolated',
    mode6: 'routed',
    host4: '192.0.2.7',
    host6: '',
    mtuBytes: 1300,
  });
});

test('wrong values in Docker’s words', () => {
  const cases: [string, string, string][] = [
    [`${bridge}enable_icc`, 'maybe', 'maybe (strconv.ParseBool: parsing "maybe": invalid syntax)'],
    [`${bridge}host_binding_ipv4`, 'foo', 'foo (nil ip)'],
    [`${bridge}gateway_mode_ipv4`, 'odd', 'odd (unknown gateway mode odd)'],
    ['com.docker.network.host_ipv6', '192.0.2.7', '192.0.2.7 (nil ip)'],
    ['com.docker.network.driver.mtu', 'abc', 'abc (strconv.Atoi: parsing "abc": invalid syntax)'],
  ];
  for (const [name, value, rest] of cases)
    assert.throws(() => bridgeSettings(network({ [name]: value })), {
      kind: 'invalid',
      message: `failed to parse ${name} value: ${rest}`,
    });
  assert.throws(() => mtuOf({ 'com.docker.network.driver.mtu': '-1' }, 0), {
    message: 'invalid MTU number: -1',
  });
  assert.throws(() => bridgeSettings(network({ [`${bridge}gateway_mode_ipv4`]: 'isolated' })), {
    message: "gateway mode 'isolated' can only be used for an internal network",
  });
  assert.throws(() => bridgeSettings(network({ [`${bridge}name`]: 'a/b' })), { kind: 'invalid' });
});
