import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { boot, type Machine } from '@noos/runtime/testing';
import { bundle } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'noos-server-'));
after(() => rmSync(directory, { recursive: true }));

/** Bundles, boots and starts an application. */
async function started(source: string): Promise<Machine> {
  const file = join(directory, 'app.ts');
  writeFileSync(file, source);
  const machine = await boot((await bundle(file)).code);
  machine.evaluate('__test.start()');
  return machine;
}

/** What the exchange has sent, chunks as text. */
function sent(machine: Machine, exchange: number): Record<string, unknown> {
  return machine.evaluate(`(() => { const { chunks, ...rest } = __test.responses.get(${exchange}) ?? {};
    return { ...rest, ...(chunks && { text: String.fromCharCode(...chunks) }) }; })()`) as Record<
    string,
    unknown
  >;
}

const logged = (machine: Machine) =>
  machine.evaluate('__test.console.map(([, text]) => text).join("")') as string;

test('a request body is read as it arrives', async () => {
  const machine = await started(`export default { async fetch(request: Request) {
    return new Response((await request.text()).toUpperCase());
  } }`);
  machine.evaluate(`__test.request(1, 'POST', '/', undefined, ['one '])`);
  machine.evaluate(`__test.bodies.set(1, [])`);
  machine.evaluate(`__test.request(2, 'POST', '/', undefined, ['a', 'b'])`);
  assert.equal(sent(machine, 2).body, 'AB');
  machine.close();
});

test('a body above the limit of what is read as a whole rejects with EMSGSIZE, and nothing is logged', async () => {
  const machine = await started(`export default { async fetch(request: Request) {
    try {
      await request.text();
    } catch (error) {
      globalThis.code = error.code;
      throw error;
    }
    return new Response('not reached');
  } }`);
  machine.evaluate('(__test.oversized = 1, 0)');
  machine.evaluate(`__test.request(1, 'POST', '/', undefined, ['one'])`);
  assert.equal(machine.evaluate('globalThis.code'), 'EMSGSIZE');
  assert.deepEqual([sent(machine, 1), logged(machine)], [{}, '']);
  machine.close();
});

test('a response for which there is no memory leaves piece by piece', async () => {
  const machine = await started(`export default { fetch(request: Request) {
    return new Response(request.url.endsWith('text') ? 'täxt' : new Uint8Array([97, 98, 99]));
  } }`);
  machine.evaluate('(__test.full = true, 0)');
  machine.evaluate(`__test.request(1, 'GET', '/text')`);
  machine.evaluate(`__test.request(2, 'GET', '/bytes')`);
  machine.evaluate(`__test.request(3, 'HEAD', '/bytes')`);
  const answers = [1, 2, 3].map((exchange) => sent(machine, exchange));
  assert.deepEqual(
    answers.map(({ contentLength, text, ended }) => [contentLength, text, ended]),
    [
      [5, 't\xc3\xa4xt', true],
      [3, 'abc', true],
      [3, '', true],
    ],
  );
  machine.close();
});

test('a request body that comes late wakes its reader', async () => {
  const machine = await started(`export default { async fetch(request: Request) {
    return Response.json(await request.json());
  } }`);
  machine.evaluate(
    `(__test.bodies.set(1, ['{"a"', undefined]), __test.event(10, 1, 'POST', '/', 'host: a\\n', 8, 0, 0))`,
  );
  assert.deepEqual(sent(machine, 1), {});
  machine.evaluate(`(__test.bodies.set(1, [': 1}', null]), __test.event(11, 1))`);
  assert.equal(sent(machine, 1).body, '{"a":1}');
  machine.close();
});

test('a streamed response waits for the peer and ends', async () => {
  const machine = await started(`
let pulls = 0;
export default { fetch(request: Request) {
  if (request.url.endsWith('/pulls')) return new Response(String(pulls));
  return new Response(new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode('chunk ' + ++pulls + ';'));
      if (pulls === 5) controller.close();
    },
  }), { headers: { 'x-a': 'b' } });
} }`);
  machine.evaluate('(__test.room = 12, 0)');
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  assert.deepEqual(sent(machine, 1), {
    status: 200,
    headers: 'x-a: b\r\n',
    contentLength: -1,
    ended: false,
    text: 'chunk 1;chun',
  });
  machine.evaluate(`__test.request(2, 'GET', '/pulls')`);
  assert.ok(Number(sent(machine, 2).body) <= 4, 'the source is not read further than the buffer');
  machine.evaluate('(__test.room = Infinity, __test.event(12, 1))');
  assert.deepEqual(sent(machine, 1).text, 'chunk 1;chunk 2;chunk 3;chunk 4;chunk 5;');
  assert.equal(sent(machine, 1).ended, true);
  machine.close();
});

test('a stream whose client goes away is cancelled; one that fails resets the connection', async () => {
  const machine = await started(`export default { fetch(request: Request) {
    if (request.url.endsWith('/fail')) return new Response(new ReadableStream({ pull() { throw new Error('no more'); } }));
    return new Response(new ReadableStream({ cancel(reason) { console.log('cancelled', reason.code); } }));
  } }`);
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  machine.evaluate(`__test.event(13, 1, -104)`);
  assert.equal(logged(machine), 'cancelled ECONNRESET\n');
  machine.evaluate(`__test.request(2, 'GET', '/fail')`);
  assert.deepEqual(machine.evaluate('__test.resets'), [2]);
  assert.match(logged(machine), /Uncaught in the body of a response: Error: no more/);
  machine.close();
});

