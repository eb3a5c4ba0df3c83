/** Decoding as Go does it; foreign documents never get further than an error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from '@sinclair/typebox';
import { DaemonError } from '../errors.js';
import { createRandom } from '../testing/seeded-random.js';
import { decode } from './decode.js';

const strings = Type.Record(Type.String(), Type.String());
const schema = Type.Object({
  Labels: Type.Optional(strings),
  Ports: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Union([Type.Array(Type.Object({ HostPort: Type.String() })), Type.Null()]),
    ),
  ),
  Memory: Type.Optional(Type.Integer()),
  Volumes: Type.Optional(Type.Record(Type.String(), Type.Object({}))),
  Init: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  Inner: Type.Optional(Type.Object({ Cmd: Type.Optional(Type.Array(Type.String())) })),
});

test('null is absent as a member and a zero value as an element', () => {
  assert.deepEqual(
    decode(schema, { Labels: null, Ports: { '80/tcp': null }, Volumes: { '/x': null }, Init: null }),
    { Ports: { '80/tcp': null }, Volumes: { '/x': {} } },
  );
  assert.deepEqual(decode(schema, null), {});
});

test('names in any case', () => {
  assert.deepEqual(decode(schema, { LABELS: { A: 'b' }, inner: { cmd: ['x'] } }), {
    Labels: { A: 'b' },
    Inner: { Cmd: ['x'] },
  });
});

test('`__proto__` is a name like others', () => {
  const value = decode(schema, JSON.parse('{"Labels":{"__proto__":"x"}}')) as { Labels: object };
  assert.deepEqual(Object.keys(value.Labels), ['__proto__']);
  assert.equal(Object.getPrototypeOf(value.Labels), Object.prototype);
});

test('what does not fit is named with its place', () => {
  const fails = (document: unknown): string => {
    try {
      decode(schema, document);
    } catch (error) {
      assert.ok(error instanceof DaemonError && error.kind === 'invalid');
      return error.message;
    }
    throw new assert.AssertionError({ message: 'decoded' });
  };
  const prefix = 'invalid JSON: json: cannot unmarshal';
  assert.equal(fails({ Memory: 1.5 }), `${prefix} number 1.5 into Go struct field Memory of type int64`);
  assert.equal(
    fails({ Inner: { Cmd: 'x' } }),
    `${prefix} string into Go struct field Inner.Cmd of type slice`,
  );
  assert.equal(fails([]), `${prefix} array into Go value of type struct`);
});

test('any document decodes or is refused', () => {
  const random = createRandom(7);
  const names = ['Labels', 'ports', 'Memory', 'Volumes', 'Init', 'INNER', 'Cmd', '__proto__', '', 'x'];
  const make = (depth: number): unknown => {
    const kind = random.below(depth > 5 ? 5 : 7);
    if (kind < 5) return [null, true, random.below(100) / 3, 'text', random.below(9)][kind];
    const members = Array.from({ length: random.below(4) }, () => make(depth + 1));
    if (kind === 5) return members;
    return Object.fromEntries(members.map((member) => [names[random.below(names.length)]!, member]));
  };
  let decoded = 0;
  for (let round = 0; round < 3000; round++)
    try {
      const value = decode(schema, make(0)) as Record<string, unknown>;
      assert.ok(Object.keys(value).every((name) => Object.hasOwn(schema.properties, name)));
      decoded++;
    } catch (error) {
      assert.ok(error instanceof DaemonError, String(error));
    }
  assert.ok(decoded > 0);
});

test('depth is bounded', () => {
  const nested = Type.Recursive((self) => Type.Object({ n: Type.Optional(self) }));
  let document: object = {};
  for (let depth = 0; depth < 10_000; depth++) document = { n: document };
  const deep = Type.Object({ a: Type.Array(Type.Array(Type.String())) });
  assert.throws(() => decode(deep, { a: [[['x']]] }), DaemonError);
  // A recursive schema refers to itself by name; what is behind it is not looked at.
  assert.doesNotThrow(() => decode(nested, document));
});
