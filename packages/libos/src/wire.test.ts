/** Properties of the wire formats and the storage below them, against straightforward models. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from './random.js';
import { loadWire } from './testing/wire.js';

const wire = await loadWire();

/** RFC 1071 §4.1, word by word. */
function referenceChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

test('the checksum equals the reference for every length and content', () => {
  const random = createRandom(1);
  const check = (bytes: Uint8Array): void =>
    assert.equal(
      wire.checksum(wire.put(bytes), bytes.length),
      referenceChecksum(bytes),
      `${bytes.length} bytes`,
    );
  for (let length = 0; length <= 300; length++) {
    const bytes = new Uint8Array(length);
    random.fill(bytes);
    check(bytes);
    check(bytes.fill(0xff));
    check(bytes.fill(0));
  }
  for (const length of [1460, 8999, 65535]) check(new Uint8Array(length).fill(0xff));
  // RFC 1071 §3's example.
  check(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7));
});

test('the checksum of parts under a pseudo-header equals the reference', () => {
  const random = createRandom(2);
  for (let i = 0; i < 2000; i++) {
    const length = random.below(2000);
    const bytes = new Uint8Array(length);
    random.fill(bytes);
    const source = random.below(2 ** 32);
    const destination = i % 10 === 0 ? 0xffffffff : random.below(2 ** 32);
    const first = random.below(length + 1) & ~1;
    const whole = new Uint8Array(12 + length);
    const view = new DataView(whole.buffer);
    view.setUint32(0, source);
    view.setUint32(4, destination);
    view.setUint16(8, 17);
    view.setUint16(10, length);
    whole.set(bytes, 12);
    assert.equal(
      wire.checksumOfParts(source, destination, 17, wire.put(bytes), first, length),
      referenceChecksum(whole),
    );
  }
});

test('the hash map agrees with a Map through insertions and deletions up to its limit', () => {
  const random = createRandom(3);
  const model = new Map<string, number>();
  const key = (): [bigint, bigint] => [BigInt(random.below(60)), BigInt(random.below(30))];
  for (let i = 0; i < 50_000; i++) {
    const [a, b] = key();
    const name = `${a},${b}`;
    const action = random.below(5);
    if (action < 2) {
      const value = 1 + random.below(1000);
      const fits = model.has(name) || model.size < 1000;
      assert.equal(wire.mapTestSet(a, b, value), fits ? 1 : 0);
      if (fits) model.set(name, value);
    } else if (action === 2) assert.equal(wire.mapTestDelete(a, b), model.delete(name) ? 1 : 0);
    else assert.equal(wire.mapTestGet(a, b), model.get(name) ?? 0);
  }
  assert.ok(model.size > 500);
});

test('the packet queue gives what was put, in order, and uses its whole ring', () => {
  const random = createRandom(4);
  const model: [number, number][] = [];
  let refused = 0;
  for (let i = 0; i < 50_000; i++) {
    if (random.next() < 0.55) {
      const length = random.next() < 0.1 ? random.below(4000) : random.below(200);
      const value = random.below(256);
      if (wire.queueTestPut(length, value) !== 0) model.push([length, value]);
      else refused++;
    } else {
      const first = model.shift();
      const expected = first === undefined ? -1 : first[0] === 0 ? 0 : first[1];
      assert.equal(wire.queueTestTake(first?.[0] ?? 0), expected);
    }
  }
  assert.ok(refused > 100);
  for (const [length, value] of model) assert.equal(wire.queueTestTake(length), length === 0 ? 0 : value);
  assert.equal(wire.queueTestUsed(), 0);
  assert.equal(wire.queueTestPut(4096 - 12, 1), 1);
  assert.equal(wire.queueTestPut(0, 1), 0);
  assert.equal(wire.queueTestTake(4096 - 12), 1);
});

test('addresses as text', () => {
  const parse = (text: string): bigint => {
    const bytes = Buffer.from(text);
    return wire.parseAddressText(wire.put(bytes), bytes.length);
  };
  for (const [text, value] of [
    ['0.0.0.0', 0],
    ['192.0.2.1', 0xc0000201],
    ['255.255.255.255', 0xffffffff],
    ['1.2.3.4', 0x01020304],
  ] as const)
    assert.equal(parse(text), BigInt(value), text);
  for (const text of [
    '',
    '.',
    '1',
    '1.2.3',
    '1.2.3.',
    '.1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1..2.3',
  ])
    assert.equal(parse(text), -1n, text);
  for (const text of [
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.x',
    '0x1.2.3.4',
    '1.2.3.-4',
    '1.2.3.00',
    '99999999999.1.1.1',
  ])
    assert.equal(parse(text), -1n, text);
});
