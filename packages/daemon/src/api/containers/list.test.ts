import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanCommand } from '../../containers/records/command-text.js';
import { newState } from '../../containers/records/records.js';
import type { Container } from '../../containers/types.js';
import { type ListLookups, portKeys, portsJson, selectContainers } from './list.js';

const make = (name: string, created: string, change: object = {}) =>
  ({
    id: name.padEnd(64, '0'),
    name,
    created,
    image: 'sha256:1',
    config: { Image: 'x', Labels: { tier: name } },
    hostConfig: { NetworkMode: 'bridge' },
    mounts: [],
    endpoints: { bridge: {} },
    state: newState(),
    ...change,
  }) as unknown as Container;

const running = { ...newState(), status: 'running', startedAt: '2026-01-01T00:00:02Z' };
const all = [
  make('old', '2026-01-01T00:00:00Z', {
    state: { ...newState(), status: 'exited', exitCode: 2, startedAt: '2026-01-01T00:00:00Z' },
  }),
  make('mid', '2026-01-01T00:00:01Z', { state: running }),
  make('new', '2026-01-01T00:00:02Z'),
];
const lookups: ListLookups = {
  container: (name) => all.find((one) => one.name === name)!,
  descendants: (image) => (image === 'x' ? new Set(['sha256:1']) : undefined),
  networkId: () => 'f00',
  // Ports are those of running containers.
  sandbox: (id) =>
    id.startsWith('mid')
      ? ({ ports: { '80/tcp': [{ HostIp: '', HostPort: '8080' }], '53/udp': null } } as never)
      : undefined,
};
const names = (query: { all?: boolean; limit?: number; filters?: Record<string, string[]> }) =>
  selectContainers(
    all,
    {
      all: query.all ?? false,
      limit: query.limit ?? 0,
      filters: new Map(Object.entries(query.filters ?? {})),
    },
    lookups,
  ).map(({ name }) => name);

test('what runs, or all, or the last ones; newest first', () => {
  assert.deepEqual(names({}), ['mid']);
  assert.deepEqual(names({ all: true }), ['new', 'mid', 'old']);
  assert.deepEqual(names({ limit: 2 }), ['new', 'mid']);
});

test('filters', () => {
  const filtered = (filters: Record<string, string[]>) => names({ all: true, filters });
  assert.deepEqual(names({ filters: { status: ['exited'] } }), ['old']);
  assert.deepEqual(filtered({ exited: ['2'] }), ['old']);
  assert.deepEqual(filtered({ before: ['mid'] }), ['old']);
  assert.deepEqual(filtered({ since: ['mid'] }), ['new']);
  assert.deepEqual(filtered({ label: ['tier=mid'] }), ['mid']);
  assert.deepEqual(filtered({ name: ['^/mi', 'old'] }), ['mid', 'old']);
  assert.deepEqual(filtered({ name: ['('] }), []);
  assert.deepEqual(filtered({ ancestor: ['y'] }), []);
  assert.deepEqual(filtered({ network: ['f0'] }).length, 3);
  assert.deepEqual(filtered({ network: ['brid'] }), []);
  assert.deepEqual(filtered({ isolation: ['default'] }).length, 3);
  assert.throws(() => filtered({ odd: ['1'] }), { message: "invalid filter 'odd'" });
  assert.throws(() => filtered({ exited: ['x'] }), { kind: 'invalid' });
});

test('published are ports of the host, exposed those of the container', () => {
  const filtered = (filters: Record<string, string[]>) => names({ all: true, filters });
  assert.deepEqual(filtered({ publish: ['8080'] }), ['mid']);
  assert.deepEqual(filtered({ publish: ['8000-9000/tcp'] }), ['mid']);
  assert.deepEqual(filtered({ publish: ['80'] }), []);
  assert.deepEqual(filtered({ expose: ['80'] }), ['mid']);
  assert.deepEqual(filtered({ expose: ['53'] }), []);
  assert.deepEqual(filtered({ expose: ['53/udp'] }), ['mid']);
  assert.deepEqual(filtered({ expose: ['1'], publish: ['8080'] }), ['mid']);
});

test('ports and commands', () => {
  assert.deepEqual(portKeys('80'), ['80/tcp']);
  assert.deepEqual(portKeys('80-81/udp'), ['80/udp', '81/udp']);
  for (const text of ['x', '70000', '9-8', '1/icmp'])
    assert.throws(() => portKeys(text), { kind: 'invalid' });
  assert.deepEqual(portsJson({ '80/tcp': [{ HostIp: '::', HostPort: '8080' }], '53/udp': null }), [
    { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { PrivatePort: 53, Type: 'udp' },
  ]);
  assert.equal(humanCommand('sh', ['-c', 'echo hi']), "sh -c 'echo hi'");
});
