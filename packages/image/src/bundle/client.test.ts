import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { boot, type Machine } from '@noos/runtime/testing';
import { bundle } from './index.js';

const directory = mkdtempSync(join(tmpdir(), 'noos-client-'));
after(() => rmSync(directory, { recursive: true }));

/** Boots an application whose `start` logs one line of JSON. */
async function running(body: string, imports = ''): Promise<Machine> {
  const file = join(directory, 'app.ts');
  writeFileSync(
    file,
    `${imports}
const log = (value: unknown) => console.log(JSON.stringify(value));
const failure = (error: any) => log([error.name, error.code ?? null, error.message, error.cause?.code ?? null]);
export default { start() { void (async () => { ${body} })().catch(failure); } };`,
  );
  const machine = await boot((await bundle(file)).code);
  machine.evaluate('__test.start()');
  return machine;
}

const lines = (machine: Machine) =>
  (machine.evaluate('__test.console.map(([, text]) => text)') as string[]).map((line) => JSON.parse(line));
const last = (machine: Machine, list: string) =>
  machine.evaluate(`__test.${list}.at(-1)`) as Record<string, never>;

test('fetch resolves the name, sends the request and reads the response', async () => {
  const machine = await running(`
    const response = await fetch('http://api.example:81/items?x=1', { method: 'POST', headers: { 'X-A': 'b' }, body: 'hello' });
    log([response.status, response.ok, response.url, response.headers.get('x-b'), await response.json()]);`);
  const { id, name } = last(machine, 'queries');
  assert.equal(name, 'api.example');
  machine.evaluate(`__test.event(30, ${id}, 0, '3221225985,1', 60)`);
  const request = last(machine, 'requests');
  assert.deepEqual(
    { ...request, id: 0 },
    {
      id: 0,
      address: 0xc0000201,
      port: 81,
      method: 'POST',
      target: '/items?x=1',
      headers:
        'host: api.example:81\r\nx-a: b\r\ncontent-type: text/plain;charset=UTF-8\r\naccept: */*\r\nuser-agent: noos\r\n',
      bodyBytes: 5,
      chunks: [104, 101, 108, 108, 111],
      ended: true,
    },
  );
  machine.evaluate(
    `(__test.bodies.set(${request.id}, ['[1,', undefined]), __test.event(14, ${request.id}, 201, 'x-b: c\\n', -1, true))`,
  );
  machine.evaluate(`(__test.bodies.set(${request.id}, ['2]', null]), __test.event(11, ${request.id}))`);
  assert.deepEqual(lines(machine), [[201, true, 'http://api.example:81/items?x=1', 'c', [1, 2]]]);
  machine.close();
});

test('fetch follows redirects and drops what must not be sent on', async () => {
  const machine = await running(`
    const response = await fetch('http://10.0.0.1/a', { method: 'POST', body: 'x', headers: { authorization: 'secret' } });
    log([response.status, response.redirected, response.url, await response.text()]);`);
  const first = last(machine, 'requests');
  machine.evaluate(`__test.event(14, ${first.id}, 302, 'location: http://10.0.0.2/b\\n', 0, true)`);
  const second = last(machine, 'requests');
  assert.equal(second.method, 'GET');
  assert.equal(second.headers, 'host: 10.0.0.2\r\naccept: */*\r\nuser-agent: noos\r\n');
  machine.evaluate(
    `(__test.bodies.set(${second.id}, ['done', null]), __test.event(14, ${second.id}, 200, '', 4, true))`,
  );
  assert.deepEqual(lines(machine), [[200, true, 'http://10.0.0.2/b', 'done']]);
  machine.close();
});

test('fetch says what went wrong', async () => {
  const machine = await running(`
    await fetch('https://10.0.0.1/').catch(failure);
    await fetch('http://no.example/').catch(failure);
    await fetch('http://10.0.0.1/').catch(failure);`);
  machine.evaluate(`__test.event(30, ${last(machine, 'queries').id}, -200, '', 0)`);
  machine.evaluate(`__test.event(13, ${last(machine, 'requests').id}, -111)`);
  const [https, name, refused] = lines(machine);
  assert.match(https[2], /only http: is supported/);
  assert.deepEqual([name[0], name[2], name[3]], ['TypeError', 'fetch failed', 'ENOTFOUND']);
  assert.deepEqual([refused[0], refused[3]], ['TypeError', 'ECONNREFUSED']);
  machine.close();
});

test('fetch is aborted before and after the head', async () => {
  const machine = await running(`
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    await fetch('http://10.0.0.1/', { signal: controller.signal }).catch(failure);
    const later = new AbortController();
    const response = await fetch('http://10.0.0.1/', { signal: later.signal });
    setTimeout(() => later.abort(new RangeError('enough')), 5);
    await response.text().catch(failure);`);
  const first = last(machine, 'requests');
  machine.evaluate('__test.advance(5)');
  const second = last(machine, 'requests');
  machine.evaluate(`__test.event(14, ${second.id}, 200, '', -1, true)`);
  machine.evaluate('__test.advance(5)');
  assert.deepEqual(machine.evaluate('__test.resets'), [first.id, second.id]);
  assert.deepEqual(
    lines(machine).map(([name]) => name),
    ['AbortError', 'RangeError'],
  );
  machine.close();
});

