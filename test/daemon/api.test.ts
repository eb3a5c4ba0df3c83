/** The API as such: versions, headers, errors, bodies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './daemon.js';

test('the API: headers, versions, errors', async (t) => {
  const daemon = await startDaemon(t);

  await t.test('_ping says who answers', async () => {
    const reply = await daemon.api('GET', '/_ping');
    assert.deepEqual([reply.status, reply.text], [200, 'OK']);
    assert.equal(reply.headers['api-version'], '1.50');
    assert.equal(reply.headers['builder-version'], '1');
    assert.equal(reply.headers.swarm, 'inactive');
    assert.equal(reply.headers.ostype, 'linux');
    const head = await daemon.api('HEAD', '/v1.24/_ping');
    assert.deepEqual([head.status, head.text], [200, '']);
  });

  await t.test('versions out of range are refused in Docker’s words', async () => {
    const old = await daemon.api('GET', '/v1.23/_ping');
    assert.equal(old.status, 400);
    assert.deepEqual(JSON.parse(old.text), {
      message:
        'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    });
    const next = await daemon.api('GET', '/v1.51/_ping');
    assert.deepEqual(JSON.parse(next.text), {
      message: 'client version 1.51 is too new. Maximum supported API version is 1.50',
    });
  });

  await t.test('what does not exist is a page not found', async () => {
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['PATCH', '/_ping'],
      ['GET', '/v1.41/nothing/at/all'],
    ] as const) {
      const reply = await daemon.api(method, path);
      assert.equal(reply.status, 404);
      assert.deepEqual(JSON.parse(reply.text), { message: 'page not found' });
    }
  });
});
