/** HTTP with real clients (curl, fetch, wrk, raw sockets) against the same service on every target. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { hostName } from '@noos/host';
import { malformedRequests } from '@noos/libos/testing/malformed-requests';
import { unusualRequests } from '@noos/libos/testing/unusual-requests';
import { buildApplication, type Service, startService, testedTargets } from './service.js';

const built = buildApplication('apps/http-service.ts');
/** With limits of its own. */
const limited = buildApplication(
  'apps/http-service.ts',
  '--limit',
  'http.fieldCount=20',
  '--limit',
  'http.bufferedBodyBytes=1k',
  '--http-body-limit',
  '1m',
);
after(() => {
  built.remove();
  limited.remove();
});

/** Runs a command while this process continues: the gateway of some targets lives in it. */
async function run(command: string, commandArguments: string[], input = ''): Promise<string> {
  const child = spawn(command, commandArguments, { timeout: 60_000 });
  child.stdin.end(input);
  let stderr = '';
  child.stderr.setEncoding('latin1').on('data', (text: string) => {
    stderr += text;
  });
  const [stdout, status] = await Promise.all([
    child.stdout.setEncoding('latin1').toArray(),
    new Promise((resolve, reject) => {
      child.on('error', (error) =>
        reject(new Error(`${command}: ${error.message}; npm run setup installs it`)),
      );
      child.on('close', resolve);
    }),
  ]);
  assert.equal(status, 0, `${command} ${commandArguments.join(' ')}: ${stderr}`);
  return stdout.join('');
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  await once(socket, 'connect');
  return socket;
}

