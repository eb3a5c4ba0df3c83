import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOfPointer, isWord, readingsOf } from './names.js';

test('a name with dots may end in a network', () => {
  assert.deepEqual(readingsOf('web'), [{ name: 'web' }]);
  assert.deepEqual(readingsOf('a.b.c'), [
    { name: 'a.b.c' },
    { name: 'a.b', network: 'c' },
    { name: 'a', network: 'b.c' },
  ]);
  assert.deepEqual(readingsOf('.x'), [{ name: '.x' }]);
});

test('names of reverse look-ups', () => {
  assert.equal(addressOfPointer('4.3.2.10.IN-ADDR.arpa'), '10.2.3.4');
  const nibbles = '1'.padEnd(63, '.0').split('.').slice(0, 28).concat('0.0.d.f'.split('.'));
  assert.equal(addressOfPointer(`${nibbles.join('.')}.ip6.arpa`), 'fd00:0000:0000:0000:0000:0000:0000:0001');
  for (const wrong of ['3.2.10.in-addr.arpa', '256.1.1.1.in-addr.arpa', 'x.ip6.arpa', 'web', ''])
    assert.equal(addressOfPointer(wrong), undefined);
});

test('words of hosts and resolv.conf', () => {
  for (const word of ['web', 'foo.example.com', 'ndots:0', '_a-b', 'bücher']) assert.ok(isWord(word), word);
  for (const other of ['', 'a b', 'a\nb', 'a\tb', 'a\rb', 'a\0', 'a\x7f', 'a\u0085b', 'a\u2028b'])
    assert.ok(!isWord(other));
});
