import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes } from '@noos/abi';
import {
  type HttpEvent,
  httpClosed,
  httpReadable,
  httpRequest,
  httpWritable,
  PipeBench,
} from './pipe-bench.js';

const date = 'Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n';
const get = (lines = '', method = 'GET') => `${method} / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;

/** Opens a connection, sends `bytes`, returns it with the first request's event. */
function begin(bench: PipeBench, bytes: string): { handle: number; event: HttpEvent } {
  const handle = bench.open();
  bench.deliver(handle, bytes);
  const event = bench.run()[0];
  assert.equal(event?.kind, httpRequest);
  return { handle, event: event! };
}

test('header lines of the application cannot start a line of their own', () => {
  const bench = new PipeBench();
  const { handle, event } = begin(bench, get());
  for (const lines of [
    'a: b\r\n\r\nHTTP/1.1 200 OK\r\n',
    'a: b\nc: d\r\n',
    'a: b\rc: d\r\n',
    'a: b\r\n c\r\n',
    'a: \0\r\n',
    'a: \x7f\r\n',
    'a: b',
    'a: b\r',
    'a b: c\r\n',
    'a : b\r\n',
    ': b\r\n',
    'a\r\n',
    '\r\n',
    // UTF-8 of U+010A, whose low byte is LF; and broken UTF-8.
    'a: \xc4\x8a\r\n',
    'a: \xc3\r\n',
    'a: \x8a\r\n',
  ]) {
    assert.equal(bench.respond(event.exchange, 200, lines), errorCodes.EINVAL, JSON.stringify(lines));
    assert.equal(bench.respondHead(event.exchange, 200, lines, -1), errorCodes.EINVAL, JSON.stringify(lines));
  }
  for (const status of [0, 99, 100, 101, 199, 600, 1000, 4_000_000_000])
    assert.equal(bench.respond(event.exchange, status, ''), errorCodes.EINVAL, `status ${status}`);
  assert.equal(bench.take(handle).length, 0);
  // UTF-8 of U+00E4 goes out as the byte 0xE4.
  assert.equal(bench.respond(event.exchange, 299, 'a: \xc3\xa4\r\nb:c\r\n'), 0);
  assert.equal(bench.takeAll(handle), `HTTP/1.1 299 \r\na: \xe4\r\nb:c\r\n${date}Content-Length: 0\r\n\r\n`);
  bench.assertNothingHeld(handle);
});

test("the application's framing, connection and date fields are reconciled", () => {
  const bench = new PipeBench();
  const lines =
    'Content-Length: 7\r\nTransfer-Encoding: gzip\r\nconnection: x\r\nKeep-Alive: y\r\nUpgrade: z\r\nTrailer: t\r\nDate: now\r\nDate: then\r\nOk: 1\r\n';
  const { handle, event } = begin(bench, get());
  assert.equal(bench.respond(event.exchange, 200, lines, 'abc'), 0);
  assert.equal(
    bench.takeAll(handle),
    'HTTP/1.1 200 OK\r\nDate: now\r\nOk: 1\r\nContent-Length: 3\r\n\r\nabc',
  );
  bench.deliver(handle, get());
  const second = bench.run()[0]!;
  assert.equal(bench.respond(second.exchange, 200, 'Connection: Close\r\n', 'abc'), 0);
  assert.equal(
    bench.takeAll(handle),
    `HTTP/1.1 200 OK\r\n${date}Content-Length: 3\r\nConnection: close\r\n\r\nabc`,
  );
  assert.ok(bench.ended(handle).shut);
  bench.assertNothingHeld(handle);
});

test('HEAD, 204, 205 and 304 have no content', () => {
  const bench = new PipeBench();
  const head = (status: number) => `HTTP/1.1 ${status} `;
  const cases: [string, number, string, string, RegExp][] = [
    ['HEAD', 200, '', 'abc', /Content-Length: 3\r\n\r\n$/],
    ['HEAD', 200, 'content-length: 99\r\n', '', /Content-Length: 99\r\n\r\n$/],
    ['GET', 204, 'content-length: 99\r\n', 'abc', /204 No Content\r\nDate: [^\r]*\r\n\r\n$/],
    ['GET', 205, '', 'abc', /Content-Length: 0\r\n\r\n$/],
    ['GET', 304, 'content-length: 99\r\n', '', /Content-Length: 99\r\n\r\n$/],
    ['GET', 304, '', '', /304 Not Modified\r\nDate: [^\r]*\r\n\r\n$/],
  ];
  for (const [method, status, lines, body, expected] of cases) {
    const { handle, event } = begin(bench, get('', method));
    assert.equal(bench.respond(event.exchange, status, lines, body), 0);
    const output = bench.takeAll(handle);
    assert.ok(output.startsWith(head(status)));
    assert.match(output, expected, `${method} ${status}`);
    assert.ok(!bench.ended(handle).shut);
    bench.assertNothingHeld(handle);
  }
  // The same in pieces: what is written goes nowhere.
  const { handle, event } = begin(bench, get('', 'HEAD'));
  assert.equal(bench.respondHead(event.exchange, 200, '', -1), 0);
  assert.equal(bench.write(event.exchange, 'abc'), 3);
  assert.equal(bench.call('httpEnd', event.exchange), 0);
  assert.match(bench.takeAll(handle), /Transfer-Encoding: chunked\r\n\r\n$/);
  bench.assertNothingHeld(handle);
});

test('a streamed response: chunked, of known length, and until the end for HTTP/1.0', () => {
  const bench = new PipeBench();
  const stream = (request: string, contentLength: number, pieces: string[]) => {
    const { handle, event } = begin(bench, request);
    assert.equal(bench.respondHead(event.exchange, 200, '', contentLength), 0);
    for (const piece of pieces) assert.equal(bench.write(event.exchange, piece), piece.length);
    assert.equal(bench.call('httpEnd', event.exchange), 0);
    assert.equal(bench.call('httpEnd', event.exchange), errorCodes.ENOTCONN);
    const output = bench.takeAll(handle);
    const { shut } = bench.ended(handle);
    bench.assertNothingHeld(handle);
    return { output: output.slice(output.indexOf(date) + date.length), shut };
  };
  assert.deepEqual(stream(get(), -1, ['hello', '', 'x'.repeat(26)]), {
    output: `Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a\r\n${'x'.repeat(26)}\r\n0\r\n\r\n`,
    shut: false,
  });
  assert.deepEqual(stream(get(), 6, ['abc', 'def']), {
    output: 'Content-Length: 6\r\n\r\nabcdef',
    shut: false,
  });
  assert.deepEqual(stream('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', -1, ['abc', 'def']), {
    output: 'Connection: close\r\n\r\nabcdef',
    shut: true,
  });
});

test('a body that is longer or shorter than its content-length', () => {
  const bench = new PipeBench();
  const { handle, event } = begin(bench, get());
  assert.equal(bench.write(event.exchange, 'a'), errorCodes.EINVAL);
  assert.equal(bench.call('httpEnd', event.exchange), errorCodes.EINVAL);
  assert.equal(bench.respondHead(event.exchange, 200, '', 2), 0);
  assert.equal(bench.respondHead(event.exchange, 200, '', 2), errorCodes.EINVAL);
  assert.equal(bench.respond(event.exchange, 200, ''), errorCodes.EINVAL);
  assert.equal(bench.write(event.exchange, 'abc'), errorCodes.EINVAL);
  assert.equal(bench.write(event.exchange, 'a'), 1);
  assert.equal(bench.call('httpEnd', event.exchange), errorCodes.EMSGSIZE);
  assert.equal(bench.write(event.exchange, 'a'), errorCodes.ENOTCONN);
  assert.deepEqual(bench.run(), []);
  assert.ok(bench.ended(handle).aborted);
  bench.assertNothingHeld(handle);
});

test('what TCP has no room for is kept, in order, and the next request waits for it', () => {
  const bench = new PipeBench();
  const { handle, event } = begin(bench, get() + get('X: 2\r\n'));
  bench.call('pipeSetCapacity', handle, 1000);
  const body = Array.from({ length: 40_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
  assert.equal(bench.respond(event.exchange, 200, '', body), 0);
  assert.deepEqual(bench.run(), []);
  let second: HttpEvent | undefined;
  const output = bench.takeAll(handle, (next) => {
    second = next;
    assert.equal(bench.respond(next.exchange, 404, ''), 0);
  });
  assert.match(second!.headers, /x: 2/);
  const expected = `HTTP/1.1 200 OK\r\n${date}Content-Length: 40000\r\n\r\n${body}HTTP/1.1 404 Not Found\r\n${date}Content-Length: 0\r\n\r\n`;
  assert.ok(output === expected);
  bench.assertNothingHeld(handle);
});

test('httpWrite takes what TCP has room for, and httpWritable follows', () => {
  const bench = new PipeBench();
  for (const contentLength of [-1, 50_000]) {
    const { handle, event } = begin(bench, get());
    bench.call('pipeSetCapacity', handle, 3000);
    assert.equal(bench.respondHead(event.exchange, 200, '', contentLength), 0);
    const body = Buffer.alloc(50_000, 'abcdefghijk');
    let sent = 0;
    let waits = 0;
    const write = () => {
      while (sent < body.length) {
        const taken = bench.write(event.exchange, body.subarray(sent, sent + 10_000));
        assert.ok(taken >= 0);
        sent += taken;
        if (taken < Math.min(10_000, body.length - sent + taken)) return;
      }
      assert.equal(bench.call('httpEnd', event.exchange), 0);
    };
    write();
    const output = bench.takeAll(handle, (next) => {
      assert.equal(next.kind, httpWritable);
      waits++;
      write();
    });
    assert.ok(waits > 10);
    const content = output.slice(output.indexOf('\r\n\r\n') + 4);
    const plain = contentLength < 0 ? unchunk(content) : content;
    assert.ok(plain === body.toString('latin1'));
    bench.assertNothingHeld(handle);
  }
});

/** Takes chunked content apart. */
function unchunk(content: string): string {
  let at = 0;
  let plain = '';
  for (;;) {
    const end = content.indexOf('\r\n', at);
    const size = Number.parseInt(content.slice(at, end), 16);
    if (size === 0) {
      assert.equal(content.slice(end), '\r\n\r\n');
      return plain;
    }
    plain += content.slice(end + 2, end + 2 + size);
    assert.equal(content.slice(end + 2 + size, end + 4 + size), '\r\n');
    at = end + 4 + size;
  }
}

test('100 Continue is sent when the application first reads, and only then', () => {
  const bench = new PipeBench();
  const request = get('Content-Length: 3\r\nExpect: 100-continue\r\n', 'POST');
  const reading = begin(bench, request);
  assert.equal(bench.take(reading.handle).length, 0);
  assert.equal(bench.read(reading.event.exchange), undefined);
  assert.equal(bench.read(reading.event.exchange), undefined);
  assert.equal(bench.take(reading.handle).toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
  bench.deliver(reading.handle, 'abc');
  assert.deepEqual(
    bench.run().map((event) => event.kind),
    [httpReadable],
  );
  assert.equal(String(bench.read(reading.event.exchange)), 'abc');
  assert.equal(bench.read(reading.event.exchange), null);
  assert.equal(bench.respond(reading.event.exchange, 200, ''), 0);
  assert.doesNotMatch(bench.takeAll(reading.handle), /Connection: close/);
  bench.assertNothingHeld(reading.handle);
  // Refused without reading: whether the body comes is not known, so the connection ends.
  const refusing = begin(bench, request);
  assert.equal(bench.respond(refusing.event.exchange, 403, ''), 0);
  assert.match(bench.takeAll(refusing.handle), /^HTTP\/1.1 403 Forbidden\r\n[\s\S]*Connection: close\r\n/);
  bench.assertNothingHeld(refusing.handle);
  // The content came without waiting: no 100.
  const eager = begin(bench, `${request}abc`);
  assert.equal(String(bench.read(eager.event.exchange)), 'abc');
  assert.equal(bench.take(eager.handle).length, 0);
  bench.assertNothingHeld(eager.handle);
});

test('an answer before the body was read: a short rest is thrown away, a long one ends the connection', () => {
  const bench = new PipeBench();
  const short = begin(bench, `${get('Content-Length: 5\r\n', 'POST')}ab`);
  assert.equal(bench.respond(short.event.exchange, 200, ''), 0);
  assert.deepEqual(bench.run(), []);
  bench.deliver(short.handle, `cde${get()}`);
  assert.equal(bench.run()[0]?.kind, httpRequest);
  bench.assertNothingHeld(short.handle);
  const long = begin(bench, get('Content-Length: 300000\r\n', 'POST'));
  assert.equal(bench.respond(long.event.exchange, 200, ''), 0);
  assert.match(bench.takeAll(long.handle), /Connection: close/);
  // Lingering: the client is read from until its FIN, so that no RST destroys the response.
  bench.deliver(long.handle, 'x'.repeat(100_000));
  bench.run();
  assert.deepEqual(bench.ended(long.handle), { shut: true, aborted: false, released: false });
  bench.finish(long.handle);
  bench.run();
  assert.ok(bench.ended(long.handle).released);
  bench.assertNothingHeld(long.handle);
  const chunked = begin(bench, get('Transfer-Encoding: chunked\r\n', 'POST'));
  assert.equal(bench.respond(chunked.event.exchange, 200, ''), 0);
  for (let i = 0; i < 6; i++) {
    bench.deliver(chunked.handle, `c350\r\n${'x'.repeat(50_000)}\r\n`);
    bench.run();
  }
  assert.ok(bench.ended(chunked.handle).shut);
  bench.assertNothingHeld(chunked.handle);
});

test('a body that is not read stays in TCP', () => {
  const bench = new PipeBench();
  const { handle, event } = begin(bench, `${get('Content-Length: 100000\r\n', 'POST')}${'x'.repeat(60_000)}`);
  assert.equal(bench.call('pipeReceivedLength', handle), 60_000);
  assert.equal((bench.read(event.exchange, 100) as Buffer).length, 100);
  assert.equal(bench.call('pipeReceivedLength', handle), 59_900);
  bench.assertNothingHeld(handle);
});

test('a reset tells the application once; the handle is dead', () => {
  const bench = new PipeBench();
  const { handle, event } = begin(bench, get());
  bench.reset(handle);
  const events = bench.run();
  assert.deepEqual(
    events.map(({ kind, exchange, error }) => [kind, exchange, error]),
    [[httpClosed, event.exchange, errorCodes.ECONNRESET]],
  );
  assert.equal(bench.respond(event.exchange, 200, ''), errorCodes.ENOTCONN);
  assert.equal(bench.read(event.exchange), errorCodes.ENOTCONN);
  assert.equal(bench.write(event.exchange, 'a'), errorCodes.ENOTCONN);
  bench.call('httpAbort', event.exchange);
  bench.assertNothingHeld(handle);
});

test('handles that never were, or are of a finished exchange, are errors', () => {
  const bench = new PipeBench();
  const { handle, event } = begin(bench, get() + get());
  assert.equal(bench.respond(event.exchange, 200, ''), 0);
  const [second] = bench.run();
  assert.notEqual(second?.exchange, event.exchange);
  for (const exchange of [event.exchange, 0, -1, 1, 0x7fffffff, event.exchange + 1, -0x80000000]) {
    assert.equal(bench.respond(exchange, 200, ''), errorCodes.ENOTCONN);
    assert.equal(bench.respondHead(exchange, 200, '', -1), errorCodes.ENOTCONN);
    assert.equal(bench.read(exchange), errorCodes.ENOTCONN);
    assert.equal(bench.write(exchange, ''), errorCodes.ENOTCONN);
    assert.equal(bench.call('httpEnd', exchange), errorCodes.ENOTCONN);
    bench.call('httpAbort', exchange);
    assert.equal(bench.call('requestMethodLength', exchange), 0);
  }
  assert.equal(bench.respond(second!.exchange, 200, ''), 0);
  bench.assertNothingHeld(handle);
});

test('httpAbort resets the connection without an event', () => {
  const bench = new PipeBench();
  const { handle, event } = begin(bench, get());
  bench.call('httpAbort', event.exchange);
  assert.deepEqual(bench.run(), []);
  assert.ok(bench.ended(handle).aborted);
  bench.assertNothingHeld(handle);
});

test('a response that does not fit in the pending bytes is refused whole', () => {
  const bench = new PipeBench();
  assert.equal(bench.setLimit('pendingBytes', 100_000), 0);
  const { handle, event } = begin(bench, get());
  const body = new Uint8Array(200_000);
  assert.equal(bench.respond(event.exchange, 200, '', body), errorCodes.ENOBUFS);
  assert.equal(bench.take(handle).length, 0);
  assert.equal(bench.respond(event.exchange, 200, '', body.subarray(0, 150_000)), 0);
  assert.equal(Number(bench.call('outputPendingBytes')) > 80_000, true);
  bench.assertNothingHeld(handle);
});