test('a request body can be passed on as the response', async () => {
  const machine = await started(
    `export default { fetch(request: Request) { return new Response(request.body); } }`,
  );
  machine.evaluate(`__test.request(1, 'POST', '/', undefined, ['ab', 'cd'])`);
  assert.deepEqual(sent(machine, 1), {
    status: 200,
    headers: '',
    contentLength: -1,
    ended: true,
    text: 'abcd',
  });
  machine.close();
});

test('HEAD does not read the stream; content-length of the application is kept', async () => {
  const machine = await started(`export default { fetch() {
    return new Response(new ReadableStream({ pull() { console.log('pulled'); } }, { highWaterMark: 0 }), { headers: { 'Content-Length': '12', Connection: 'close' } });
  } }`);
  machine.evaluate(`__test.request(1, 'HEAD', '/')`);
  assert.deepEqual(sent(machine, 1), { status: 200, headers: '', contentLength: 12, ended: true, text: '' });
  assert.equal(logged(machine), '');
  machine.close();
});

test('a handler whose client went away does not answer; its signal aborts', async () => {
  const machine = await started(`export default { async fetch(request: Request) {
    request.signal.addEventListener('abort', () => console.log('aborted', (request.signal.reason as { code: string }).code));
    await new Promise((done) => setTimeout(done, 5));
    return new Response('late');
  } }`);
  machine.evaluate(`__test.request(1, 'GET', '/')`);
  machine.evaluate(`__test.event(13, 1, -104)`);
  machine.evaluate(`__test.advance(5)`);
  assert.deepEqual(sent(machine, 1), {});
  assert.equal(logged(machine), 'aborted ECONNRESET\n');
  machine.close();
});

test('what a handler may not return is a 500 with a message', async () => {
  const machine = await started(`export default { fetch(request: Request): any {
    if (request.url.endsWith('/text')) return 'text';
    if (request.url.endsWith('/none')) return Promise.resolve(undefined);
    const response = new Response('x');
    return response.text().then(() => response);
  } }`);
  for (const [exchange, path] of [
    [1, '/text'],
    [2, '/none'],
    [3, '/used'],
  ] as const)
    machine.evaluate(`__test.request(${exchange}, 'GET', '${path}')`);
  for (const exchange of [1, 2, 3]) assert.equal(sent(machine, exchange).status, 500);
  assert.match(
    logged(machine),
    /returned string instead of a Response[\s\S]*returned undefined instead[\s\S]*body had been read/,
  );
  machine.close();
});

test('the URL of a request is in normal form', async () => {
  const machine = await started(
    `export default { fetch(request: Request) { return new Response(request.url); } }`,
  );
  const origins = ['localhost:8080', 'Example.COM', 'a:80'];
  const targets = [
    '/',
    '/a?b=c',
    '/a/../b',
    '/./x',
    '/%2e%2E/y',
    '/a b"<>`{}',
    "/?q='<>#",
    '/é',
    '*',
    '//x',
    '/a/..',
    '/a\\\\b',
    '/?^`{}|',
  ];
  let exchange = 0;
  for (const origin of origins)
    for (const target of targets) {
      machine.evaluate(
        `__test.request(${++exchange}, 'GET', ${JSON.stringify(target.replaceAll('\\\\', '\\'))}, 'host: ${origin}\\n')`,
      );
      const path = target === '*' ? '/' : target.replaceAll('\\\\', '\\');
      // Bytes above 0x7f are taken as they are, one character each.
      const bytes = [...path]
        .map((character) =>
          character > '\x7f' ? `%${character.charCodeAt(0).toString(16).toUpperCase()}` : character,
        )
        .join('');
      const expected = new URL(`http://${origin}${bytes}`);
      expected.hash = '';
      assert.equal(sent(machine, exchange).body, expected.href, target);
    }
  machine.evaluate(`__test.request(99, 'GET', 'http://proxy.example/x', 'host: a\\n')`);
  assert.equal(sent(machine, 99).body, 'http://proxy.example/x');
  machine.close();
});

test('incoming headers are read-only, joined and lazily parsed', async () => {
  const machine = await started(`export default { fetch({ headers }: Request) {
    let error = '';
    try { headers.set('a', 'b'); } catch (thrown) { error = (thrown as Error).name; }
    return Response.json([headers.get('Accept'), headers.has('x'), headers.get('x'), [...headers], error, new Headers(headers).get('cookie')]);
  } }`);
  machine.evaluate(`__test.request(1, 'GET', '/', 'host: h\\naccept: a\\ncookie: c=1\\naccept: b\\n')`);
  assert.deepEqual(JSON.parse(sent(machine, 1).body as string), [
    'a, b',
    false,
    null,
    [
      ['accept', 'a, b'],
      ['cookie', 'c=1'],
      ['host', 'h'],
    ],
    'TypeError',
    'c=1',
  ]);
  machine.close();
});

test('an exchange that is over is forgotten', async () => {
  const machine = await started(`export default { async fetch(request: Request) {
    request.signal.addEventListener('abort', () => console.log('aborted'));
    if (request.url.endsWith('/slow')) await new Promise((done) => setTimeout(done, 5));
    return new Response(await request.text());
  } }`);
  for (const [exchange, path] of [
    [1, '/'],
    [2, '/slow'],
  ] as const)
    machine.evaluate(`__test.request(${exchange}, 'POST', '${path}', undefined, ['a'])`);
  machine.evaluate('__test.event(13, 1, -104)');
  assert.equal(logged(machine), '', 'answered: nobody is told');
  machine.evaluate('__test.event(13, 2, -104)');
  assert.equal(logged(machine), 'aborted\n', 'not yet answered');
  machine.close();
});