/** Sends `bytes`; returns all that comes back until the server closes, or `enough` of it. */
async function talk(port: number, bytes: string, enough: (text: string) => boolean = () => false) {
  const socket = await open(port);
  let text = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end after: ${text}`)), 20_000);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.on('data', (data: string) => {
      text += data;
      if (enough(text)) end();
    });
    socket.on('end', end);
    socket.on('error', reject);
    socket.write(bytes, 'latin1');
  });
  socket.destroy();
  return text;
}

const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map((match) => Number(match[1]));

for (const target of testedTargets)
  describe(`HTTP on target ${target}`, () => {
    let service: Service;
    before(async () => {
      service = await startService(built.image, target);
    });
    after(async () => {
      assert.equal(await service?.stop(), 0, 'exit code');
    });

    test('curl: GET, HEAD, headers', async () => {
      assert.equal(await run('curl', ['-sS', `${service.origin}/a%20b?c=d`]), 'GET /a%20b?c=d');
      const head = await run('curl', ['-sSI', `${service.origin}/abc`]);
      assert.match(head, /^HTTP\/1.1 200 OK\r\n/);
      assert.match(head, /Content-Length: 9\r\n/i);
      assert.match(
        head,
        /Date: (Sun|Mon|Tue|Wed|Thu|Fri|Sat), [0-9]{2} [A-Z][a-z]{2} 2[0-9]{3} [0-9:]{8} GMT\r\n/,
      );
      const headers = JSON.parse(
        await run('curl', ['-sS', '-H', 'X-A: 1', '-H', 'X-A: 2', `${service.origin}/headers`]),
      );
      assert.deepEqual(
        headers.find(([name]: [string]) => name === 'x-a'),
        ['x-a', '1, 2'],
      );
    });

    test('curl: uploads with a length, chunked, and with Expect: 100-continue', async () => {
      const megabyte = 'a'.repeat(1_000_000);
      const upload = (...options: string[]) =>
        run('curl', ['-sS', '--data-binary', '@-', ...options, `${service.origin}/length`], megabyte);
      assert.equal(await upload(), '1000000');
      assert.equal(await upload('-H', 'Transfer-Encoding: chunked'), '1000000');
      assert.match(
        await upload('-sv', '-i', '-H', 'Expect: 100-continue'),
        /^HTTP\/1.1 100 Continue\r\n[\s\S]*1000000$/,
      );
    });

    test('fetch: bodies both ways, streamed', async () => {
      const large = await (await fetch(`${service.origin}/large?kilobytes=2000`)).text();
      assert.equal(large.length, 2_000_000);
      const streamed = await fetch(`${service.origin}/stream?kilobytes=500`);
      assert.equal(streamed.headers.get('transfer-encoding'), 'chunked');
      assert.equal((await streamed.text()).length, 500_000);
      const bytes = new Uint8Array(300_000).map((_, index) => index * 7);
      const echo = await fetch(`${service.origin}/echo`, { method: 'PUT', body: bytes });
      assert.equal(echo.headers.get('x-method'), 'PUT');
      assert.deepEqual(new Uint8Array(await echo.arrayBuffer()), bytes);
    });

    test('fetch: 20 at once over kept connections', async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, n) => (await fetch(`${service.origin}/${n}`)).text()),
      );
      assert.deepEqual(
        answers,
        answers.map((_, n) => `GET /${n}`),
      );
    });

    test('300 pipelined requests are answered in order', async () => {
      const requests = Array.from({ length: 300 }, (_, n) =>
        n % 7 === 0
          ? `POST /${n} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
          : `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`,
      ).join('');
      const text = await talk(service.port, requests, (soFar) => soFar.includes('GET /299'));
      const order = [...text.matchAll(/(?:GET|POST) \/([0-9]+)/g)].map((match) => Number(match[1]));
      assert.deepEqual(
        order,
        Array.from({ length: 300 }, (_, n) => n),
      );
    });

    test('a pipelined request waits for a slow answer before it', async () => {
      const text = await talk(
        service.port,
        'GET /slow?ms=200 HTTP/1.1\r\nHost: a\r\n\r\nGET /fast HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      );
      assert.match(text, /late[\s\S]*GET \/fast$/);
    });

    test('every malformed request gets its status over a socket, and the connection is closed', async () => {
      const results = await Promise.all(
        malformedRequests.map(async ({ name, bytes, before = [], status }) => {
          const text = await talk(service.port, bytes);
          return [name, statuses(text), [...before, status]] as const;
        }),
      );
      for (const [name, actual, expected] of results) assert.deepEqual(actual, expected, name);
      assert.equal(await run('curl', ['-sS', `${service.origin}/still`]), 'GET /still');
    });

    test('every unusual request is served with its content over a socket', async () => {
      const results = await Promise.all(
        unusualRequests.map(
          async ({ name, bytes, content }) => [name, content, await talk(service.port, bytes)] as const,
        ),
      );
      for (const [name, content, text] of results) {
        assert.deepEqual(
          statuses(text).filter((status) => status !== 100),
          [200],
          name,
        );
        assert.ok(text.endsWith(`\r\n\r\n${content.length}`), `${name}: ${text}`);
      }
    });

    test('an error of the handler is 500 and logged; the service continues', async () => {
      const response = await fetch(`${service.origin}/throw`);
      assert.equal(response.status, 500);
      await service.printed(/thrown on purpose/);
      assert.equal((await fetch(`${service.origin}/`)).status, 200);
    });

    test('a client that goes away in the middle costs nothing', async () => {
      for (let n = 0; n < 20; n++) {
        const socket = await open(service.port);
        socket.write('GET /stream?kilobytes=100000 HTTP/1.1\r\nHost: a\r\n\r\n');
        await once(socket, 'data');
        socket.resetAndDestroy();
      }
      assert.equal((await fetch(`${service.origin}/`)).status, 200);
    });

    test('2,000 connections that are kept are all answered, again and again', async () => {
      const count = 2000;
      const sockets: Socket[] = [];
      try {
        for (let opened = 0; opened < count; opened += 100)
          sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => open(service.port)))));
        for (let round = 0; round < 2; round++)
          await Promise.all(
            sockets.map(async (socket) => {
              socket.write(`GET /${round} HTTP/1.1\r\nHost: a\r\n\r\n`);
              const [text] = (await once(socket, 'data')) as [string];
              assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
              assert.ok(text.endsWith(`GET /${round}`), text);
            }),
          );
      } finally {
        for (const socket of sockets) socket.destroy();
      }
      assert.equal(await run('curl', ['-sS', `${service.origin}/still`]), 'GET /still');
    });

    test('wrk: no error in two seconds', async () => {
      const output = await run('wrk', ['-t1', '-c16', '-d2', `${service.origin}/`]);
      assert.doesNotMatch(output, /Non-2xx|Socket errors/, output);
      assert.ok(Number(/Requests\/sec: +([0-9.]+)/.exec(output)![1]) > 10, output);
    });

    test('fetch() of the application: kept connections, bodies both ways, errors', async () => {
      const connections = new Set<Socket>();
      const server = createServer((request, response) => {
        connections.add(request.socket);
        response.setHeader('x-from', request.headers.host ?? '');
        if (request.url === '/gone') {
          request.socket.destroy();
          return;
        }
        response.statusCode = request.url === '/missing' ? 404 : 200;
        request.pipe(response);
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const through = (path: string, init?: RequestInit) =>
        fetch(`${service.origin}/fetch?url=${encodeURIComponent(`http://${hostName}:${port}${path}`)}`, init);
      try {
        for (let n = 0; n < 5; n++) {
          const body = 'b'.repeat(1 + n * 50_000);
          const response = await through('/', { method: 'POST', body });
          assert.equal(response.status, 200);
          assert.equal(response.headers.get('x-from'), `${hostName}:${port}`);
          assert.ok((await response.text()) === body);
        }
        assert.equal((await through('/missing')).status, 404);
        assert.equal(connections.size, 1, 'one connection is used again');
        assert.equal((await through('/gone')).status, 500);
        await service.printed(/ECONNRESET/);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
  });

for (const target of testedTargets)
  test(`a stop on target ${target} lets a request in progress end`, async () => {
    const service = await startService(built.image, target);
    const answer = fetch(`${service.origin}/slow?ms=500`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const stopped = service.stop();
    const response = await answer;
    assert.equal(response.headers.get('connection'), 'close');
    assert.equal(await response.text(), 'late');
    assert.equal(await stopped, 0);
  });

for (const target of testedTargets)
  test(`limits of the image and of the start, on target ${target}`, async () => {
    const service = await startService(limited.image, target, {
      'http.bodyBytes': '5000',
      'http.targetBytes': '50',
    });
    const post = async (path: string, bytes: number): Promise<[number, string]> => {
      const response = await fetch(`${service.origin}${path}`, { method: 'POST', body: 'x'.repeat(bytes) });
      return [response.status, await response.text()];
    };
    try {
      assert.deepEqual(
        await post('/count', 5000),
        [200, '5000'],
        'a stream, above the limit of what is read as a whole',
      );
      assert.equal((await post('/count', 5001))[0], 413, 'the start overrides the image');
      assert.deepEqual(await post('/length', 1024), [200, '1024']);
      assert.equal((await post('/length', 1025))[0], 413);
      assert.equal((await fetch(`${service.origin}/${'a'.repeat(50)}`)).status, 414);
      const lines = 'A: b\r\n'.repeat(20);
      assert.deepEqual(
        statuses(await talk(service.port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)),
        [431],
      );
    } finally {
      assert.equal(await service.stop(), 0);
    }
  });

test('a limit that does not exist, or is out of range, is refused at start', async () => {
  for (const limits of [{ 'http.none': '1' }, { 'http.fieldCount': '0' }, { 'http.bodyBytes': 'many' }])
    for (const target of testedTargets)
      await assert.rejects(
        startService(built.image, target, limits),
        /ended with 2: parameter http\./,
        target,
      );
});
