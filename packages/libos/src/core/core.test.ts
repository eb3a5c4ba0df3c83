// Timers, rings, ranges and SipHash against plain models of them, in the very wasm.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createRandom } from '../random.js';

interface Core {
  memory: WebAssembly.Memory;
  sipHash13(key0: bigint, key1: bigint, first: bigint, second: bigint): bigint;
  sipHash24(key0: bigint, key1: bigint, first: bigint, second: bigint): bigint;
  start(index: number, deadlineNs: bigint): void;
  stop(index: number): void;
  expired(nowNs: bigint): number;
  nextDeadlineNs(): bigint;
  timersRunning(): number;
  insert(start: number, end: number): number;
  trim(sequence: number): void;
  rangeCount(): number;
  rangeBytes(): number;
  startOf(index: number): number;
  endOf(index: number): number;
  find(sequence: number): number;
  contains(start: number, end: number): number;
  scratchAddress(): number;
  append(length: number): number;
  read(offset: number, length: number): void;
  consume(length: number, restart: number): void;
  contiguous(): number;
  ringLength(): number;
  ringCapacity(): number;
  free(): void;
  ringBudgetSet(bytes: bigint): void;
  ringBytesUsed(): bigint;
}

async function core(): Promise<Core> {
  const module = await WebAssembly.compile(
    readFileSync(new URL('../../build/core-testing.wasm', import.meta.url)),
  );
  const nothing = (): number => 0;
  const platform = Object.fromEntries(
    WebAssembly.Module.imports(module).map(({ name }): [string, () => number] => [name, nothing]),
  );
  const instance = await WebAssembly.instantiate(module, { platform });
  return instance.exports as unknown as Core;
}

test('SipHash-2-4 gives the published vector for a 16-byte message', async () => {
  const { sipHash24 } = await core();
  // Reference vectors of the SipHash authors: key 00..0f, message 00..0f (vectors_sip64[16], little-endian).
  const key0 = 0x0706050403020100n;
  const key1 = 0x0f0e0d0c0b0a0908n;
  assert.equal(BigInt.asUintN(64, sipHash24(key0, key1, key0, key1)).toString(16), '3f2acc7f57c29bdb');
});

test('SipHash-1-3 differs by key and by each input bit', async () => {
  const { sipHash13 } = await core();
  const seen = new Set<bigint>();
  for (let bit = 0n; bit < 64n; bit++)
    for (const [a, b, c, d] of [
      [1n << bit, 0n, 0n, 0n],
      [0n, 1n << bit, 0n, 0n],
      [0n, 0n, 1n << bit, 0n],
      [0n, 0n, 0n, 1n << bit],
    ])
      seen.add(sipHash13(a!, b!, c!, d!));
  assert.equal(seen.size, 256);
});

test('timers expire in order, whatever was moved and stopped', async () => {
  const { start, stop, expired, nextDeadlineNs, timersRunning } = await core();
  const random = createRandom(1);
  const model = new Map<number, bigint>();
  for (let round = 0; round < 20_000; round++) {
    const index = random.below(1024);
    const choice = random.next();
    if (choice < 0.5) {
      const deadline = BigInt(random.below(1000));
      start(index, deadline);
      model.set(index, deadline);
    } else if (choice < 0.8) {
      stop(index);
      model.delete(index);
    } else {
      const earliest = [...model.values()].reduce((least, at) => (at < least ? at : least), 2n ** 64n - 1n);
      assert.equal(BigInt.asUintN(64, nextDeadlineNs()), earliest);
      if (model.size > 0 && earliest > 0n) assert.equal(expired(earliest - 1n), -1);
      const taken = expired(earliest);
      if (model.size > 0) assert.equal(model.get(taken), earliest);
      else assert.equal(taken, -1);
      model.delete(taken);
    }
    assert.equal(timersRunning(), model.size);
  }
});

test('ranges merge, trim and find like a set of bytes, across the wrap of sequence numbers', async () => {
  const { insert, trim, rangeCount, rangeBytes, startOf, endOf, find, contains } = await core();
  const random = createRandom(2);
  const base = 0xffffff00;
  const held = new Uint8Array(1000);
  let floor = 0;
  for (let round = 0; round < 20_000; round++) {
    if (random.next() < 0.03) {
      floor = Math.min(floor + random.below(200), 900);
      trim((base + floor) >>> 0);
      held.fill(0, 0, floor);
      if (floor === 900) {
        trim((base + 1000) >>> 0);
        held.fill(0);
        floor = 0;
      }
    }
    const from = floor + random.below(1000 - floor);
    const to = Math.min(1000, from + 1 + random.below(20));
    if (insert((base + from) >>> 0, (base + to) >>> 0)) held.fill(1, from, to);
    else assert.equal(rangeCount(), 64);
    const model: [number, number][] = [];
    for (let at = 0; at < 1000; at++)
      if (held[at] === 1) {
        if (at > 0 && held[at - 1] === 1) model.at(-1)![1] = at + 1;
        else model.push([at, at + 1]);
      }
    assert.equal(rangeCount(), model.length);
    for (const [index, [start, end]] of model.entries())
      assert.deepEqual([(startOf(index) - base) >>> 0, (endOf(index) - base) >>> 0], [start, end]);
    assert.equal(
      rangeBytes(),
      model.reduce((sum, [start, end]) => sum + end - start, 0),
    );
    const probe = random.below(1000);
    assert.equal(find((base + probe) >>> 0) >= 0, held[probe] === 1);
    assert.equal(contains((base + probe) >>> 0, (base + probe + 1) >>> 0) !== 0, held[probe] === 1);
  }
});

test('a ring keeps bytes in order through growth, wrap and reading in place; the budget holds', async () => {
  const ring = await core();
  const random = createRandom(3);
  const scratch = (): Uint8Array => new Uint8Array(ring.memory.buffer, ring.scratchAddress(), 65_536);
  let model: number[] = [];
  let next = 0;
  ring.ringBudgetSet(32_768n);
  for (let round = 0; round < 5000; round++) {
    const length = random.below(3000);
    const bytes = scratch();
    for (let i = 0; i < length; i++) bytes[i] = (next + i) % 251;
    if (ring.append(length)) {
      for (let i = 0; i < length; i++) model.push((next + i) % 251);
      next += length;
    } else assert.ok(model.length + length > 16_384, `${model.length} + ${length}`);
    assert.ok(ring.ringCapacity() <= 32_768);
    assert.equal(ring.ringLength(), model.length);
    const offset = random.below(model.length + 1);
    const part = random.below(model.length - offset + 1);
    ring.read(offset, part);
    assert.deepEqual([...scratch().subarray(0, part)], model.slice(offset, offset + part));
    if (random.next() < 0.1 && model.length > 0) {
      const address = ring.contiguous();
      assert.deepEqual([...new Uint8Array(ring.memory.buffer, address, model.length)], model);
    }
    const gone = random.next() < 0.1 ? model.length : random.below(model.length + 1);
    ring.consume(gone, random.next() < 0.5 ? 1 : 0);
    model = model.slice(gone);
  }
  ring.free();
  assert.equal(ring.ringBytesUsed(), 0n);
});
