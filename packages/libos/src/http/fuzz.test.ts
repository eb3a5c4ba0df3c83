/**
 * Fuzzing of HTTP in wasm: requests and responses that are mutated, spliced and cut at random.
 *
 * No input may trap, loop, or leave anything held; what comes back must be whole responses of statuses from the
 * documented set. NOOS_HTTP_FUZZ_INPUTS sets the number of inputs (200,000), NOOS_HTTP_FUZZ_SEED the seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom, type Random } from '../random.js';
import { malformedRequests } from './malformed-requests.js';
import { type HttpEvent, httpReadable, httpRequest, httpResponse, PipeBench } from './pipe-bench.js';
import { unusualRequests } from './unusual-requests.js';

const inputs = Number(process.env.NOOS_HTTP_FUZZ_INPUTS ?? 200_000);
const seed = Number(process.env.NOOS_HTTP_FUZZ_SEED ?? 1);
/** Of responses that libos writes itself, and 200 of the application. */
const documentedStatuses = new Set([200, 400, 408, 413, 414, 417, 431, 501, 503, 505]);

const requestSeeds = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /p?q=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: u\r\n\r\n',
  'GET http://b:81/p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n',
  'HEAD /h HTTP/1.1\r\nHost: a\r\nX-Y: \xe4\t z\r\n\r\n',
  ...[...malformedRequests, ...unusualRequests]
    .map((request) => request.bytes)
    .filter((bytes) => bytes.length < 300),
].map((text) => Buffer.from(text, 'latin1'));
const responseSeeds = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0;x\r\nT: u\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\nuntil the end',
].map((text) => Buffer.from(text, 'latin1'));
const tokens = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  '\0',
  ':',
  ',',
  ';',
  '0',
  'f',
  '\r\n\r\n',
  '\xff',
  'chunked',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: a\r\n',
  'HTTP/1.1',
  '100-continue',
  'close',
  '18446744073709551616',
].map((text) => Buffer.from(text, 'latin1'));

const pick = <T>(random: Random, list: T[]): T => list[random.below(list.length)]!;

/** A seed with some bytes flipped, removed, doubled or replaced, perhaps another behind it. */
function mutate(random: Random, seeds: Buffer[]): Buffer {
  let bytes = Buffer.from(pick(random, seeds));
  if (random.below(3) === 0) bytes = Buffer.concat([bytes, pick(random, seeds)]);
  for (let step = random.below(5); step > 0; step--) {
    const at = random.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + random.below(12));
    const kind = random.below(5);
    if (kind === 0 && at < bytes.length) bytes[at] = random.below(256);
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    else if (kind === 3)
      bytes = Buffer.concat([bytes.subarray(0, at), pick(random, tokens), bytes.subarray(end)]);
    else {
      const other = pick(random, seeds);
      bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length))]);
    }
  }
  return bytes;
}

/** Delivers `bytes` in up to four pieces. */
function deliver(bench: PipeBench, random: Random, pipe: number, bytes: Buffer, run: () => void): void {
  let at = 0;
  for (let piece = random.below(4); piece > 0 && at < bytes.length; piece--) {
    const length = random.below(bytes.length - at + 1);
    if (length > 0) bench.deliver(pipe, bytes.subarray(at, at + length));
    at += length;
    run();
  }
  if (at < bytes.length) bench.deliver(pipe, bytes.subarray(at));
  run();
}

/** Takes responses of a server apart strictly; returns their statuses. */
function statusesOf(output: string, headRequests: boolean): number[] {
  const statuses: number[] = [];
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf('\r\n\r\n', at);
    assert.ok(end >= 0, 'a response head without end');
    const head = output.slice(at, end + 2);
    const status = /^HTTP\/1\.1 ([0-9]{3}) [A-Za-z ]+\r\n((?:[A-Za-z-]+: [^\r\n]*\r\n)*)$/.exec(head);
    assert.ok(status !== null, head);
    at = end + 4;
    if (status[1] === '100') continue;
    statuses.push(Number(status[1]));
    const length = Number(/^Content-Length: ([0-9]+)\r$/m.exec(head)![1]);
    // The answer to HEAD has none of it.
    if (!(headRequests && output.startsWith('HTTP/1.1', at)) && at + length <= output.length) at += length;
  }
  return statuses;
}

