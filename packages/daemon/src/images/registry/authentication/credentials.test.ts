import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tarOfFiles } from '../../../archive/testing.js';
import { configWithFiles } from '../../testing.js';
import { withHolds } from '../../with-holds.js';
import { setUp, withToken } from '../client/testing-client.js';
import { addImage, startFakeRegistry } from '../testing.js';
import { login } from './account.js';

test('tokens: fetched per scope, renewed when refused, no endless loop', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  addImage(registry, 'app', '1', [tarOfFiles({ a: 'a' })]);
  const seen = withToken(registry, () => true);
  await pull('app:1');
  assert.equal(parts.images.list().length, 1);
  assert.equal(seen.tokens.length, 1);
  assert.equal(seen.tokens[0]!.searchParams.get('scope'), 'repository:app:pull');
  assert.equal(seen.tokens[0]!.searchParams.get('service'), 'fake');

  const before = registry.requests.length;
  registry.intercept = (_request, response, url) => {
    if (url.pathname === '/token') response.end('{"token":"never good"}');
    else {
      response.writeHead(401, {
        'www-authenticate': `Bearer realm="http://${registry.host}/token",service="fake"`,
      });
      response.end();
    }
    return true;
  };
  await assert.rejects(pull('app:2'), { kind: 'unauthorized' });
  assert.ok(registry.requests.length - before < 12, 'gives up soon');
});

test('login: good and bad credentials, identity tokens, basic', async (t) => {
  const { registry, parts, pull, push } = await setUp(t);
  const { signal } = new AbortController();
  const good = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
  withToken(registry, (authorization) => authorization === good);
  const as = (password: string) => ({ username: 'ann', password, serveraddress: registry.host });
  assert.equal(await login(parts, as('secret'), signal), 'again');
  await assert.rejects(login(parts, as('wrong'), signal), {
    kind: 'unauthorized',
    message: `Get "http://${registry.host}/v2/": unauthorized: incorrect username or password`,
  });
  registry.intercept = (request, response) => {
    if (request.headers.authorization === good) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="fake"' }).end();
    return true;
  };
  assert.equal(await login(parts, as('secret'), signal), '');
  await assert.rejects(login(parts, as('wrong'), signal), {
    message: `login attempt to http://${registry.host}/v2/ failed with status: 401 Unauthorized`,
  });
  await assert.rejects(pull('app:1'), {
    message: `Head "http://${registry.host}/v2/app/manifests/1": no basic auth credentials`,
  });
  const config = await configWithFiles(parts, { a: 'a' });
  const image = await withHolds((holds) => parts.images.add(config, { holds }));
  await parts.images.tag(image.id, `${registry.host}/app:1`);
  await assert.rejects(push('app:1'), { message: 'no basic auth credentials' });
});

test('credentials stay with the registry when it redirects elsewhere', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  const storage = await startFakeRegistry();
  t.after(() => storage.close());
  const { digest } = addImage(registry, 'app', '1', [tarOfFiles({ a: 'a' })]).layers[0]!;
  storage.blobs.set(digest, registry.blobs.get(digest)!);
  withToken(registry, () => true);
  const guard = registry.intercept!;
  registry.intercept = async (request, response, url) => {
    if (await guard(request, response, url)) return true;
    if (!url.pathname.endsWith(digest)) return false;
    response.writeHead(307, { location: `http://${storage.host}/v2/app/blobs/${digest}` }).end();
    return true;
  };
  await pull('app:1');
  assert.equal(parts.images.list().length, 1);
  assert.deepEqual(storage.requests, [
    { line: `GET /v2/app/blobs/${digest}`, authorization: undefined, range: undefined },
  ]);
  registry.intercept = (_request, response, url) => {
    if (url.pathname === '/v2/') return false;
    response.writeHead(302, { location: url.pathname }).end();
    return true;
  };
  await assert.rejects(pull('app:2'), /stopped after 10 redirects/);
});