test('noos:dns answers with addresses, or an error with a code', async () => {
  const machine = await running(
    `log(await resolve('a.example')); log((await resolve('192.0.2.7')).addresses); await resolve('b.example');`,
    `import { resolve } from 'noos:dns';`,
  );
  machine.evaluate(`__test.event(30, ${last(machine, 'queries').id}, 0, '167772161,3232235777', 30)`);
  machine.evaluate(`__test.event(30, ${last(machine, 'queries').id}, -201, '', 0)`);
  assert.deepEqual(lines(machine), [
    { addresses: ['10.0.0.1', '192.168.1.1'], ttlSeconds: 30 },
    ['192.0.2.7'],
    ['SystemError', 'ESERVFAIL', 'resolve b.example: no name server answered', null],
  ]);
  machine.close();
});

test('noos:net accepts, reads, writes with back-pressure and ends', async () => {
  const machine = await running(
    `listen({ port: 7 }, async (connection) => {
       for await (const chunk of connection) await connection.write(chunk);
       await connection.write('bye');
       connection.end();
     });`,
    `import { listen } from 'noos:net';`,
  );
  const listener = machine.evaluate('[...__test.sockets.keys()][0]') as number;
  machine.evaluate(
    `(__test.sockets.set(5, { sent: [], input: ['abc', undefined] }), __test.sockets.get(${listener}).accept.push(5), __test.room = 2, __test.event(20, ${listener}, 2))`,
  );
  const text = () => machine.evaluate('String.fromCharCode(...__test.sockets.get(5).sent)');
  assert.equal(text(), 'ab');
  machine.evaluate('(__test.room = Infinity, __test.event(20, 5, 8))');
  assert.equal(text(), 'abc');
  machine.evaluate('(__test.sockets.get(5).input.push("d", null), __test.event(20, 5, 4))');
  assert.equal(text(), 'abcdbye');
  assert.equal(machine.evaluate('__test.sockets.get(5).shutdown'), true);
  machine.close();
});

test('noos:net connects, offers streams, and reports refusal and reset', async () => {
  const machine = await running(
    `const connection = await connect({ host: '10.0.0.9', port: 80 });
     log([connection.remoteAddress, connection.remotePort, connection.localPort]);
     const writer = connection.writable.getWriter();
     await writer.write(new TextEncoder().encode('hi'));
     const reader = connection.readable.getReader();
     log([...(await reader.read()).value]);
     await writer.close();
     connection.closed.catch(failure);
     await reader.read().catch(failure);
     await connect({ host: '10.0.0.9', port: 81 });`,
    `import { connect } from 'noos:net';`,
  );
  const handle = machine.evaluate('[...__test.sockets.keys()][0]') as number;
  machine.evaluate(`__test.event(20, ${handle}, 1)`);
  machine.evaluate(`(__test.sockets.get(${handle}).input.push('x'), __test.event(20, ${handle}, 4))`);
  machine.evaluate(`(__test.sockets.get(${handle}).error = -104, __test.event(20, ${handle}, 16))`);
  const other = machine.evaluate('[...__test.sockets.keys()].at(-1)') as number;
  machine.evaluate(`(__test.sockets.get(${other}).error = -111, __test.event(20, ${other}, 16))`);
  const [addresses, chunk, ...failures] = lines(machine);
  assert.deepEqual(addresses, ['10.0.0.1', 50_000, 8080]);
  assert.deepEqual(chunk, [120]);
  assert.deepEqual(failures.map(([, code]) => code).sort(), ['ECONNREFUSED', 'ECONNRESET', 'ECONNRESET']);
  assert.equal(machine.evaluate(`String.fromCharCode(...__test.sockets.get(${handle}).sent)`), 'hi');
  machine.close();
});

test('noos:net udp receives and sends datagrams', async () => {
  const machine = await running(
    `udpBind({ port: 9, onError: failure }, ({ data, address, port }, socket) => socket.send(data, address, port));`,
    `import { udpBind } from 'noos:net';`,
  );
  const handle = machine.evaluate('[...__test.sockets.keys()][0]') as number;
  machine.evaluate(`(__test.sockets.get(${handle}).input.push('a', 'b'), __test.event(21, ${handle}))`);
  assert.deepEqual(machine.evaluate(`__test.sockets.get(${handle}).sent`), [
    [0x0a000001, 5353, [97]],
    [0x0a000001, 5353, [98]],
  ]);
  machine.evaluate(`__test.event(21, ${handle}, -111)`);
  assert.equal(lines(machine)[0][1], 'ECONNREFUSED');
  machine.close();
});

test('an application without UDP holds no UDP, one without streams no streams', async () => {
  const file = join(directory, 'app.ts');
  writeFileSync(
    file,
    `import { listen } from 'noos:net'; export default { start() { listen({ port: 1 }, () => {}); } };`,
  );
  const { code, parts } = await bundle(file);
  assert.ok(!code.includes('udpBind'));
  assert.ok(!parts.some(({ name }) => name.includes('streams')));
});
