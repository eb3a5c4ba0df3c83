import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../random.js';
import { malformedRequests } from './malformed-requests.js';
import { type HttpEvent, httpClosed, httpReadable, httpRequest, PipeBench } from './pipe-bench.js';
import { unusualRequests } from './unusual-requests.js';

const date = 'Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n';

/** Reads every body to its end, then answers with what it has seen. */
class EchoApplication {
  readonly log: string[] = [];
  readonly #bench: PipeBench;
  readonly #requests = new Map<number, { event: HttpEvent; body: Buffer[] }>();

  constructor(bench: PipeBench) {
    this.#bench = bench;
  }

  readonly handle = (event: HttpEvent): void => {
    if (event.kind === httpRequest) this.#requests.set(event.exchange, { event, body: [] });
    const request = this.#requests.get(event.exchange);
    assert.ok(request !== undefined, `event ${event.kind} of an exchange that is over`);
    if (event.kind === httpClosed) {
      this.log.push(`closed ${event.error}`);
      this.#requests.delete(event.exchange);
      return;
    }
    if (event.kind !== httpRequest && event.kind !== httpReadable) return;
    for (;;) {
      const piece = this.#bench.read(event.exchange, 1000);
      // An error is reported by httpClosed too.
      if (piece === undefined || typeof piece === 'number') return;
      if (piece === null) break;
      request.body.push(piece);
    }
    this.#requests.delete(event.exchange);
    const { method, target, headers, bodyBytes } = request.event;
    const body = Buffer.concat(request.body).toString('latin1');
    this.log.push(JSON.stringify([method, target, headers, bodyBytes, body]));
    assert.equal(this.#bench.respond(event.exchange, 200, 'x: y\r\n', body), 0);
  };
}

function statuses(responses: string): number[] {
  return [...responses.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map((match) => Number(match[1]));
}

/** Sends `bytes` in pieces of the given lengths; returns the application's log and what came back. */
function exchange(bench: PipeBench, bytes: string, cuts: number[] = [], fin = false) {
  const application = new EchoApplication(bench);
  const handle = bench.open();
  bench.run(application.handle);
  let sent = 0;
  for (const cut of [...cuts, bytes.length - cuts.reduce((sum, cut) => sum + cut, 0)]) {
    if (cut > 0) bench.deliver(handle, bytes.slice(sent, sent + cut));
    sent += cut;
    bench.run(application.handle);
  }
  if (fin) bench.finish(handle);
  const output = bench.takeAll(handle, application.handle);
  const ended = bench.ended(handle);
  bench.assertNothingHeld(handle);
  return { log: application.log, output, ended };
}

test('answers a request with head and body in one piece', () => {
  const bench = new PipeBench();
  const { log, output } = exchange(bench, 'GET /a?b=c HTTP/1.1\r\nHost: x:80\r\nAccept:\t*/* \r\n\r\n');
  assert.deepEqual(log, ['["GET","/a?b=c","host: x:80\\naccept: */*\\n",0,""]']);
  assert.equal(output, `HTTP/1.1 200 OK\r\nx: y\r\n${date}Content-Length: 0\r\n\r\n`);
});

test('every malformed request gets its status, and the connection ends', () => {
  const bench = new PipeBench();
  for (const { name, bytes, status, before = [] } of malformedRequests) {
    const { output, ended } = exchange(bench, bytes);
    assert.deepEqual(statuses(output), [...before, status], name);
    assert.match(output, /Connection: close\r\n/, name);
    assert.ok(ended.shut, name);
  }
});

test('every malformed request gets the same status one byte at a time', () => {
  const bench = new PipeBench();
  for (const { name, bytes, status, before = [] } of malformedRequests) {
    if (bytes.length > 2000) continue;
    const { output } = exchange(
      bench,
      bytes,
      [...bytes].slice(1).map(() => 1),
    );
    assert.deepEqual(statuses(output), [...before, status], name);
  }
});

test('every unusual request is served with its content, in one piece and one byte at a time', () => {
  const bench = new PipeBench();
  for (const { name, bytes, content } of unusualRequests)
    for (const cuts of [[], bytes.length < 2000 ? [...bytes].slice(1).map(() => 1) : []]) {
      const { log, output } = exchange(bench, bytes, cuts);
      assert.deepEqual(
        log.map((line) => JSON.parse(line)[4]),
        [content],
        name,
      );
      assert.deepEqual(
        statuses(output).filter((status) => status !== 100),
        [200],
        name,
      );
    }
});

test('targets keep what browsers do not encode', () => {
  const bench = new PipeBench();
  const { log } = exchange(bench, 'GET /a[b]^c|d%zz?e{f} HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(JSON.parse(log[0]!)[1], '/a[b]^c|d%zz?e{f}');
});

/** Streams of requests for the property tests. */
const streams = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello worldGET /q HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x="y z"\r\n world\r\n0\r\nT: u\r\n\r\nDELETE /q HTTP/1.1\r\nHost: a\r\n\r\n',
  `PUT /p HTTP/1.1\r\nHost: [::1]:8080\r\nCookie: ${'c=d; '.repeat(300)}\r\nX-L: \xe4\xf6\r\nContent-Length: 5\r\n\r\nabcde`,
  'GET http://example.org:8080?q HTTP/1.1\r\nHost: other\r\nA: b\r\n\r\nGET https://e/p HTTP/1.1\r\nA: b\r\nHost: o\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /no HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n',
  'HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.9\r\nHost: a\r\n\r\n',
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n${`2ff\r\n${'x'.repeat(0x2ff)}\r\n`.repeat(9)}000\r\n\r\n`,
];

test('how a stream of requests is cut does not matter', () => {
  const bench = new PipeBench();
  const random = createRandom(1);
  for (const stream of [...streams, ...malformedRequests.map((request) => request.bytes)]) {
    const whole = exchange(bench, stream);
    for (let round = 0; round < 12; round++) {
      const cuts: number[] = [];
      const longest = 1 + random.below([2, 10, 100, 5000][round % 4]!);
      for (let left = stream.length; left > 0 && cuts.length < 5000; ) {
        const cut = Math.min(left, 1 + random.below(longest));
        cuts.push(cut);
        left -= cut;
      }
      const cut = exchange(bench, stream, cuts);
      assert.deepEqual(cut, whole, JSON.stringify([stream.slice(0, 200), cuts.slice(0, 50)]));
    }
  }
});

test('the streams mean what they should', () => {
  const bench = new PipeBench();
  const logs = streams.map((stream) => exchange(bench, stream).log.map((line) => JSON.parse(line)));
  assert.deepEqual(
    logs.map((log) => log.map(([method, target, , bodyBytes]: unknown[]) => [method, target, bodyBytes])),
    [
      [['GET', '/', 0]],
      [
        ['GET', '/', 0],
        ['GET', '/2', 0],
      ],
      [
        ['POST', '/p', 11],
        ['GET', '/q', 0],
      ],
      [
        ['POST', '/p', -1],
        ['DELETE', '/q', 0],
      ],
      [['PUT', '/p', 5]],
      [
        ['GET', '/?q', 0],
        ['GET', '/p', 0],
      ],
      [['GET', '/', 0]],
      [['GET', '/', 0]],
      [
        ['GET', '/', 0],
        ['GET', '/2', 0],
      ],
      [
        ['HEAD', '/', 0],
        ['GET', '/', 0],
      ],
      [['POST', '/', -1]],
    ],
  );
  assert.equal(logs[3]![0][4], 'hello world');
  assert.equal(logs[5]![0][2], 'host: example.org:8080\na: b\n');
  assert.equal(logs[5]![1][2], 'host: e\na: b\n');
  // Values are UTF-8 of byte strings.
  assert.match(logs[4]![0][2], /x-l: \xc3\xa4\xc3\xb6\n/);
  assert.equal(logs[10]![0][4].length, 9 * 0x2ff);
});

test('HTTP/1.0: closes unless asked to keep the connection', () => {
  const bench = new PipeBench();
  const closing = exchange(bench, streams[7]!);
  assert.match(closing.output, /Connection: close\r\n/);
  const keeping = exchange(bench, streams[8]!);
  assert.deepEqual(statuses(keeping.output), [200, 200]);
  assert.match(keeping.output, /Connection: keep-alive\r\n[\s\S]*Connection: close\r\n/);
});

test('an incomplete request followed by FIN gets 400; nothing followed by FIN gets nothing', () => {
  const bench = new PipeBench();
  assert.deepEqual(statuses(exchange(bench, 'GET / HTTP/1.1\r\nHos', [], true).output), [400]);
  const body = exchange(bench, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab', [], true);
  assert.deepEqual(statuses(body.output), [400]);
  assert.deepEqual(body.log, ['closed -104']);
  const nothing = exchange(bench, '', [], true);
  assert.equal(nothing.output, '');
  assert.ok(nothing.ended.released);
  // A complete request before FIN is answered: the peer may have closed its half only.
  const complete = exchange(bench, streams[0]!, [], true);
  assert.deepEqual(statuses(complete.output), [200]);
  assert.ok(complete.ended.released);
});
