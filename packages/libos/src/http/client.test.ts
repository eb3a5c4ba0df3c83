import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes } from '@noos/abi';
import { createRandom } from '../random.js';
import {
  type HttpEvent,
  httpClosed,
  httpReadable,
  httpResponse,
  httpWritable,
  PipeBench,
} from './pipe-bench.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Starts a request and completes its connect; returns handle and pipe. */
function start(bench: PipeBench, method = 'GET', target = '/', headers = '', bodyBytes = 0) {
  const request = bench.request(method, target, headers, bodyBytes);
  assert.ok(request > 0, `httpRequest: ${request}`);
  const pipe = bench.lastConnect;
  bench.connected(pipe);
  bench.run();
  return { request, pipe };
}

/** What the application sees of a response that comes in pieces, the peer closing at the end if `fin`. */
function receive(bench: PipeBench, method: string, pieces: string[], fin = false) {
  const { request, pipe } = start(bench, method);
  bench.take(pipe);
  const seen: unknown[] = [];
  let body = '';
  const application = (event: HttpEvent) => {
    assert.equal(event.exchange, request);
    if (event.kind === httpResponse) {
      seen.push(event.status, event.headers, event.bodyBytes);
      if (event.bodyBytes === 0) return;
    } else if (event.kind === httpClosed) {
      seen.push(`closed ${event.error}`);
      return;
    }
    for (;;) {
      const piece = bench.read(request, 1000);
      if (piece === undefined || typeof piece === 'number') return;
      if (piece === null) {
        seen.push(body);
        return;
      }
      body += piece.toString('latin1');
    }
  };
  for (const piece of pieces) {
    bench.deliver(pipe, piece);
    bench.run(application);
  }
  if (fin) bench.finish(pipe);
  bench.run(application);
  assert.equal(bench.read(request), errorCodes.ENOTCONN, 'the handle is dead');
  const pooled = bench.global('clientConnections') === 1;
  bench.assertNothingHeld(pipe);
  return { seen, pooled };
}

test('a request line, Host, fields and framing go out', () => {
  const bench = new PipeBench();
  const sent = (method: string, headers: string, bodyBytes: number) => {
    const { request, pipe } = start(bench, method, '/a?b', headers, bodyBytes);
    const output = bench.take(pipe).toString('latin1');
    bench.call('httpAbort', request);
    bench.run();
    bench.assertNothingHeld(pipe);
    return output;
  };
  assert.equal(sent('GET', 'a: b\r\n', 0), 'GET /a?b HTTP/1.1\r\na: b\r\nHost: 192.0.2.1\r\n\r\n');
  assert.equal(
    sent('POST', 'Host: example.org\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nConnection: y\r\n', 3),
    'POST /a?b HTTP/1.1\r\nHost: example.org\r\nContent-Length: 3\r\n\r\n',
  );
  assert.match(sent('POST', '', 0), /\r\nContent-Length: 0\r\n\r\n$/);
  assert.match(sent('PUT', '', -1), /\r\nTransfer-Encoding: chunked\r\n\r\n$/);
});

test('requests that are not valid are refused', () => {
  const bench = new PipeBench();
  assert.equal(bench.request('G T', '/'), errorCodes.EINVAL);
  assert.equal(bench.request('', '/'), errorCodes.EINVAL);
  assert.equal(bench.request('GET', ''), errorCodes.EINVAL);
  assert.equal(bench.request('GET', '/ HTTP/1.1\r\nA: b'), errorCodes.EINVAL);
  assert.equal(bench.request('GET', '/', 'a: b\nc: d\r\n'), errorCodes.EINVAL);
  assert.equal(bench.request('GET', '/', '', -2), errorCodes.EINVAL);
  assert.equal(bench.request('GET', '/', '', 0, 0), errorCodes.EINVAL);
  assert.equal(bench.request('GET', '/', 'a: '.padEnd(70_000, 'b')), errorCodes.EMSGSIZE);
  bench.assertNothingHeld();
});

