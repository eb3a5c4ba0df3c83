import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { boot } from '@noos/runtime/testing';
import { BundleError, bundle } from './index.js';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'noos-bundle-'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
});
after(() => rmSync(directory, { recursive: true }));

/** Bundles one source file. */
function bundleSource(source: string, options = {}) {
  const file = join(directory, 'app.ts');
  writeFileSync(file, source);
  return bundle(file, options);
}

const hello = `export default { fetch(): Response { return new Response('hello') } }`;

test('a bundled service answers a request', async () => {
  const { code } = await bundleSource(hello);
  const machine = await boot(code);
  machine.evaluate('__test.start()');
  assert.deepEqual(machine.evaluate('__test.listeners'), [8080]);
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  assert.deepEqual(machine.evaluate('__test.responses.get(1)'), {
    status: 200,
    headers: 'content-type: text/plain;charset=UTF-8\r\n',
    body: 'hello',
  });
  machine.close();
});

test('an asynchronous handler answers, a throwing one gives 500 with the TypeScript stack', async () => {
  const { code } = await bundleSource(`
interface Thing { name: string }
export default {
  async fetch(request: Request): Promise<Response> {
    if (request.url.endsWith('/fail')) inner({ name: 'x' });
    await null;
    return Response.json({ method: request.method, url: request.url }, { status: 201 });
  },
};
function inner(thing: Thing): never {
  throw new RangeError('no ' + thing.name);
}
`);
  const machine = await boot(code);
  machine.evaluate('__test.start()');
  machine.evaluate(`__test.request(1, 'PUT', '/a?b')`);
  machine.evaluate(`__test.request(2, 'GET', '/fail')`);
  assert.deepEqual(machine.evaluate('__test.responses.get(1)'), {
    status: 201,
    headers: 'content-type: application/json\r\n',
    body: '{"method":"PUT","url":"http://localhost:8080/a?b"}',
  });
  assert.equal(machine.evaluate('__test.responses.get(2).status'), 500);
  const text = machine.evaluate('__test.console.map(([, text]) => text).join("")') as string;
  assert.match(
    text,
    /^Uncaught in the fetch handler: RangeError: no x\n {4}at inner \(app\.ts:11:\d+\)\n {4}at .*\(app\.ts:5:\d+\)/,
  );
  machine.close();
});

test('an unhandled rejection is reported with its stack, a handled one is not', async () => {
  const { code } = await bundleSource(`
export default {
  fetch(): Response {
    void Promise.reject(new Error('lost'));
    Promise.reject(new Error('kept')).catch(() => {});
    return new Response('x');
  },
};`);
  const machine = await boot(code);
  machine.evaluate('__test.start()');
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  const lines = machine.evaluate('__test.console.map(([, text]) => text)') as string[];
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /unhandled rejection\): Error: lost\n {4}at fetch \(app\.ts:4:\d+\)/);
  machine.close();
});

test('timers fire in order of time, then creation; cleared ones do not', async () => {
  const { code } = await bundleSource(`
export default {
  start() {
    const log = (text: string) => console.log(text);
    setTimeout(log, 20, 'c');
    setTimeout(log, 10, 'a');
    setTimeout(log, 10, 'b');
    clearTimeout(setTimeout(log, 5, 'never'));
    let n = 0;
    const interval = setInterval(() => { log('i' + ++n); if (n === 2) clearInterval(interval); }, 8);
    setImmediate(log, 'now');
  },
};`);
  const machine = await boot(code);
  machine.evaluate('__test.start()');
  for (let ms = 0; ms < 40; ms++) machine.evaluate('__test.advance(1)');
  assert.deepEqual(machine.evaluate('__test.console.map(([, text]) => text.trim())'), [
    'now',
    'i1',
    'a',
    'b',
    'i2',
    'c',
  ]);
  assert.equal(machine.evaluate('String(__test.deadline)'), 'Infinity');
  machine.close();
});

test('timers and randomness at the top level are build errors that say what to do', async () => {
  for (const [statement, api] of [
    ['setTimeout(() => {}, 1)', 'setTimeout()'],
    ['Math.random()', 'Math.random()'],
  ] as const) {
    const { code } = await bundleSource(`${statement};\n${hello}`);
    await assert.rejects(
      boot(code),
      new RegExp(`BuildTimeError: ${api.replaceAll(/[().]/g, '\\$&')} was called.*--no-snapshot`),
    );
  }
});

