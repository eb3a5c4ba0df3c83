import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthorizer, parseToken, type TokenRequest, tokenRequest } from './auth.js';

const bearer = {
  scheme: 'bearer',
  parameters: { realm: 'https://auth.example/token?x=1', service: 'registry.example' },
};

test('an anonymous token request names service and scopes', () => {
  const { method, url, headers } = tokenRequest(bearer, ['repository:a/b:pull'], undefined, false);
  assert.equal(method, 'GET');
  assert.equal(
    url,
    'https://auth.example/token?x=1&service=registry.example&scope=repository%3Aa%2Fb%3Apull',
  );
  assert.deepEqual(headers, {});
});

test('a login asks for a refresh token with basic credentials', () => {
  const request = tokenRequest(bearer, [], { username: 'u', password: 'p:w' }, true);
  assert.match(request.url, /offline_token=true&client_id=docker&account=u$/);
  assert.equal(request.headers.authorization, `Basic ${Buffer.from('u:p:w').toString('base64')}`);
});

test('an identity token is exchanged by OAuth', () => {
  const request = tokenRequest(bearer, ['a', 'b'], { identitytoken: 'secret' }, false);
  assert.equal(request.method, 'POST');
  const form = new URLSearchParams(request.body);
  assert.equal(form.get('grant_type'), 'refresh_token');
  assert.equal(form.get('refresh_token'), 'secret');
  assert.equal(form.get('scope'), 'a b');
  assert.ok(!request.url.includes('secret'));
});

test('a token is fetched once per scope, and again when the registry refuses it', async () => {
  const requests: TokenRequest[] = [];
  const authorizer = createAuthorizer([bearer], undefined, async (request) => {
    requests.push(request);
    return { token: `t${requests.length}`, expires_in: 300 };
  });
  const [first, second] = await Promise.all([authorizer.header(['s']), authorizer.header(['s'])]);
  assert.deepEqual([first, second], ['Bearer t1', 'Bearer t1']);
  authorizer.invalidate(['s']);
  assert.equal(await authorizer.header(['s']), 'Bearer t2');
  assert.equal(await authorizer.header(['s', 'x']), 'Bearer t3');
});

test('a failed token request is not remembered', async () => {
  let calls = 0;
  const authorizer = createAuthorizer([bearer], undefined, async () => {
    if (++calls === 1) throw new Error('down');
    return { access_token: 'late', refresh_token: 'keep' };
  });
  await assert.rejects(authorizer.header(['s']), /down/);
  assert.equal(await authorizer.header(['s']), 'Bearer late');
  assert.equal(authorizer.identityToken, 'keep');
});

test('basic needs credentials; without a challenge nothing is sent', async () => {
  const never = async () => assert.fail('no token is wanted');
  const challenge = [{ scheme: 'basic', parameters: {} }];
  await assert.rejects(createAuthorizer(challenge, undefined, never).header([]), /no basic auth credentials/);
  const auth = { username: 'u', password: 'p' };
  assert.equal(await createAuthorizer(challenge, auth, never).header([]), 'Basic dTpw');
  assert.equal(await createAuthorizer([], auth, never).header([]), undefined);
});

test('answers without a usable token are refused', () => {
  for (const answer of [null, 5, {}, { token: '' }, { token: 'a\r\nb' }, { token: 7 }])
    assert.throws(() => parseToken(answer), /did not include a token/);
});
