import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointRequest, Network } from '../types.js';
import { checkEndpoint, endpointSysctls, namesOf } from './endpoints.js';

const network: Network = {
  id: '0123456789abcdef'.repeat(4),
  name: 'front',
  driver: 'bridge',
  internal: false,
  attachable: false,
  enableIPv4: true,
  enableIPv6: false,
  ipam: { Driver: 'default', Options: null, Config: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1' }] },
  askedPools: [{ Subnet: '10.1.0.0/24' }],
  options: {},
  labels: {},
  created: '',
};

const settings = (rest: string) => ({ kind: 'invalid', message: `invalid endpoint settings:\n${rest}` });

function refused(request: EndpointRequest, expected: object, of: Partial<Network> = {}): void {
  const full = { ...network, ...of };
  assert.throws(() => checkEndpoint({ network: full, name: full.name }, request), expected);
}

test('addresses: of subnets that the user chose only', () => {
  checkEndpoint({ network, name: 'front' }, { IPAMConfig: { IPv4Address: '10.1.0.9' } });
  refused(
    { IPAMConfig: { IPv4Address: '10.2.0.9' } },
    settings('no configured subnet or ip-range contain the IP address 10.2.0.9'),
  );
  const chosen =
    'user specified IP address is supported only when connecting to networks with user configured subnets';
  refused({ IPAMConfig: { IPv4Address: '10.1.0.9' } }, settings(chosen), { askedPools: [] });
  refused({ IPAMConfig: { IPv6Address: 'fd00::9' } }, settings(chosen));
  refused({ IPAMConfig: { IPv4Address: 'foo' } }, settings('invalid IPv4 address: foo'));
  refused(
    { IPAMConfig: { IPv6Address: '10.1.0.9', LinkLocalIPs: ['x'] } },
    settings('* invalid IPv6 address: 10.1.0.9\n* invalid link-local IP address: x'),
  );
});

test('the default bridge gives neither addresses of choice nor aliases; an unknown network is not judged', () => {
  refused(
    { IPAMConfig: { IPv4Address: '10.1.0.9' }, Aliases: ['a'] },
    settings(
      '* user specified IP address is supported on user defined networks only\n* network-scoped alias is supported only for containers in user defined networks',
    ),
    { name: 'bridge' },
  );
  checkEndpoint({ network: undefined, name: 'later' }, { IPAMConfig: { IPv4Address: '10.9.0.9' } });
});

test('MAC, interface name, configuration networks', () => {
  refused({ MacAddress: '02:00' }, { message: 'invalid MAC address 02:00' });
  for (const MacAddress of ['01:00:5e:00:00:01', '00:00:00:00:00:00'])
    refused({ MacAddress }, { message: /needs a unicast address/ });
  refused({ DriverOpts: { 'com.docker.network.endpoint.ifname': 'a/b' } }, { kind: 'invalid' });
  refused({}, { message: 'cannot create endpoint on configuration-only network' }, { configOnly: true });
});

test('sysctls of an endpoint get its interface’s name', () => {
  const DriverOpts = {
    'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.rp_filter=2,net.ipv6.neigh.ifname.x=a=b',
  };
  checkEndpoint({ network, name: 'front' }, { DriverOpts });
  assert.deepEqual(endpointSysctls({ DriverOpts }, 'eth7'), [
    { path: 'net/ipv4/conf/eth7/rp_filter', value: '2' },
    { path: 'net/ipv6/neigh/eth7/x', value: 'a=b' },
  ]);
  for (const wrong of ['net.ipv4.conf.eth0.rp_filter=2', 'kernel.x=1', 'net.ipv4.conf.IFNAME.../x=1'])
    refused({ DriverOpts: { 'com.docker.network.endpoint.sysctls': wrong } }, { kind: 'invalid' });
});

test('names: the container’s, its aliases, the short ID, what it calls itself', () => {
  const container = { id: network.id, name: 'web', hostname: 'box' };
  assert.deepEqual(namesOf(container, { Aliases: ['www', 'web'] }), ['web', 'www', '0123456789ab', 'box']);
});
