/** What happens when a pool that outsiders fill is full: nobody is kept out by somebody else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpRequest, PipeBench } from './pipe-bench.js';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const attacker = 0xc0000202;
const others = 0xc6336400;

const opened = (bench: PipeBench, count: number, address: (index: number) => number): number[] =>
  Array.from({ length: count }, (_, index) => bench.open(address(index)));

test('a further incomplete head takes the place of the oldest of the peer that has most', () => {
  const bench = new PipeBench({ partialHeads: 8 });
  const slow = bench.open(others + 1);
  bench.deliver(slow, get.slice(0, 10));
  const attackers = opened(bench, 7, () => attacker);
  for (const handle of attackers) {
    bench.deliver(handle, 'G');
    bench.run();
  }
  // Again and again: heads in two parts of others are served, and the slow one that came first stays.
  for (let round = 0; round < 20; round++) {
    const handle = bench.open(others + 2);
    bench.deliver(handle, get.slice(0, 9));
    assert.deepEqual(bench.run(), []);
    attackers.push(bench.open(attacker));
    bench.deliver(attackers.at(-1)!, 'G');
    assert.deepEqual(bench.run(), []);
    bench.deliver(handle, get.slice(9));
    const requests = bench.run(({ exchange }) => bench.respond(exchange, 200, ''));
    assert.equal(requests.length, 1, `round ${round}`);
    assert.match(bench.takeAll(handle), /^HTTP\/1.1 200 /);
    bench.forget(handle);
  }
  assert.match(bench.takeAll(attackers[0]!), /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n/);
  bench.deliver(slow, get.slice(10));
  assert.equal(bench.run().length, 1);
  bench.assertNothingHeld(slow, ...attackers);
});

test('among the heads of one peer the oldest goes, so that what comes in time is served', () => {
  const bench = new PipeBench({ partialHeads: 3 });
  const handles = opened(bench, 5, () => attacker);
  for (const handle of handles) {
    bench.deliver(handle, get.slice(0, 10));
    bench.run();
  }
  for (const handle of handles) bench.deliver(handle, get.slice(10));
  assert.equal(bench.run().length, 3);
  for (const handle of handles.slice(0, 2)) assert.match(bench.takeAll(handle), /^HTTP\/1.1 503 /);
  bench.assertNothingHeld(...handles);
});

test('a surplus connection takes the place of the longest idle one, else gets 503, else is reset', () => {
  const bench = new PipeBench({ connections: 3, refusedConnections: 1 });
  const served = opened(bench, 3, (index) => others + index);
  for (const handle of served) {
    bench.elapse(1);
    bench.deliver(handle, get);
    bench.run(({ exchange }) => bench.respond(exchange, 200, ''));
  }
  const early = bench.open(others + 4);
  assert.ok(!bench.ended(served[0]!).released, 'one that was in use a moment ago stays');
  bench.deliver(early, get);
  bench.run();
  assert.match(bench.takeAll(early), /^HTTP\/1.1 503 Service Unavailable\r\n[\s\S]*Retry-After: 1\r\n/);
  bench.reset(early);
  bench.run();
  bench.elapse(4);
  const fourth = bench.open(others + 4);
  assert.ok(bench.ended(served[0]!).released, 'the longest idle one has made room');
  for (const handle of [served[1]!, served[2]!, fourth]) bench.deliver(handle, get);
  assert.equal(bench.run().filter(({ kind }) => kind === httpRequest).length, 3);
  bench.elapse(30);
  const refused = bench.open(others + 5);
  const further = bench.open(others + 6);
  assert.ok(bench.ended(further).aborted, 'neither room nor a place to be refused');
  bench.deliver(refused, get);
  assert.deepEqual(bench.run(), []);
  assert.match(bench.takeAll(refused), /^HTTP\/1.1 503 /);
  bench.assertNothingHeld(...served, early, fourth, refused, further);
});

test('one peer cannot keep others out with connections it uses, nor with idle ones', () => {
  for (const busy of [true, false]) {
    const bench = new PipeBench({ connections: 300, refusedConnections: 4 });
    const mine = opened(bench, 400, () => attacker);
    for (const handle of busy ? mine : []) bench.deliver(handle, get);
    bench.run();
    const served = mine.filter((handle) => !bench.ended(handle).aborted);
    assert.equal(served.length, 204, 'two thirds, and those that are refused');
    for (let index = 0; index < 60; index++) {
      const handle = bench.open(others + index);
      bench.deliver(handle, get);
      const requests = bench.run();
      assert.equal(requests.length, 1, `${busy ? 'busy' : 'idle'}, client ${index}`);
      mine.push(handle);
    }
    bench.assertNothingHeld(...mine);
  }
});

test('a router speaks for many: it may have all connections and exchanges', () => {
  const bench = new PipeBench({ connections: 60, exchanges: 50, refusedConnections: 0 });
  const handles = opened(bench, 60, () => 0xc00002fe);
  for (const handle of handles) bench.deliver(handle, get);
  assert.equal(bench.run().length, 50);
  assert.ok(bench.ended(bench.open(others)).aborted);
  bench.forget(...handles);
});

test('a crowd of fresh idle connections makes room for a peer that has few', () => {
  const bench = new PipeBench({ connections: 30, refusedConnections: 0 });
  const crowds = [0, 1, 2].flatMap((crowd) => opened(bench, 20, () => attacker + crowd));
  bench.run();
  for (let index = 0; index < 10; index++) {
    const handle = bench.open(others + index);
    bench.deliver(handle, get);
    assert.equal(bench.run().length, 1, `client ${index}`);
    crowds.push(handle);
  }
  bench.assertNothingHeld(...crowds);
});

test('one peer cannot take all exchanges', () => {
  const bench = new PipeBench({ exchanges: 30 });
  const handles = opened(bench, 40, () => attacker);
  for (const handle of handles) bench.deliver(handle, get);
  assert.equal(bench.run().length, 20);
  const other = bench.open(others);
  bench.deliver(other, get);
  assert.equal(bench.run().length, 1);
  bench.assertNothingHeld(...handles, other);
});

test('2,000 connections in use beside each other lose nothing', () => {
  const bench = new PipeBench();
  const handles = opened(bench, 2000, () => attacker);
  for (let round = 0; round < 3; round++) {
    for (const handle of handles) bench.deliver(handle, get);
    let answered = 0;
    bench.run(({ exchange }) => {
      answered += bench.respond(exchange, 200, '') === 0 ? 1 : 0;
    });
    assert.equal(answered, handles.length);
    for (const handle of handles) assert.match(bench.take(handle).toString(), /^HTTP\/1.1 200 /);
  }
  bench.assertNothingHeld(...handles);
});
