import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPrefix, overlaps, parsePrefix } from './addresses.js';
import {
  checkIpamConfig,
  choosePools,
  defaultAddressPools,
  firstUnused,
  type PoolRequest,
  uniqueLocalPool,
} from './pools.js';

const prefixes = (...texts: string[]) => texts.map((text) => parsePrefix(text)!);
const request = (more: Partial<PoolRequest>): PoolRequest => ({
  configs: [],
  enableIPv4: true,
  enableIPv6: false,
  networks: [],
  routes: [],
  pools: [...defaultAddressPools, uniqueLocalPool(0x1234567890n)],
  gateway: { 4: true, 6: true },
  ...more,
});

test('default pools are used in Docker’s order, around networks and routes', () => {
  assert.deepEqual(choosePools(request({})), [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }]);
  const used = prefixes('172.17.0.0/16', '172.18.5.0/24', '172.19.0.1/32', '172.20.0.0/14');
  assert.equal(choosePools(request({ networks: used }))[0]!.Subnet, '172.24.0.0/16');
  assert.equal(choosePools(request({ routes: prefixes('172.16.0.0/12') }))[0]!.Subnet, '192.168.0.0/20');
  assert.equal(
    choosePools(request({ routes: prefixes('172.0.0.0/8', '192.168.3.0/24') }))[0]!.Subnet,
    '192.168.16.0/20',
  );
  assert.throws(() => choosePools(request({ routes: prefixes('0.0.0.0/0') })), {
    message: /could not find an available, non-overlapping IPv4 address pool among the defaults/,
  });
});

test('property: the pools give out disjoint subnets until all is used', () => {
  const used: ReturnType<typeof prefixes> = [];
  for (;;) {
    const subnet = firstUnused(defaultAddressPools, 4, used);
    if (!subnet) break;
    assert.ok(!used.some((other) => overlaps(other, subnet)), formatPrefix(subnet));
    used.push(subnet);
  }
  assert.equal(used.length, 3 + 12 + 16);
});

test('IPv6 is taken from a unique local prefix', () => {
  const [four, six] = choosePools(request({ enableIPv6: true }));
  assert.equal(four!.Subnet, '172.17.0.0/16');
  assert.deepEqual(six, { Subnet: 'fd12:3456:7890::/64', Gateway: 'fd12:3456:7890::1' });
  assert.deepEqual(choosePools(request({ enableIPv4: false, enableIPv6: true })).length, 1);
});

test('what is asked for is kept, and checked against other networks only', () => {
  const chosen = choosePools(
    request({
      configs: [
        { Subnet: '10.5.0.0/16', IPRange: '10.5.7.0/24', AuxiliaryAddresses: { a: '10.5.7.1' } },
        { Subnet: '10.6.0.0/16', Gateway: '10.6.0.9' },
      ],
      routes: prefixes('10.0.0.0/8'),
    }),
  );
  assert.deepEqual(chosen, [
    {
      Subnet: '10.5.0.0/16',
      IPRange: '10.5.7.0/24',
      AuxiliaryAddresses: { a: '10.5.7.1' },
      Gateway: '10.5.7.0',
    },
    { Subnet: '10.6.0.0/16', Gateway: '10.6.0.9' },
  ]);
  for (const Subnet of ['10.5.0.0/24', '10.0.0.0/8'])
    assert.throws(() => choosePools(request({ configs: [{ Subnet }], networks: prefixes('10.5.0.0/16') })), {
      kind: 'forbidden',
      message: 'invalid pool request: Pool overlaps with other one on this address space',
    });
  assert.throws(
    () => choosePools(request({ configs: [{ Subnet: '10.5.0.0/16' }, { Subnet: '10.5.1.0/24' }] })),
    /overlaps/,
  );
});

test('mistakes are reported all at once, in Docker’s words', () => {
  const cases: [Parameters<typeof checkIpamConfig>[0], string][] = [
    [[{ Gateway: '10.0.0.1' }], 'invalid subnet : invalid CIDR block notation'],
    [[{ Subnet: '10.0.0.0' }], 'invalid subnet 10.0.0.0: invalid CIDR block notation'],
    [[{ Subnet: '10.0.0.1/24' }], 'invalid subnet 10.0.0.1/24: it should be 10.0.0.0/24'],
    [
      [{ Subnet: '10.0.0.0/24', IPRange: '10.0.0.0/16' }],
      'invalid ip-range 10.0.0.0/16: CIDR block is bigger than its parent subnet 10.0.0.0/24',
    ],
    [
      [{ Subnet: '10.0.0.0/24', IPRange: '10.0.1.0/25' }],
      "invalid ip-range 10.0.1.0/25: parent subnet 10.0.0.0/24 doesn't contain ip-range",
    ],
    [
      [{ Subnet: '10.0.0.0/24', Gateway: '10.0.1.1', AuxiliaryAddresses: { a: 'fd00::1' } }],
      "* invalid gateway 10.0.1.1: parent subnet 10.0.0.0/24 doesn't contain this address\n* invalid auxiliary address a: parent subnet is an IPv4 block",
    ],
  ];
  for (const [configs, message] of cases)
    assert.throws(() => checkIpamConfig(configs, true), {
      kind: 'invalid',
      message: `invalid network config:\n${message}`,
    });
  checkIpamConfig([{ Subnet: '10.0.0.0/24', Gateway: '10.0.0.9', IPRange: '10.0.0.128/25' }], false);
});

test('gateways and auxiliary addresses that are in each other’s way', () => {
  const filled = (config: Parameters<typeof checkIpamConfig>[0][number], gateway = true) =>
    choosePools(request({ configs: [config], gateway: { 4: gateway, 6: gateway } }))[0]!;
  const fails = (config: Parameters<typeof filled>[0], message: string) =>
    assert.throws(() => filled(config), { kind: 'system', message });
  const Subnet = '10.0.0.0/24';
  assert.equal(filled({ Subnet, IPRange: '10.0.0.128/25' }).Gateway, '10.0.0.128');
  assert.equal(filled({ Subnet: '10.0.0.0/31' }).Gateway, '10.0.0.0');
  assert.equal(filled({ Subnet }, false).Gateway, undefined);
  assert.equal(filled({ Subnet, Gateway: '10.0.0.9' }, false).Gateway, '10.0.0.9');
  fails({ Subnet, Gateway: '10.0.0.0' }, 'failed to allocate gateway (10.0.0.0): Address already in use');
  const taken = (name: string, address: string) =>
    `failed to allocate secondary ip address (${name}:${address}): Address already in use`;
  fails({ Subnet, AuxiliaryAddresses: { a: '10.0.0.1' } }, taken('a', '10.0.0.1'));
  fails({ Subnet, AuxiliaryAddresses: { a: '10.0.0.5', b: '10.0.0.5' } }, taken('b', '10.0.0.5'));
});
