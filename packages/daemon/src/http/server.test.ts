/** The server over a real unix socket: errors, bodies, hijacked connections with and without Upgrade. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Type } from '@sinclair/typebox';
import { pino } from 'pino';
import { DaemonError } from '../errors.js';
import { type Listeners, listen } from './listen.js';
import type { Route } from './route.js';
import { createApiServer } from './server.js';

const directory = mkdtempSync(join(tmpdir(), 'noos-http-'));
const path = join(directory, 'api.sock');
let listeners: Listeners;
const aborted: string[] = [];

const routes: Route[] = [
  {
    method: 'POST',
    path: '/echo',
    body: Type.Object({ Name: Type.String(), Count: Type.Optional(Type.Integer()) }),
    handler: async (call) => call.json(200, call.body),
  },
  {
    method: 'POST',
    path: '/optional',
    body: Type.Object({ Tty: Type.Optional(Type.Boolean()) }),
    bodyOptional: true,
    handler: async (call) => call.json(200, { absent: call.body === undefined }),
  },
  {
    // Sends back what it gets, then a last word once the client has ended its side.
    method: 'POST',
    path: '/attach/:id',
    body: Type.Object({ Detach: Type.Optional(Type.Boolean()) }),
    bodyOptional: true,
    async handler(call) {
      if (call.params.id === 'none') throw new DaemonError('notFound', 'No such container: none');
      const stream = await call.hijack('application/vnd.docker.raw-stream');
      stream.on('data', (chunk) => stream.write(chunk));
      stream.on('end', () => stream.end('bye'));
    },
  },
  {
    method: 'GET',
    path: '/wait',
    async handler(call) {
      call.stream(200, 'application/json');
      call.signal.addEventListener('abort', () => aborted.push('wait'));
    },
  },
  {
    method: 'GET',
    path: '/broken',
    async handler() {
      throw new Error('not foreseen');
    },
  },
  {
    method: 'POST',
    path: '/pull/:when',
    async handler(call) {
      const progress = call.progress();
      if (call.params.when === 'late') progress.write({ status: 'Pulling', id: 'a' });
      progress.fail(new DaemonError('notFound', 'manifest unknown'));
    },
  },
];

before(async () => {
  const api = createApiServer({
    routes,
    log: pino({ level: 'silent' }),
    experimental: false,
    engineVersion: '1.2.3',
  });
  listeners = await listen(api, {
    hosts: [`unix://${path}`],
    tls: undefined,
    groupId: undefined,
    log: pino({ level: 'silent' }),
  });
});
after(() => {
  listeners.close();
  listeners.cut();
  rmSync(directory, { recursive: true });
});

/** Sends bytes, half-closes when told to, and resolves with everything that came until the server ended. */
async function exchange(...parts: (string | Buffer)[]): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  // The server may answer and close before it has read everything.
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  socket.end();
  await closed;
  return text;
}

const post = (
  target: string,
  body: string,
  headers = 'Content-Type: application/json\r\n',
): Promise<string> =>
  exchange(
    `POST ${target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
const statusOf = (reply: string): number => Number(reply.split(' ', 2)[1]);
const bodyOf = (reply: string): string => reply.slice(reply.indexOf('\r\n\r\n') + 4).trim();
const messageOf = (reply: string): string => (JSON.parse(bodyOf(reply)) as { message: string }).message;

describe('bodies', () => {
  test('names of any case, unknown members dropped, null absent', async () => {
    const reply = await post('/echo', '{"name":"x","Other":1,"Count":null}');
    assert.deepEqual(JSON.parse(bodyOf(reply)), { Name: 'x' });
  });
  test('refused in dockerd’s words', async () => {
    const cases: [string, string | undefined, string][] = [
      [
        '{"Name":1}',
        undefined,
        'invalid JSON: json: cannot unmarshal number 1 into Go struct field Name of type string',
      ],
      ['{"Name":', undefined, 'invalid JSON: unexpected EOF'],
      ['', undefined, 'invalid JSON: got EOF while reading request body'],
      ['nonsense', undefined, "invalid JSON: invalid character 'o' looking for beginning of value"],
      ['{"Name":"x"} more', undefined, 'unexpected content after JSON'],
      [
        '{}',
        'Content-Type: text/plain\r\n',
        "unsupported Content-Type header (text/plain): must be 'application/json'",
      ],
      ['{}', '', 'malformed Content-Type header (): mime: no media type'],
    ];
    for (const [body, headers, message] of cases) {
      const reply = await post('/echo', body, headers);
      assert.equal(statusOf(reply), 400, body);
      assert.equal(messageOf(reply), message);
    }
  });
  test('longer than the limit', async () => {
    const reply = await post('/echo', JSON.stringify({ Name: 'x'.repeat(5 * 2 ** 20) }));
    assert.equal(messageOf(reply), 'http: request body too large');
  });
  test('may be absent where it is optional', async () => {
    assert.deepEqual(JSON.parse(bodyOf(await post('/optional', '', ''))), { absent: true });
  });
});

describe('errors', () => {
  test('what was not foreseen is a 500 with its message', async () => {
    const reply = await exchange('GET /broken HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n');
    assert.equal(statusOf(reply), 500);
    assert.equal(messageOf(reply), 'not foreseen');
    assert.match(reply, /Server: Docker\/1\.2\.3 \(linux\)/);
  });
  test('a failed pull is a status before the first message, a message after it', async () => {
    assert.equal(statusOf(await post('/pull/early', '', '')), 404);
    const late = await post('/pull/late', '', '');
    assert.equal(statusOf(late), 200);
    assert.match(late, /\{"errorDetail":\{"message":"manifest unknown"\},"error":"manifest unknown"\}\r\n/);
  });
  test('a path that is no URL', async () => {
    const reply = await exchange('GET /%zz HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n');
    assert.equal(statusOf(reply), 400);
  });
});

describe('hijacked connections', () => {
  const json = '{"Detach":false}';
  const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
  test('with Upgrade and a body: 101, then bytes both ways, half-closed', async () => {
    const reply = await exchange(
      `POST /v1.41/attach/a HTTP/1.1\r\nHost: d\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n`,
      json,
      'hello ',
      'world ',
    );
    assert.match(reply, /^HTTP\/1\.1 101 UPGRADED\r\n/);
    assert.match(
      reply,
      /Content-Type: application\/vnd\.docker\.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n/,
    );
    assert.equal(bodyOf(reply), 'hello world bye');
  });
  test('bytes that follow the body in one packet are not lost', async () => {
    const reply = await exchange(
      `POST /attach/a HTTP/1.1\r\nHost: d\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}early `,
      'late ',
    );
    assert.equal(bodyOf(reply), 'early late bye');
  });
  test('without Upgrade: 200, then the same', async () => {
    const reply = await exchange('POST /attach/a HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n', 'hello ');
    assert.match(reply, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(bodyOf(reply), 'hello bye');
  });
  test('an error before it is an ordinary reply', async () => {
    const reply = await exchange(
      `POST /attach/none HTTP/1.1\r\nHost: d\r\n${upgrade}Content-Length: 0\r\n\r\n`,
    );
    assert.equal(statusOf(reply), 404);
    assert.equal(messageOf(reply), 'No such container: none');
    assert.match(reply, /Connection: close/);
  });
});

test('a client that goes away is reported to the handler', async () => {
  const socket: Socket = connect(path);
  socket.write('GET /wait HTTP/1.1\r\nHost: d\r\n\r\n');
  await once(socket, 'data');
  socket.destroy();
  for (let tries = 0; tries < 100 && aborted.length === 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(aborted, ['wait']);
});