/** Method, bytes, whether FIN follows, what the application sees, whether the connection is kept. */
const responses: [string, string, boolean, unknown[], boolean][] = [
  ['GET', ok, false, [200, 'content-length: 2\n', 2, 'ok'], true],
  [
    'GET',
    'HTTP/1.1 404 Not Found\r\nX: y\r\nContent-Length: 0\r\n\r\n',
    false,
    [404, 'x: y\ncontent-length: 0\n', 0],
    true,
  ],
  ['GET', 'HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na', false, [200, 'content-length: 1\n', 1, 'a'], true],
  ['GET', 'HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na', false, [200, 'content-length: 1\n', 1, 'a'], true],
  [
    'GET',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n${ok}`,
    false,
    [200, 'content-length: 2\n', 2, 'ok'],
    true,
  ],
  [
    'GET',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n02;x\r\nde\r\n0\r\nT: u\r\n\r\n',
    false,
    [200, 'transfer-encoding: Chunked\n', -1, 'abcde'],
    true,
  ],
  ['GET', 'HTTP/1.1 200 OK\r\n\r\nuntil the end', true, [200, '', -1, 'until the end'], false],
  [
    'GET',
    'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na',
    false,
    [200, 'content-length: 1\n', 1, 'a'],
    false,
  ],
  [
    'GET',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na',
    false,
    [200, 'connection: keep-alive\ncontent-length: 1\n', 1, 'a'],
    true,
  ],
  [
    'GET',
    'HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\na',
    false,
    [200, 'connection: x, Close\ncontent-length: 1\n', 1, 'a'],
    false,
  ],
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n', false, [200, 'content-length: 99\n', 0], true],
  ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', false, [204, '', 0], true],
  [
    'GET',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    false,
    [304, 'content-length: 5\n', 0],
    true,
  ],
  // More than was asked for: the connection is not used again.
  ['GET', `${ok}HTTP/1.1 200 OK\r\n`, false, [200, 'content-length: 2\n', 2, 'ok'], false],
  // Not HTTP/1.1.
  ['GET', 'HTTP/2 200 OK\r\n\r\n', false, ['closed -71'], false],
  ['GET', 'SSH-2.0-OpenSSH_9.2\r\n', false, ['closed -71'], false],
  ['GET', 'HTTP/1.1 20 OK\r\n\r\n', false, ['closed -71'], false],
  ['GET', 'HTTP/1.1 2000 OK\r\n\r\n', false, ['closed -71'], false],
  ['GET', 'HTTP/1.1 099 OK\r\n\r\n', false, ['closed -71'], false],
  ['GET', 'HTTP/1.1 101 Switching\r\n\r\n', false, ['closed -71'], false],
  ['GET', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', false, ['closed -71'], false],
  ['GET', 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n', false, ['closed -71'], false],
  [
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    false,
    ['closed -71'],
    false,
  ],
  [
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na',
    false,
    ['closed -71'],
    false,
  ],
  ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\na', false, ['closed -71'], false],
  [
    'GET',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    false,
    [200, 'transfer-encoding: chunked\n', -1, 'closed -71'],
    false,
  ],
  // Ends too early.
  ['GET', '', true, ['closed -104'], false],
  ['GET', 'HTTP/1.1 200 OK\r\nConte', true, ['closed -104'], false],
  [
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na',
    true,
    [200, 'content-length: 2\n', 2, 'closed -104'],
    false,
  ],
];

test('responses are read as RFC 9112 frames them', () => {
  const bench = new PipeBench();
  for (const [method, bytes, fin, seen, pooled] of responses)
    assert.deepEqual(receive(bench, method, [bytes], fin), { seen, pooled }, bytes);
});

test('how a response is cut does not matter', () => {
  const bench = new PipeBench();
  const random = createRandom(2);
  for (const [method, bytes, fin, seen, pooled] of responses)
    for (let round = 0; round < 20; round++) {
      const pieces: string[] = [];
      const longest = 1 + random.below(round < 5 ? 1 : 30);
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + random.below(longest);
        pieces.push(bytes.slice(at, at + length));
        at += length;
      }
      const result = receive(bench, method, pieces, fin);
      assert.deepEqual(result.seen, seen, JSON.stringify(pieces));
      // Surplus bytes may come after the connection went back to the pool; then it ends there.
      assert.equal(result.pooled, pooled, JSON.stringify(pieces));
    }
});

test('a connection is used again, and closed after its idle time', () => {
  const bench = new PipeBench();
  const { request, pipe } = start(bench);
  bench.take(pipe);
  bench.deliver(pipe, ok);
  bench.run();
  assert.equal(String(bench.read(request)), 'ok');
  assert.equal(bench.read(request), null);
  bench.run();
  const second = bench.request('GET', '/2');
  assert.equal(bench.lastConnect, pipe, 'no new connection');
  assert.match(bench.take(pipe).toString(), /^GET \/2 /);
  bench.deliver(pipe, 'HTTP/1.1 204 No Content\r\n\r\n');
  assert.deepEqual(
    bench.run().map(({ kind, exchange }) => [kind, exchange]),
    [[httpResponse, second]],
  );
  // Another port is another peer.
  const other = bench.request('GET', '/', '', 0, 81);
  assert.notEqual(bench.lastConnect, pipe);
  bench.call('httpAbort', other);
  bench.run();
  bench.elapse(5);
  bench.run();
  assert.ok(bench.ended(pipe).released || bench.ended(pipe).aborted);
  bench.assertNothingHeld(pipe, bench.lastConnect);
});

test('a pooled connection that the peer has closed: an idempotent request is repeated once, another fails', () => {
  const bench = new PipeBench();
  for (const closing of ['finish', 'reset'] as const)
    for (const method of ['GET', 'POST']) {
      const first = start(bench);
      bench.deliver(first.pipe, 'HTTP/1.1 204 No Content\r\n\r\n');
      bench.run();
      const request = bench.request(method, '/again');
      assert.equal(bench.lastConnect, first.pipe);
      bench.run();
      bench.take(first.pipe);
      bench[closing](first.pipe);
      const events = bench.run();
      if (method === 'POST') {
        assert.deepEqual(
          events.map(({ kind, exchange, error }) => [kind, exchange, error]),
          [[httpClosed, request, errorCodes.ECONNRESET]],
        );
        bench.assertNothingHeld(first.pipe);
        continue;
      }
      assert.deepEqual(events, []);
      const fresh = bench.lastConnect;
      assert.notEqual(fresh, first.pipe);
      bench.connected(fresh);
      bench.run();
      assert.match(bench.take(fresh).toString(), /^GET \/again /);
      bench.finish(fresh);
      assert.deepEqual(
        bench.run().map(({ kind, error }) => [kind, error]),
        [[httpClosed, errorCodes.ECONNRESET]],
        'not a second time',
      );
      bench.assertNothingHeld(first.pipe, fresh);
    }
});

test('an idle connection that the peer closes leaves the pool', () => {
  const bench = new PipeBench();
  const { pipe } = start(bench);
  bench.deliver(pipe, 'HTTP/1.1 204 No Content\r\n\r\n');
  bench.run();
  bench.finish(pipe);
  bench.run();
  bench.request('GET', '/');
  assert.notEqual(bench.lastConnect, pipe);
  bench.assertNothingHeld(pipe, bench.lastConnect);
});

test('a refused connect, and one that nobody answers', () => {
  const bench = new PipeBench();
  const refused = bench.request('GET', '/');
  bench.reset(bench.lastConnect, errorCodes.ECONNREFUSED);
  assert.deepEqual(
    bench.run().map(({ kind, exchange, error }) => [kind, exchange, error]),
    [[httpClosed, refused, errorCodes.ECONNREFUSED]],
  );
  const first = bench.lastConnect;
  const unanswered = bench.request('GET', '/');
  bench.elapse(11);
  assert.deepEqual(
    bench.run().map(({ kind, exchange, error }) => [kind, exchange, error]),
    [[httpClosed, unanswered, errorCodes.ETIMEDOUT]],
  );
  bench.assertNothingHeld(first, bench.lastConnect);
});

test('a request body is written with back-pressure, chunked and of known length', () => {
  const bench = new PipeBench();
  for (const bodyBytes of [-1, 30_000]) {
    const request = bench.request('POST', '/', '', bodyBytes);
    const pipe = bench.lastConnect;
    bench.call('pipeSetCapacity', pipe, 2000);
    const body = Buffer.alloc(30_000, 'abcdefghi');
    let sent = 0;
    const write = () => {
      while (sent < body.length) {
        const taken = bench.write(request, body.subarray(sent));
        assert.ok(taken >= 0);
        sent += taken;
        if (sent < body.length) return;
      }
      assert.equal(bench.call('httpEnd', request), 0);
    };
    write();
    assert.equal(sent, 0, 'not connected yet');
    bench.connected(pipe);
    const application = (event: HttpEvent) => {
      assert.equal(event.kind, httpWritable);
      write();
    };
    bench.run(application);
    const output = bench.takeAll(pipe, application);
    assert.equal(sent, body.length);
    const content = output.slice(output.indexOf('\r\n\r\n') + 4);
    if (bodyBytes > 0) assert.ok(content === body.toString());
    else assert.ok(content.replaceAll(/\r\n|[0-9a-f]+\r\n/g, '').length >= 29_000);
    bench.deliver(pipe, 'HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
    assert.deepEqual(
      bench.run().map(({ kind }) => kind),
      [httpResponse],
    );
    assert.equal(bench.global('clientConnections'), 1);
    bench.assertNothingHeld(pipe);
  }
});

test('a body ended before the connect goes out whole', () => {
  const bench = new PipeBench();
  const request = bench.request('POST', '/', '', -1);
  assert.equal(bench.call('httpEnd', request), 0);
  bench.connected(bench.lastConnect);
  bench.run();
  assert.match(bench.take(bench.lastConnect).toString(), /chunked\r\n\r\n0\r\n\r\n$/);
  bench.assertNothingHeld(bench.lastConnect);
});

test('a response body that is not read stays in TCP', () => {
  const bench = new PipeBench();
  const { request, pipe } = start(bench);
  bench.deliver(pipe, `HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n${'x'.repeat(50_000)}`);
  assert.deepEqual(
    bench.run().map(({ kind }) => kind),
    [httpResponse, httpReadable],
  );
  assert.equal(bench.call('pipeReceivedLength', pipe), 50_000);
  assert.equal((bench.read(request, 100) as Buffer).length, 100);
  assert.equal(bench.call('pipeReceivedLength', pipe), 49_900);
  bench.call('httpAbort', request);
  bench.run();
  assert.ok(bench.ended(pipe).aborted);
  bench.assertNothingHeld(pipe);
});

test('requests beyond the connections to a peer wait their turn, in order', () => {
  const bench = new PipeBench({ clientConnectionsPerHost: 2 });
  const requests = [0, 1, 2, 3, 4].map((n) => bench.request('GET', `/${n}`));
  const newest = bench.lastConnect;
  const pipes = [newest - 1, newest];
  for (const pipe of pipes) bench.connected(pipe);
  bench.run();
  assert.deepEqual(
    pipes.map((pipe) => bench.take(pipe).toString().slice(0, 6)),
    ['GET /0', 'GET /1'],
  );
  bench.call('httpAbort', requests[3]!);
  bench.deliver(pipes[1]!, 'HTTP/1.1 204 No Content\r\n\r\n');
  bench.run();
  assert.equal(bench.take(pipes[1]!).toString().slice(0, 6), 'GET /2');
  // A connection that ends makes place for a new one.
  bench.deliver(pipes[0]!, 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
  bench.run();
  const third = bench.lastConnect;
  assert.notEqual(third, newest);
  bench.connected(third);
  bench.run();
  assert.equal(bench.take(third).toString().slice(0, 6), 'GET /4');
  bench.assertNothingHeld(...pipes, third);
});

test('requests beyond all connections are refused; idle ones to others make room', () => {
  const bench = new PipeBench({ clientConnections: 2 });
  const first = start(bench);
  const second = bench.request('GET', '/', '', 0, 81);
  assert.ok(second > 0);
  const secondPipe = bench.lastConnect;
  assert.equal(bench.request('GET', '/', '', 0, 82), errorCodes.ENOBUFS);
  bench.deliver(first.pipe, 'HTTP/1.1 204 No Content\r\n\r\n');
  bench.run();
  assert.ok(bench.request('GET', '/', '', 0, 82) > 0);
  assert.ok(bench.ended(first.pipe).released);
  bench.assertNothingHeld(first.pipe, secondPipe, bench.lastConnect);
});

test('a response that stops coming ends with ETIMEDOUT', () => {
  const bench = new PipeBench();
  const { request, pipe } = start(bench);
  bench.deliver(pipe, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab');
  bench.run();
  assert.equal(String(bench.read(request)), 'ab');
  bench.elapse(299);
  assert.deepEqual(bench.run(), []);
  bench.elapse(2);
  assert.deepEqual(
    bench.run().map(({ kind, error }) => [kind, error]),
    [[httpClosed, errorCodes.ETIMEDOUT]],
  );
  bench.assertNothingHeld(pipe);
});
