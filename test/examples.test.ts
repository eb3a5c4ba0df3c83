/** The examples as they are, on every target. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { targetNames } from '@noos/host';
import { imageOf, patienceMs, startFor } from './targets.js';

const limit = { timeout: 3 * patienceMs };

for (const target of targetNames)
  describe(`examples on target ${target}`, () => {
    test('hello', limit, async (t) => {
      const { url } = await startFor(t, await imageOf('examples/hello/app.ts'), target);
      const response = await fetch(`${url}/`);
      assert.equal(response.status, 200);
      assert.equal(await response.text(), 'Hello from Noos\n');
    });

    test('todo: a JSON API routed by an unmodified Hono', limit, async (t) => {
      const { url } = await startFor(t, await imageOf('examples/todo/app.ts'), target);
      const post = (body: string): Promise<Response> => fetch(`${url}/tasks`, { method: 'POST', body });
      assert.equal((await post('{"title":')).status, 400);
      assert.equal((await post('{"title":" "}')).status, 400);
      const made = await post('{"title":"buy milk"}');
      assert.equal(made.status, 201);
      const task = (await made.json()) as { id: string; title: string; done: boolean };
      assert.equal(made.headers.get('location'), `/tasks/${task.id}`);
      assert.deepEqual(await (await fetch(`${url}/tasks`)).json(), [task]);
      const patched = await fetch(`${url}/tasks/${task.id}`, { method: 'PATCH', body: '{"done":true}' });
      assert.deepEqual(await patched.json(), { ...task, done: true });
      assert.deepEqual(await (await fetch(`${url}/tasks?done=false`)).json(), []);
      assert.equal((await fetch(`${url}/tasks/${task.id}`, { method: 'DELETE' })).status, 204);
      assert.equal((await fetch(`${url}/tasks/${task.id}`)).status, 404);
    });

    test('echo: TCP and UDP without HTTP', limit, async (t) => {
      const echo = await startFor(t, await imageOf('examples/echo/app.ts'), target);
      await echo.shows(/echo on port 7/);
      const socket = connect({ host: '127.0.0.1', port: echo.port(7), allowHalfOpen: true });
      socket.end('back and forth');
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      assert.equal(Buffer.concat(chunks).toString(), 'back and forth');
      const udp = createSocket('udp4');
      udp.send('datagram', echo.port(7, 'udp'), '127.0.0.1');
      const [answer] = (await once(udp, 'message')) as [Buffer];
      assert.equal(answer.toString(), 'datagram');
      udp.close();
    });
  });
