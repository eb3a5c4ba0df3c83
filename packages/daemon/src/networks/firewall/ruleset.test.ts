import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { run } from '../../linux/run.js';
import { changeElements } from './nfnetlink.js';
import { elementsFor, type FirewallState, renderRuleset } from './ruleset.js';

const state: FirewallState = {
  bridges: [
    {
      interface: 'br-a',
      internal: false,
      icc: true,
      masquerade: [
        { subnet: '172.30.0.0/16', source: '' },
        { subnet: '172.31.0.0/16', source: '192.0.2.7' },
        { subnet: 'fd00:30::/64', source: 'fd00::7' },
      ],
      open: [],
      routed: [4],
    },
    { interface: 'br-b', internal: true, icc: false, masquerade: [], open: [4, 6], routed: [] },
  ],
  ports: [
    { protocol: 'tcp', family: 4, hostIp: '', hostPort: 8080, address: '172.30.0.2', port: 80 },
    { protocol: 'udp', family: 4, hostIp: '127.0.0.1', hostPort: 53, address: '172.30.0.3', port: 5353 },
    { protocol: 'tcp', family: 6, hostIp: '', hostPort: 8080, address: 'fd00:30::2', port: 80 },
    { protocol: 'tcp', family: 6, hostIp: 'fd00::2', hostPort: 1, address: 'fd00:30::2', port: 65535 },
  ],
  allowed: [
    { protocol: 'tcp', from: '', address: '172.30.0.2', port: 443 },
    { protocol: 'udp', from: '172.30.0.9', address: '172.30.0.2', port: 444 },
    { protocol: 'tcp', from: 'fd00:30::9', address: 'fd00:30::2', port: 444 },
  ],
};
const nothing: FirewallState = { ...state, ports: [], allowed: [] };

/** A table of the test's own, gone at its end. */
async function withTable(use: (table: string, list: () => Promise<string>) => Promise<void>): Promise<void> {
  const table = `noos-test-${randomBytes(4).toString('hex')}`;
  try {
    await use(table, () => run(['nft', 'list', 'table', 'inet', table]));
  } finally {
    await run(['nft', '-f', '-'], `table inet ${table} { }\ndelete table inet ${table}\n`);
  }
}

test('the kernel takes the ruleset, and takes it again in place of itself', () =>
  withTable(async (table, list) => {
    await run(['nft', '-f', '-'], renderRuleset(table, state));
    const once = await list();
    for (const part of [
      'tcp . 8080 : 172.30.0.2 . 80',
      '127.0.0.1 . udp . 53',
      '172.31.0.0/16 : 192.0.2.7',
      'fd00:30::2 . tcp . 444 . fd00:30::9',
    ])
      assert.ok(once.includes(part), `${part} in ${once}`);
    await run(['nft', '-f', '-'], renderRuleset(table, state));
    assert.equal(await list(), once);
  }));

test('elements by netlink are those of the text, and go again', () =>
  withTable(async (table, list) => {
    await run(['nft', '-f', '-'], renderRuleset(table, state));
    const whole = await list();
    await run(['nft', '-f', '-'], renderRuleset(table, nothing));
    const bare = await list();
    const elements = elementsFor(state.ports, state.allowed);
    await changeElements('add', table, elements);
    assert.equal(await list(), whole);
    await changeElements('delete', table, elements);
    assert.equal(await list(), bare);
  }));

test('a transaction with one bad element changes nothing', () =>
  withTable(async (table, list) => {
    await run(['nft', '-f', '-'], renderRuleset(table, nothing));
    const bare = await list();
    const [first] = elementsFor(state.ports, []);
    await assert.rejects(changeElements('add', table, [first!, { ...first!, set: 'missing' }]), {
      code: 'ENOENT',
    });
    await assert.rejects(changeElements('delete', table, [first!]), { code: 'ENOENT' });
    await assert.rejects(changeElements('add', `${table}x`, [first!]), { code: 'ENOENT' });
    assert.equal(await list(), bare);
  }));
