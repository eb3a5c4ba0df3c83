import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../testing/seeded-random.js';
import { contains, formatAddress, parseAddress, parsePrefix } from './addresses.js';
import { createAddressSpace } from './ipam.js';

const network = { name: 'front', id: 'f'.repeat(64) };
const space = (...configs: Parameters<typeof createAddressSpace>[1]) => createAddressSpace(network, configs);

test('addresses are given out from the bottom, without network, gateway, auxiliary and broadcast addresses', () => {
  const addresses = space({
    Subnet: '10.0.0.0/29',
    Gateway: '10.0.0.1',
    AuxiliaryAddresses: { router: '10.0.0.3' },
  });
  assert.deepEqual(addresses.take(4), { address: '10.0.0.2', prefixLength: 29, gateway: '10.0.0.1' });
  assert.deepEqual(
    [1, 2, 3].map(() => addresses.take(4)!.address),
    ['10.0.0.4', '10.0.0.5', '10.0.0.6'],
  );
  assert.throws(() => addresses.take(4), {
    message: `no available IPv4 addresses on this network's address pools: front (${network.id})`,
  });
  addresses.release('10.0.0.4');
  assert.equal(addresses.take(4)!.address, '10.0.0.4');
  assert.equal(addresses.take(6), undefined);
});

test('wishes: outside the range but in the subnet; taken; foreign; of no sense', () => {
  const addresses = space({ Subnet: '10.1.0.0/16', Gateway: '10.1.0.1', IPRange: '10.1.9.0/24' });
  assert.equal(addresses.take(4)!.address, '10.1.9.0');
  assert.equal(addresses.take(4, '10.1.200.7')!.address, '10.1.200.7');
  for (const wish of ['10.1.200.7', '10.1.0.1', '10.1.0.0', '10.1.255.255'])
    assert.throws(() => addresses.take(4, wish), { kind: 'forbidden', message: 'Address already in use' });
  for (const wish of ['10.2.0.1', 'nonsense', '::1', '10.1.0.0/24', '010.1.0.2'])
    assert.throws(() => addresses.take(4, wish), { kind: 'invalid', message: /^invalid address / });
});

test('several pools, both families, blocks without room for edges', () => {
  const addresses = space(
    { Subnet: '10.2.0.0/31' },
    { Subnet: '10.3.0.0/32' },
    { Subnet: 'fd00:1::/64', Gateway: 'fd00:1::1' },
  );
  const got = Array.from({ length: 3 }, () => addresses.take(4)!.address);
  assert.deepEqual(got, ['10.2.0.0', '10.2.0.1', '10.3.0.0']);
  assert.throws(() => addresses.take(4), { kind: 'system' });
  assert.equal(addresses.take(6)!.address, 'fd00:1::2');
  assert.equal(addresses.take(6, 'fd00:1:0:0:ffff::')!.address, 'fd00:1:0:0:ffff::');
});

test('property: no address twice, none reserved, all within the subnet, what is released comes back', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const next = createRandom(seed).below;
    const length = 24 + next(7);
    const subnet = parsePrefix(`10.4.0.0/${length}`)!;
    const size = 2 ** (32 - length);
    const gateway = formatAddress({ family: 4, value: subnet.value + BigInt(1 + next(size - 2)) });
    const addresses = space({ Subnet: `10.4.0.0/${length}`, Gateway: gateway });
    const taken = new Set<string>();
    for (let step = 0; step < 400; step++) {
      if (next(3) > 0 && taken.size < size - 3) {
        const wish = formatAddress({ family: 4, value: subnet.value + BigInt(next(size)) });
        const wished = next(4) === 0;
        try {
          const { address } = addresses.take(4, wished ? wish : undefined)!;
          assert.ok(!taken.has(address), `seed ${seed}: ${address} twice`);
          assert.ok(contains(subnet, parseAddress(address)!) && address !== gateway);
          taken.add(address);
        } catch (error) {
          assert.ok(wished, `seed ${seed}: ${(error as Error).message}`);
          const last = formatAddress({ family: 4, value: subnet.value + BigInt(size - 1) });
          assert.ok(
            taken.has(wish) || [gateway, '10.4.0.0', last].includes(wish),
            `seed ${seed}: ${wish} is free`,
          );
        }
      } else {
        const [address] = taken;
        if (address === undefined) continue;
        addresses.release(address);
        taken.delete(address);
      }
    }
    for (const address of taken) addresses.release(address);
    for (let count = 0; count < size - 3; count++) addresses.take(4);
    assert.throws(() => addresses.take(4), `seed ${seed}: all were given back, and no more`);
  }
});

test('a router of choice: an auxiliary address of that name is what containers route through', () => {
  const addresses = space({
    Subnet: '10.0.0.0/24',
    Gateway: '10.0.0.1',
    AuxiliaryAddresses: { DefaultGatewayIPv4: '10.0.0.2' },
  });
  assert.deepEqual(addresses.take(4), { address: '10.0.0.3', prefixLength: 24, gateway: '10.0.0.2' });
});
