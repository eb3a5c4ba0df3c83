import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../testing/seeded-random.js';
import { createDetachScanner, defaultDetachKeys, parseDetachKeys } from './detach-keys.js';

test('keys in Docker syntax', () => {
  assert.deepEqual(parseDetachKeys('ctrl-p,ctrl-q'), defaultDetachKeys);
  assert.deepEqual(
    parseDetachKeys('ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_'),
    Uint8Array.of(0, 27, 28, 29, 30, 31),
  );
  assert.deepEqual(parseDetachKeys('a,DEL,Z'), Uint8Array.of(97, 127, 90));
  for (const bad of ['', 'ctrl-', 'ctrl-A', 'ctrl-pp', 'a,', 'ab', 'é', 'del'])
    assert.equal(parseDetachKeys(bad), undefined, bad);
});

/** Feeds `chunks` and returns what passed, with `|` where the scanner detached. */
function scan(keys: Uint8Array, ...chunks: string[]): string {
  const scanner = createDetachScanner(keys);
  let passed = '';
  for (const chunk of chunks) {
    const { pass, detached } = scanner(Buffer.from(chunk));
    passed += pass.toString();
    if (detached) return `${passed}|`;
  }
  return passed;
}

test('the sequence is found in one chunk and across chunks', () => {
  assert.equal(scan(defaultDetachKeys, 'echo\x10\x11rest'), 'echo|');
  assert.equal(scan(defaultDetachKeys, 'ec', 'ho\x10', '\x11'), 'echo|');
  assert.equal(scan(Uint8Array.of(97), 'bca'), 'bc|');
});

test('the beginning of the sequence is passed on once it is none', () => {
  assert.equal(scan(defaultDetachKeys, 'a\x10', 'b'), 'a\x10b');
  assert.equal(scan(defaultDetachKeys, 'a\x10'), 'a');
  assert.equal(scan(defaultDetachKeys, '\x10', '\x10', '\x11'), '\x10|');
  assert.equal(scan(Buffer.from('aab'), 'aaab'), 'a|');
});

test('any cut of any input passes the same bytes', () => {
  const random = createRandom(7);
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: random.below(30) }, () => 'ab\x10'[random.below(3)]).join('');
    const cut = random.below(text.length + 1);
    const whole = scan(defaultDetachKeys, text, 'end');
    assert.equal(scan(defaultDetachKeys, text.slice(0, cut), text.slice(cut), 'end'), whole);
    assert.equal(whole, `${text}end`);
  }
});
