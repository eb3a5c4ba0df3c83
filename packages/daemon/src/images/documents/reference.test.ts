import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familiarString, fullString, parseReference, withDefaultTag } from './reference.js';

const hex = 'a'.repeat(64);

test('names get Docker Hub and library when they have no registry', () => {
  for (const [text, full] of [
    ['busybox', 'docker.io/library/busybox:latest'],
    ['user/app:1', 'docker.io/user/app:1'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/user/app', 'docker.io/user/app:latest'],
    ['localhost/web', 'localhost/web:latest'],
    ['localhost:5000/web:1.0', 'localhost:5000/web:1.0'],
    ['host.example/a/b/c', 'host.example/a/b/c:latest'],
    ['[::1]:5000/web', '[::1]:5000/web:latest'],
    ['Host/web', 'Host/web:latest'],
    [`busybox:1@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`],
  ] as const)
    assert.equal(fullString(parseReference(text)), full, text);
});

test('familiar forms lead back to the same reference', () => {
  for (const text of [
    'busybox:1',
    'user/app:1',
    'localhost:5000/web:1',
    'library/a/b:1',
    'host.example/x:y',
  ]) {
    const reference = parseReference(text);
    assert.deepEqual(parseReference(familiarString(reference)), reference, text);
  }
  assert.equal(parseReference('docker.io/library/busybox').familiar, 'busybox');
  assert.equal(parseReference('a/b').repository, 'docker.io/a/b');
  assert.equal(familiarString(withDefaultTag(parseReference('busybox'))), 'busybox:latest');
  assert.equal(withDefaultTag(parseReference(`busybox@sha256:${hex}`)).tag, undefined);
});

test("what is no reference is refused in Docker's words", () => {
  for (const text of [
    '',
    ':',
    'a:',
    'a b',
    '/a',
    'a//b',
    'a/',
    '-a',
    'a..b',
    'a:-t',
    `a:${'t'.repeat(129)}`,
    'a@sha256:short',
    `a@sha512:${hex}`,
    'host:x/a',
    'a\n',
    '../a',
  ])
    assert.throws(
      () => parseReference(text),
      { kind: 'invalid', message: /^invalid reference format/ },
      text,
    );
  assert.throws(() => parseReference('Busybox'), /repository name \(library\/Busybox\) must be lowercase/);
  assert.throws(() => parseReference(hex), /cannot specify 64-byte hexadecimal strings/);
  assert.throws(() => parseReference('a'.repeat(256)), /must not be more than 255 characters/);
});
