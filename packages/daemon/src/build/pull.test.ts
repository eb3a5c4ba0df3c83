import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Image } from '../images/types.js';
import { authFor, createPullImage } from './pull.js';

test('credentials are found under a host, a URL of it, or the Hub’s old name', () => {
  const hub = { username: 'hub' };
  const own = { username: 'own' };
  const auths = {
    'https://index.docker.io/v1/': hub,
    'https://registry.example.org/v2/': own,
    'r:5000': own,
  };
  assert.equal(authFor(auths, 'docker.io'), hub);
  assert.equal(authFor(auths, 'registry.example.org'), own);
  assert.equal(authFor(auths, 'r:5000'), own);
  assert.equal(authFor(auths, 'other.example.org'), undefined);
  assert.equal(authFor({}, 'constructor'), undefined);
});

test('a base is pulled by its full reference and found by its familiar one', async () => {
  const asked: unknown[] = [];
  const image = { id: 'sha256:0' } as unknown as Image;
  const pull = createPullImage(
    {
      async pull({ reference, auth }) {
        asked.push([reference.repository, reference.tag, auth]);
      },
    },
    {
      get(name) {
        asked.push(name);
        return image;
      },
    },
  );
  const found = await pull('r:5000/x', {
    platform: undefined,
    auths: { 'r:5000': { username: 'u' } },
    report() {},
    signal: new AbortController().signal,
    holds: [],
  });
  assert.equal(found, image);
  assert.deepEqual(asked, [['r:5000/x', 'latest', { username: 'u' }], 'r:5000/x:latest']);
});
