import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../testing/seeded-random.js';
import { createPortAllocator, parseContainerPort, parsePorts } from './ports.js';

const request = { ports: {}, exposedPorts: [], publishAll: false };

test('port maps: protocols, ranges, addresses, exposed ones', () => {
  assert.deepEqual(parseContainerPort('80'), { port: 80, protocol: 'tcp' });
  assert.deepEqual(
    parsePorts(
      {
        ports: {
          '80/tcp': [{ HostPort: '8080' }, { HostIp: '::1', HostPort: '8000-8010' }],
          '53/udp': [{ HostIp: '', HostPort: '' }],
          '90/tcp': null,
        },
        exposedPorts: ['80/tcp', '443/tcp'],
        publishAll: true,
      },
      '10.0.0.1',
    ),
    [
      { protocol: 'tcp', port: 80, hostIp: '10.0.0.1', range: { first: 8080, last: 8080 } },
      { protocol: 'tcp', port: 80, hostIp: '::1', range: { first: 8000, last: 8010 } },
      { protocol: 'udp', port: 53, hostIp: '10.0.0.1', range: undefined },
      { protocol: 'tcp', port: 443, hostIp: '10.0.0.1', range: undefined },
    ],
  );
});

test('host addresses in one way of writing', () => {
  const hostIp = (HostIp: string, fallback = '') =>
    parsePorts({ ...request, ports: { '80/tcp': [{ HostIp }] } }, fallback)[0]!.hostIp;
  assert.equal(hostIp('0:0:0:0:0:0:0:1'), '::1');
  assert.equal(hostIp('::0'), '::');
  assert.equal(hostIp('FD00::0:5'), 'fd00::5');
  assert.equal(hostIp('::ffff:127.0.0.1'), '127.0.0.1');
  assert.equal(hostIp('::ffff:0.0.0.0'), '0.0.0.0');
  assert.equal(hostIp('', '0.0.0.0'), '', 'a default of 0.0.0.0 stands for both families');
  assert.equal(hostIp('', '0::1'), '::1');
  for (const address of ['fe80::1%eth0', '127.1', 'localhost'])
    assert.throws(() => hostIp(address), { kind: 'invalid' }, address);
});

test('what is no port is refused', () => {
  for (const key of ['', '0', '70000/tcp', '80/icmp', '80/tcp/x', '-1', '8o'])
    assert.throws(() => parsePorts({ ...request, ports: { [key]: [{}] } }), { kind: 'invalid' }, key);
  for (const binding of [{ HostPort: '65536' }, { HostPort: '9-8' }, { HostPort: 'x' }, { HostIp: '1.2.3' }])
    assert.throws(() => parsePorts({ ...request, ports: { '80/tcp': [binding] } }), { kind: 'invalid' });
  assert.throws(() => parsePorts({ ...request, ports: { '80/sctp': [{}] } }), { kind: 'notImplemented' });
});

test('wildcards collide with every address of their family, addresses with themselves', () => {
  const allocator = createPortAllocator({ first: 100, last: 110 });
  assert.equal(allocator.claim('tcp', ['0.0.0.0', '::'], 80), undefined);
  assert.equal(allocator.claim('tcp', ['127.0.0.1'], 80), '127.0.0.1');
  assert.equal(allocator.claim('tcp', ['::1'], 80), '::1');
  assert.equal(allocator.claim('udp', ['0.0.0.0'], 80), undefined);
  allocator.release({ protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 80 });
  assert.equal(allocator.claim('tcp', ['127.0.0.1'], 80), undefined);
  assert.equal(allocator.claim('tcp', ['127.0.0.2'], 80), undefined);
  assert.equal(allocator.claim('tcp', ['127.0.0.2'], 80), '127.0.0.2');
  assert.equal(allocator.claim('tcp', ['0.0.0.0'], 80), '0.0.0.0');
});

test('property: claims never overlap, a refused claim takes nothing, releasing frees exactly what was claimed', () => {
  const addresses = ['0.0.0.0', '127.0.0.1', '10.0.0.1', '::', '::1', 'fd00::1'];
  const wild = (address: string) => address === '0.0.0.0' || address === '::';
  const family = (address: string) => address.includes(':');
  const random = createRandom(7);
  for (let round = 0; round < 50; round++) {
    const allocator = createPortAllocator({ first: 1, last: 3 });
    const held: { hostIp: string; hostPort: number }[] = [];
    for (let step = 0; step < 200; step++) {
      const hostPort = 1 + random.below(3);
      if (random.below(2) === 0) {
        const wanted = [...new Set([addresses[random.below(6)]!, addresses[random.below(6)]!])].filter(
          (address, at, all) => !all.slice(0, at).some((other) => family(other) === family(address)),
        );
        const blocked = allocator.claim('tcp', wanted, hostPort);
        const clash = wanted.some((address) =>
          held.some(
            (each) =>
              each.hostPort === hostPort &&
              family(each.hostIp) === family(address) &&
              (each.hostIp === address || wild(each.hostIp) || wild(address)),
          ),
        );
        assert.equal(blocked !== undefined, clash, `round ${round}, step ${step}`);
        if (!blocked) for (const hostIp of wanted) held.push({ hostIp, hostPort });
      } else {
        const [claim] = held.splice(random.below(held.length || 1), 1);
        if (claim) allocator.release({ protocol: 'tcp', ...claim });
      }
    }
  }
});

test('ephemeral ports: each once, going on behind the last', () => {
  const allocator = createPortAllocator({ first: 5, last: 8 });
  assert.deepEqual([...allocator.ephemeral()], [5, 6, 7, 8]);
  const [first] = allocator.ephemeral();
  assert.equal(first, 5);
  assert.deepEqual([...allocator.ephemeral()], [6, 7, 8, 5]);
});
