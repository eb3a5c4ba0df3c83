import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes } from '@noos/abi';
import { httpClosed, PipeBench } from './pipe-bench.js';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n';

test('a head that does not come in time gets 408, however steadily it trickles', () => {
  const bench = new PipeBench();
  const handle = bench.open();
  bench.run();
  let sent = 0;
  for (let second = 0; second < 30 && !bench.ended(handle).shut; second++) {
    bench.deliver(handle, get.slice(sent, ++sent));
    bench.run();
    bench.elapse(1);
    bench.run();
  }
  assert.ok(sent >= 20 && sent <= 22, `${sent} bytes`);
  assert.match(bench.takeAll(handle), /^HTTP\/1.1 408 Request Timeout\r\n/);
  bench.assertNothingHeld(handle);
});

test('a connection that says nothing is closed without a word, an idle one later', () => {
  const bench = new PipeBench();
  const silent = bench.open();
  bench.run();
  bench.elapse(19);
  bench.run();
  assert.ok(!bench.ended(silent).shut);
  bench.elapse(2);
  bench.run();
  assert.equal(bench.take(silent).length, 0);
  assert.ok(bench.ended(silent).shut);
  const idle = bench.open();
  bench.deliver(idle, get);
  bench.run(({ exchange }) => bench.respond(exchange, 200, ''));
  bench.take(idle);
  bench.elapse(37);
  bench.run();
  assert.ok(!bench.ended(idle).shut);
  bench.elapse(2);
  bench.run();
  assert.ok(bench.ended(idle).shut);
  // The peer never answers the FIN.
  assert.ok(!bench.ended(idle).released);
  bench.elapse(6);
  bench.run();
  assert.ok(bench.ended(idle).released);
  bench.assertNothingHeld(silent, idle);
});

test('a body that does not come in time gets 408, and the application learns of it', () => {
  const bench = new PipeBench();
  const handle = bench.open();
  bench.deliver(handle, post);
  const [request] = bench.run();
  // The application's own time does not count.
  bench.elapse(300);
  assert.deepEqual(bench.run(), []);
  assert.equal(bench.read(request!.exchange), undefined);
  bench.elapse(19);
  assert.deepEqual(bench.run(), []);
  bench.elapse(2);
  assert.deepEqual(
    bench.run().map(({ kind, error }) => [kind, error]),
    [[httpClosed, errorCodes.ETIMEDOUT]],
  );
  assert.match(bench.takeAll(handle), /^HTTP\/1.1 408 /);
  bench.assertNothingHeld(handle);
});

test('a body that trickles below the least rate gets 408', () => {
  const bench = new PipeBench();
  const handle = bench.open();
  bench.deliver(handle, post);
  const [request] = bench.run();
  let seconds = 0;
  let closed = false;
  while (!closed && seconds < 100) {
    assert.equal(bench.read(request!.exchange), undefined);
    bench.elapse(1);
    seconds++;
    closed = bench.run().some(({ kind }) => kind === httpClosed);
    if (closed) break;
    bench.deliver(handle, 'x'.repeat(50));
    bench.run();
    assert.equal((bench.read(request!.exchange) as Buffer).length, 50);
  }
  // 20 s and 0.1 s for each of the pieces.
  assert.ok(seconds >= 20 && seconds <= 24, `${seconds} s`);
  bench.assertNothingHeld(handle);
});

test('a peer that takes nothing of its response is reset', () => {
  const bench = new PipeBench();
  const whole = bench.open();
  const streamed = bench.open();
  for (const handle of [whole, streamed]) bench.call('pipeSetCapacity', handle, 1000);
  bench.deliver(whole, get);
  bench.run(({ exchange }) => bench.respond(exchange, 200, '', 'x'.repeat(5000)));
  bench.deliver(streamed, get);
  const [event] = bench.run();
  bench.respondHead(event!.exchange, 200, '', -1);
  assert.ok(bench.write(event!.exchange, 'x'.repeat(5000)) < 5000);
  bench.elapse(59);
  assert.deepEqual(bench.run(), []);
  // One that takes something gets more time.
  bench.take(streamed);
  bench.run(({ exchange }) => bench.write(exchange, 'x'.repeat(5000)));
  bench.elapse(2);
  assert.deepEqual(bench.run(), []);
  assert.ok(bench.ended(whole).aborted);
  assert.ok(!bench.ended(streamed).aborted);
  bench.elapse(60);
  assert.deepEqual(
    bench.run().map(({ kind, error }) => [kind, error]),
    [[httpClosed, errorCodes.ETIMEDOUT]],
  );
  assert.ok(bench.ended(streamed).aborted);
  bench.assertNothingHeld(whole, streamed);
});

test('more exchanges than the limit get 503', () => {
  const bench = new PipeBench({ exchanges: 2 });
  const handles = [bench.open(), bench.open(), bench.open()];
  for (const handle of handles) bench.deliver(handle, get);
  const requests = bench.run();
  assert.equal(requests.length, 2);
  assert.match(bench.takeAll(handles[2]!), /^HTTP\/1.1 503 /);
  bench.assertNothingHeld(...handles);
});

