import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatMs, table } from './terminal.js';
import { collectEnvironment, collectLimit, parseLimit, parseMemory } from './values.js';

test('sizes of memory', () => {
  assert.equal(parseMemory('64m'), 67_108_864);
  assert.equal(parseMemory('2048K'), 2_097_152);
  assert.equal(parseMemory('1GB'), 1_073_741_824);
  for (const text of ['', 'm', '64x', '1k', '3g', '-1m', '1.5m'])
    assert.throws(() => parseMemory(text), { code: 'commander.invalidArgument' }, text);
});

test('values of env', () => {
  const one = collectEnvironment('A=1');
  assert.deepEqual(collectEnvironment('B_2=x=y', one), { A: '1', B_2: 'x=y' });
  assert.deepEqual(collectEnvironment('EMPTY='), { EMPTY: '' });
  for (const text of ['A', '=1', '2A=1', 'A-B=1'])
    assert.throws(() => collectEnvironment(text), { code: 'commander.invalidArgument' }, text);
});

test('limits', () => {
  const one = collectLimit('http.bodyBytes=10m');
  assert.deepEqual(collectLimit('http.headTimeoutMs=500', one), {
    'http.bodyBytes': '10485760',
    'http.headTimeoutMs': '500',
  });
  assert.equal(parseLimit('tcp.connections', '65535'), '65535');
  assert.equal(parseLimit('http.bodyBytes', '0'), '0');
  for (const text of [
    'http.bodyBytes',
    '=1',
    'http.none=1',
    'bodyBytes=1',
    'http.fieldCount=0',
    'http.fieldCount=1k',
    'http.headTimeoutMs=1.5',
    'tcp.connections=65536',
    'http.bodyBytes=',
    'http.port=80',
  ])
    assert.throws(() => collectLimit(text), { code: 'commander.invalidArgument' }, text);
});

test('sizes, times and tables for people', () => {
  assert.deepEqual([212, 2048, 1_572_864].map(formatBytes), ['212 B', '2.0 KiB', '1.50 MiB']);
  assert.deepEqual([1.234, 123.4, 1234].map(formatMs), ['1.2 ms', '123 ms', '1.23 s']);
  assert.deepEqual(
    table(
      [
        ['a', '1'],
        ['long', '22'],
      ],
      [1],
    ),
    ['a      1', 'long  22'],
  );
});
