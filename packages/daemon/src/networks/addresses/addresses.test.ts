import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  masked,
  overlaps,
  parseAddress,
  parsePrefix,
} from './addresses.js';

test('text to number and back', () => {
  for (const text of ['0.0.0.0', '255.255.255.255', '10.1.2.3', '::', '::1', 'fd00:1::2:3', '2001:db8::'])
    assert.equal(formatAddress(parseAddress(text)!), text);
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.4/5',
    'fe80::1%eth0',
    ':::',
    '1::2::3',
    'x',
  ])
    assert.equal(parseAddress(text), undefined, text);
  for (const text of ['10.0.0.0/33', '10.0.0.0/', '::/129', '10.0.0.0/-1', '/8', '10.0.0.0/8/9'])
    assert.equal(parsePrefix(text), undefined, text);
});

test('blocks', () => {
  const block = parsePrefix('10.1.2.3/20')!;
  assert.equal(formatPrefix(masked(block)), '10.1.0.0/20');
  assert.equal(formatAddress(lastOf(block)), '10.1.15.255');
  assert.ok(contains(block, parseAddress('10.1.15.255')!));
  assert.ok(!contains(block, parseAddress('10.1.16.0')!));
  assert.ok(overlaps(block, parsePrefix('10.0.0.0/8')!) && overlaps(parsePrefix('10.1.15.0/24')!, block));
  assert.ok(!overlaps(block, parsePrefix('10.1.16.0/20')!) && !overlaps(block, parsePrefix('::/0')!));
  assert.equal(formatAddress(lastOf(parsePrefix('fd00::/64')!)), 'fd00::ffff:ffff:ffff:ffff');
});