test('env values are typed, frozen and overridable at start', async () => {
  const source = `
import { env as same } from 'noos:env';
export default { fetch(_request: Request, env: Record<string, unknown>) {
  return Response.json([env === same, Object.isFrozen(env), env]);
} }`;
  const { code } = await bundleSource(source, { env: { NAME: 'a', LIMIT: 5, ON: false } });
  const machine = await boot(code);
  machine.evaluate(`__test.start('env.NAME=b%0Ac%25\\nenv.LIMIT=7\\nenv.ON=true\\nenv.NEW=n\\n')`);
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  assert.deepEqual(JSON.parse(machine.evaluate('__test.responses.get(1).body') as string), [
    true,
    true,
    { NAME: 'b\nc%', LIMIT: 7, ON: true, NEW: 'n' },
  ]);
  machine.close();
  const other = await boot(code);
  other.evaluate(`__test.start('env.LIMIT=many\\n')`);
  assert.equal(other.evaluate('__test.exitCode'), 1);
  assert.match(other.evaluate('__test.console[0][1]') as string, /env\.LIMIT=many: must be a number/);
  other.close();
});

test('an env value read by the top level cannot be overridden', async () => {
  const { code } = await bundleSource(
    `import { env } from 'noos:env'; const name = (env as { NAME: string }).NAME;
export default { fetch() { return new Response(name) } }`,
    { env: { NAME: 'a' } },
  );
  const machine = await boot(code);
  machine.evaluate(`__test.start('env.NAME=b\\n')`);
  assert.equal(machine.evaluate('__test.exitCode'), 1);
  assert.match(machine.evaluate('__test.console[0][1]') as string, /env\.NAME was read by the top level/);
  machine.close();
});

test('stop closes the listener, waits for answers and hooks, then exits', async () => {
  const { code } = await bundleSource(`
import { onStop } from 'noos:process';
onStop(async () => { await null; console.log('hook'); });
export default { async fetch() { await new Promise((done) => setTimeout(done, 10)); return new Response('late') } }`);
  const machine = await boot(code);
  machine.evaluate('__test.start()');
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  machine.evaluate('__test.event(3)');
  assert.deepEqual(machine.evaluate('[__test.listeners, __test.exitCode ?? null]'), [[], null]);
  machine.evaluate('__test.advance(10)');
  assert.equal(machine.evaluate('__test.responses.get(1).body'), 'late');
  assert.equal(machine.evaluate('__test.exitCode'), 0);
  assert.equal(machine.evaluate('__test.console[0][1]'), 'hook\n');
  machine.close();
});

test('a stop does not wait for ever', async () => {
  const { code } = await bundleSource(
    `export default { fetch(): Promise<Response> { return new Promise(() => {}); } }`,
  );
  const machine = await boot(code);
  machine.evaluate('__test.start()');
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  machine.evaluate('__test.event(3)');
  machine.evaluate('__test.advance(8999)');
  assert.equal(machine.evaluate('__test.exitCode ?? null'), null);
  machine.evaluate('__test.advance(1)');
  assert.equal(machine.evaluate('__test.exitCode'), 1);
  machine.close();
});

test('what cannot be bundled is one line with a code', async () => {
  const cases: [string, string, RegExp][] = [
    ['const x: = 1;', 'compile', /^app\.ts:1:10: Unexpected "="$/],
    ['export const x = 1', 'no-fetch-handler', /has no default export/],
    [
      `import fs from 'node:fs'; ${hello}; console.log(fs)`,
      'node-builtin',
      /app\.ts:1:16: "node:fs" is a module of Node.*no file system/,
    ],
    [`import net from 'net'; ${hello}; console.log(net)`, 'node-builtin', /noos:net/],
    [
      `import x from 'noos:nothing'; ${hello}; console.log(x)`,
      'compile',
      /there is no module noos:nothing; there are noos:/,
    ],
    [`import x from './missing.js'; ${hello}; console.log(x)`, 'compile', /Could not resolve/],
  ];
  for (const [source, code, message] of cases)
    await assert.rejects(bundleSource(source), (error: unknown) => {
      assert.ok(error instanceof BundleError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.ok(!error.message.includes('\n'));
      return true;
    });
  await assert.rejects(bundle(join(directory, 'none.ts')), /there is no such file/);
});

test('a default export without handlers is refused when the top level is evaluated', async () => {
  const { code } = await bundleSource('export default {}');
  await assert.rejects(boot(code), /ApplicationError: the application has no fetch handler/);
});

test('the same source gives the same bytes, and unused parts are left out', async () => {
  const first = await bundleSource(hello);
  const second = await bundleSource(hello);
  assert.equal(first.code, second.code);
  assert.equal(first.map, second.map);
  const names = first.parts.map(({ name }) => name);
  assert.ok(names.includes('app') && names.includes('runtime/http'));
  for (const part of ['runtime/events', 'runtime/url', 'runtime/streams', 'runtime/noos:net'])
    assert.ok(!names.includes(part), part);
});