test(`${inputs} mutated streams of requests`, () => {
  const random = createRandom(seed);
  const bench = new PipeBench();
  let steadyBytes = 0;
  const counts = new Map<number, number>();
  for (let input = 0; input < inputs; input++) {
    const bytes = mutate(random, requestSeeds);
    const pipe = bench.open();
    let events = 0;
    let live = 0;
    const application = (event: HttpEvent) => {
      if (++events > 1000) throw new Error('no end of events');
      live = event.exchange;
      if (event.kind !== httpRequest && event.kind !== httpReadable) return;
      // Some answer at once, some read first.
      if ((event.exchange & 0x4000) !== 0)
        for (let piece = bench.read(event.exchange, 7); piece !== null; piece = bench.read(event.exchange, 7))
          if (piece === undefined || typeof piece === 'number') return;
      bench.respond(event.exchange, 200, '', 'fine');
    };
    let output = '';
    try {
      deliver(bench, random, pipe, bytes, () => {
        bench.run(application);
      });
      if (random.below(2) === 0) bench.finish(pipe);
      output = bench.takeAll(pipe, application);
      if (input % 16 === 0) {
        bench.call('httpAbort', live);
        bench.elapse(random.below(100));
        bench.run(application);
      }
      for (const status of statusesOf(output, bytes.includes('HEAD'))) {
        assert.ok(documentedStatuses.has(status), `status ${status}`);
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
      bench.assertNothingHeld(pipe);
    } catch (error) {
      throw new Error(
        `input ${input} of seed ${seed}: ${JSON.stringify(bytes.toString('latin1'))}\n${output}`,
        {
          cause: error,
        },
      );
    }
    if (input === Math.min(1000, inputs >> 1)) steadyBytes = bench.memoryBytes;
  }
  assert.equal(bench.memoryBytes, steadyBytes, 'memory has grown');
  // The mutations reach deep: both good requests and the main errors occur often.
  for (const status of [200, 400, 501, 505])
    assert.ok((counts.get(status) ?? 0) > inputs / 1000, `${status}`);
});

test(`${inputs >> 1} mutated responses`, () => {
  const random = createRandom(seed + 1);
  const bench = new PipeBench();
  let steadyBytes = 0;
  let complete = 0;
  for (let input = 0; input < inputs >> 1; input++) {
    const bytes = mutate(random, responseSeeds);
    const request = bench.request(input % 5 === 0 ? 'HEAD' : 'GET', '/');
    assert.ok(request > 0);
    const pipe = bench.lastConnect;
    bench.connected(pipe);
    let events = 0;
    let over = false;
    const application = (event: HttpEvent) => {
      if (++events > 1000) throw new Error('no end of events');
      if (event.kind !== httpResponse && event.kind !== httpReadable) {
        over = true;
        return;
      }
      if (event.kind === httpResponse && event.bodyBytes === 0) {
        over = true;
        complete++;
        return;
      }
      for (let piece = bench.read(request, 7); piece !== null; piece = bench.read(request, 7))
        if (piece === undefined || typeof piece === 'number') return;
      over = true;
      complete++;
    };
    try {
      deliver(bench, random, pipe, bytes, () => {
        bench.run(application);
      });
      bench.finish(pipe);
      bench.run(application);
      assert.ok(over, 'neither a response nor an error after FIN');
      bench.assertNothingHeld(pipe);
    } catch (error) {
      throw new Error(`input ${input} of seed ${seed}: ${JSON.stringify(bytes.toString('latin1'))}`, {
        cause: error,
      });
    }
    if (input === Math.min(1000, inputs >> 2)) steadyBytes = bench.memoryBytes;
  }
  assert.equal(bench.memoryBytes, steadyBytes, 'memory has grown');
  assert.ok(complete > inputs / 20);
});
