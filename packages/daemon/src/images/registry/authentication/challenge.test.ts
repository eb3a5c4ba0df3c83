import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../testing/seeded-random.js';
import { parseChallenges } from './challenge.js';

const plain = (header: string | string[]) =>
  parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, parameters: { ...parameters } }));

test('bearer challenges carry realm, service and scope', () => {
  assert.deepEqual(
    plain(
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
    ),
    [
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.example/token',
          service: 'registry.example',
          scope: 'repository:a/b:pull,push',
        },
      },
    ],
  );
});

test('several challenges, in one header or in several, with escapes and tokens', () => {
  assert.deepEqual(plain('Basic realm="a \\"b\\"", Bearer realm=x , error=invalid_token'), [
    { scheme: 'basic', parameters: { realm: 'a "b"' } },
    { scheme: 'bearer', parameters: { realm: 'x', error: 'invalid_token' } },
  ]);
  assert.deepEqual(
    plain(['Basic realm="a"', 'Bearer realm="b"']).map(({ scheme }) => scheme),
    ['basic', 'bearer'],
  );
  assert.deepEqual(parseChallenges(undefined), []);
});

test('whatever bytes come, parsing ends and throws nothing', () => {
  const alphabet = 'Basic realm="\\,= \t\u00e9;:/\'';
  const random = createRandom(7);
  for (let round = 0; round < 2000; round++) {
    const header = Array.from(
      { length: random.below(60) },
      () => alphabet[random.below(alphabet.length)],
    ).join('');
    for (const challenge of parseChallenges(header)) assert.match(challenge.scheme, /^[^\s"=,]+$/);
  }
  assert.deepEqual(parseChallenges(`Bearer realm="${'a'.repeat(10000)}"`), []);
});
