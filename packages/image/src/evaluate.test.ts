import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildImage } from './build-image.js';
import { ImageError } from './errors.js';
import { evaluateBundle } from './evaluate.js';
import { prelude } from './testing/test-platform.js';

/** What the top level `code` writes. */
const consoleOf = async (code: string): Promise<string> => (await evaluateBundle(prelude + code)).console;

const fails = async (code: string, expected: RegExp): Promise<void> => {
  await assert.rejects(
    evaluateBundle(prelude + code),
    (error) => error instanceof ImageError && error.code === 'evaluation' && expected.test(error.console),
  );
};

test('I/O, timers and randomness at the top level are a BuildTimeError', async () => {
  const calls = [
    'Math.random()',
    'host.entropy(1)',
    'host.parameters()',
    'host.exit(0)',
    'host.httpListen(80, 0)',
    'host.httpRequest(1, 80, "GET", "/", "", 0)',
    'host.tcpListen(80, 0, 1)',
    'host.tcpConnect(1, 80)',
    'host.udpBind(53, 0)',
    'host.dnsResolve("a")',
  ];
  const code = `for (const call of [${calls.map((call) => `() => ${call}`).join(',')}])
    try { call(); log('no error'); } catch (error) { log(error.name); }`;
  assert.equal(await consoleOf(code), 'BuildTimeError\n'.repeat(calls.length));
});

test('the clock stands still at a fixed instant', async () => {
  const code =
    'const a = Date.now(); for (let i = 0; i < 1e5; i++); log(Date.now() - a, new Date().toISOString());';
  assert.equal(await consoleOf(code), '0 2026-01-01T00:00:00.000Z\n');
  assert.equal(await consoleOf('log(new Date(0).getHours(), host.monotonicMs())'), '0 0\n');
});

test('a top level that throws, waits for ever, does not parse or imports is refused with its stack', async () => {
  await fails(
    'function inner() { throw new TypeError("bad") }\ninner();',
    /TypeError: bad\n\s+at inner \(app\.js:5:/,
  );
  await fails('await new Promise(() => {});', /awaits something that cannot happen/);
  await fails('const = 1;', /SyntaxError/);
  await fails('import "node:fs";', /node:fs/);
  await fails('await import("./other.js");', /other\.js/);
});

test('jobs of the top level are run and awaited', async () => {
  const code = `Promise.resolve().then(() => log('job'));
    log(await (async () => { await null; return 'awaited'; })());`;
  assert.equal(await consoleOf(code), 'job\nawaited\n');
});

test('recursion that is too deep is a RangeError', async () => {
  const attempt = (code: string): string => `try { ${code} } catch (error) { log(error.name); }`;
  const code = [
    'function f() { return f() + 1 } f()',
    "eval('('.repeat(1e5))",
    "JSON.parse('['.repeat(1e5))",
    "new RegExp('('.repeat(1e5))",
    'let a = []; for (let i = 0; i < 1e4; i++) a = [a]; a.toString()',
    'class C { get x() { return this.x } } new C().x',
  ].map(attempt);
  const lines = (await consoleOf(code.join('\n'))).trim().split('\n');
  assert.equal(lines.length, code.length);
  for (const line of lines) assert.match(line, /^(RangeError|SyntaxError|InternalError)$/);
});

test('the same bundle gives a bit-identical image', async () => {
  const code = `${prelude} const map = new Map([['a', {b: [1.5, 'ä']}]]); log(map.size);`;
  const options = { name: 'same', noos: '0', parameters: new Map([['env.A', '1\n2']]) };
  const [first, second] = [await buildImage(code, options), await buildImage(code, options)];
  assert.deepEqual(first.bytes, second.bytes);
  assert.equal(first.image.parameters, 'memory.engine=67108864\nenv.A=1%0A2\n');
});
