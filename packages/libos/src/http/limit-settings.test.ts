/** Every limit can be set, within its range, by the name that people use. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { limits } from '../limits.js';
import { PipeBench } from './pipe-bench.js';

const httpLimits = Object.fromEntries(
  [...limits].flatMap(([name, limit]) => (name.startsWith('http.') ? [[name.slice(5), limit]] : [])),
);
const set = 0;
const unknown = 1;
const outOfRange = 2;

test('the module takes every name of the table, from the least to the most', () => {
  for (const [name, { least, most }] of Object.entries(httpLimits)) {
    const bench = new PipeBench();
    assert.equal(bench.setLimit(name, least), set, `${name}=${least}`);
    assert.equal(bench.setLimit(name, most), set, `${name}=${most}`);
    assert.equal(bench.setLimit(name, BigInt(most) + 1n), outOfRange, `${name} above`);
    if (least > 0) assert.equal(bench.setLimit(name, BigInt(least) - 1n), outOfRange, `${name} below`);
  }
});

test('other names are unknown', () => {
  const bench = new PipeBench();
  for (const name of ['', 'bodyByte', 'bodyBytess', 'BodyBytes', 'port'])
    assert.equal(bench.setLimit(name, 1), unknown);
});

test('the table has every limit of the module, and docs/http.md every limit of the table', () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const fields = [...read('assembly/http/limits.ts').matchAll(/^ {2}(\w+): u(?:32|64) =/gm)].map(([, name]) =>
    name!.replace(/Ns$/, 'Ms'),
  );
  assert.deepEqual(fields, Object.keys(httpLimits));
  const documented = read('../../docs/http.md');
  for (const name of fields) assert.ok(documented.includes(`| \`${name}\` |`), name);
});

test('a limit that was set is the one that counts', () => {
  const bench = new PipeBench({ targetBytes: 20, fieldCount: 3, headTimeoutMs: 500 });
  const statusOf = (bytes: string): string => {
    const handle = bench.open();
    bench.deliver(handle, bytes);
    bench.run(({ exchange }) => bench.respond(exchange, 200, ''));
    bench.elapse(0.6);
    bench.run();
    const text = bench.takeAll(handle);
    bench.forget(handle);
    return text.slice(9, 12);
  };
  assert.equal(statusOf('GET /2345678901234567890 HTTP/1.1\r\nHost: a\r\n\r\n'), '200');
  assert.equal(statusOf('GET /23456789012345678901 HTTP/1.1\r\nHost: a\r\n\r\n'), '414');
  assert.equal(statusOf('GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\n\r\n'), '200');
  assert.equal(statusOf('GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\nF: g\r\n\r\n'), '431');
  assert.equal(statusOf('GET / HT'), '408');
});