test('a body that is read as a whole is bounded, one that is streamed is not', () => {
  const bench = new PipeBench({ bufferedBodyBytes: 10 });
  const streamed = bench.open();
  bench.deliver(streamed, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n${'x'.repeat(20)}`);
  const [first] = bench.run();
  assert.equal(String(bench.read(first!.exchange)), 'x'.repeat(20));
  assert.equal(bench.respond(first!.exchange, 200, ''), 0);
  const declared = bench.open();
  bench.deliver(declared, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n');
  const counted = bench.open();
  bench.deliver(counted, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const results: number[] = [];
  bench.run(({ exchange }) => results.push(bench.call('httpBuffer', exchange)));
  assert.deepEqual(results.slice(0, 2), [errorCodes.EMSGSIZE, 0]);
  assert.match(bench.takeAll(declared), /^HTTP\/1.1 413 /);
  bench.deliver(counted, 'a\r\n0123456789\r\n');
  const [readable] = bench.run();
  assert.equal(String(bench.read(readable!.exchange)), '0123456789');
  bench.deliver(counted, '1\r\nx\r\n');
  bench.run();
  assert.equal(bench.read(readable!.exchange), errorCodes.EMSGSIZE);
  assert.match(bench.takeAll(counted), /^HTTP\/1.1 413 /);
  bench.assertNothingHeld(streamed, declared, counted);
});

test('without a limit of its own a body may have any length that a number of 63 bits can state', () => {
  const bench = new PipeBench();
  const handle = bench.open();
  bench.deliver(handle, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2n ** 63n - 2n}\r\n\r\n`);
  assert.equal(bench.run().length, 1);
  const larger = bench.open();
  bench.deliver(larger, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2n ** 63n - 1n}\r\n\r\n`);
  assert.equal(bench.run().length, 0);
  assert.match(bench.takeAll(larger), /^HTTP\/1.1 413 /);
  bench.assertNothingHeld(handle, larger);
});

test('a declared body longer than the limit of all gets 413 before the application is asked', () => {
  const bench = new PipeBench({ bodyBytes: 10 });
  const handle = bench.open();
  bench.deliver(handle, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n');
  assert.deepEqual(bench.run(), []);
  assert.match(bench.takeAll(handle), /^HTTP\/1.1 413 /);
  bench.assertNothingHeld(handle);
});

test('a chunked body longer than the limit gets 413, and the application learns of it', () => {
  const bench = new PipeBench({ bodyBytes: 10 });
  const handle = bench.open();
  bench.deliver(handle, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n');
  const [request] = bench.run();
  assert.equal(String(bench.read(request!.exchange)), '12345678');
  bench.deliver(handle, '3\r\n9ab\r\n0\r\n\r\n');
  bench.run();
  assert.equal(bench.read(request!.exchange), errorCodes.EMSGSIZE);
  assert.deepEqual(
    bench.run().map(({ kind, error }) => [kind, error]),
    [[httpClosed, errorCodes.EMSGSIZE]],
  );
  assert.match(bench.takeAll(handle), /^HTTP\/1.1 413 Content Too Large\r\n/);
  bench.assertNothingHeld(handle);
});

test('httpClose: idle connections end, exchanges in progress end with Connection: close', () => {
  const bench = new PipeBench();
  const idle = bench.open();
  const busy = bench.open();
  bench.run();
  bench.deliver(busy, get + get);
  const [request] = bench.run();
  bench.call('httpClose', bench.listener);
  bench.run();
  assert.ok(bench.ended(idle).shut);
  assert.ok(!bench.ended(busy).shut);
  assert.equal(bench.respond(request!.exchange, 200, '', 'abc'), 0);
  assert.deepEqual(bench.run(), [], 'the second request is not served');
  assert.match(bench.takeAll(busy), /Connection: close\r\n\r\nabc$/);
  assert.ok(bench.ended(busy).shut);
  for (const handle of [idle, busy]) {
    bench.finish(handle);
    bench.run();
    assert.ok(bench.ended(handle).released);
  }
  assert.equal(bench.global('serverConnections'), 0);
});

test('the Date field follows the clock once a second', () => {
  const bench = new PipeBench();
  const handle = bench.open();
  const dateAfter = (seconds: number) => {
    bench.elapse(seconds);
    bench.deliver(handle, get);
    bench.run(({ exchange }) => bench.respond(exchange, 200, ''));
    return /Date: ([^\r]*)/.exec(bench.takeAll(handle))![1];
  };
  assert.equal(dateAfter(0), 'Sun, 06 Nov 1994 08:49:37 GMT');
  let seconds = 784_111_777;
  for (const step of [1, 3, 22, 30, 35, 10]) {
    seconds += step;
    assert.equal(dateAfter(step), new Date(seconds * 1000).toUTCString());
  }
});
