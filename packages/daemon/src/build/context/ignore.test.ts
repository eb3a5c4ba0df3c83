import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatternError, pathMatcher } from '../../archive/glob.js';
import { createIgnore, readIgnoreFile } from './ignore.js';

const ignored = (patterns: string[], path: string): boolean => createIgnore(patterns)(path);

test('lines of a .dockerignore', () => {
  const text = '\uFEFF# comment\n\n /abs/ \n! keep/./x \n  # not a comment \na//b/../c\n/\n';
  assert.deepEqual(readIgnoreFile(text), ['abs', '!keep/x', '# not a comment', 'a/c', '/']);
});

test('patterns match as moby’s patternmatcher', () => {
  const cases: [string, string, boolean][] = [
    ['**', 'file', true],
    ['**', 'dir/file', true],
    ['**/', 'file', true],
    ['**/**', 'dir/file', true],
    ['dir/**', 'dir/file', true],
    ['dir/**', 'other/file', false],
    ['dir/**', 'dir/dir2/file', true],
    ['**/dir', 'dir', true],
    ['**/dir2/*', 'dir/dir2/file', true],
    ['**/dir2/**', 'dir/dir2/dir2/file', true],
    ['**file', 'file', true],
    ['**file', 'dir/file', true],
    ['**file', 'dir/prefixfile', true],
    ['**/file', 'dir/file', true],
    ['**/file', 'prefixfile', false],
    ['**/file*', 'dir/dir/file.txt', true],
    ['**/file*txt', 'dir/dir/file.txt', true],
    ['**/**/*.txt', 'dir/dir/file.txt', true],
    ['**/**/*.txt2', 'dir/dir/file.txt', false],
    ['a**/*.txt', 'a/file.txt', true],
    ['a**/*.txt', 'a/dir/file.txt', true],
    ['a[b-d]e', 'ace', true],
    ['a[^b-d]e', 'ace', false],
    ['.*', '.foo', true],
    ['.*', 'foo', false],
    ['abc.def', 'abcdef', false],
    ['abc?def', 'abcZdef', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['a(b)c/def', 'a(b)c/def', true],
    ['*.c', 'dir/x.c', false],
    ['*', 'dir/x', true],
    ['dir', 'dir/sub/x', true],
    ['dir/sub', 'dir', false],
  ];
  for (const [pattern, path, expected] of cases)
    assert.equal(ignored([pattern], path), expected, `${pattern} on ${path}`);
});

test('later exceptions take files back, parents count', () => {
  assert.equal(ignored(['*.md', '!README.md'], 'README.md'), false);
  assert.equal(ignored(['*.md', '!README*.md', 'README-secret.md'], 'README-secret.md'), true);
  assert.equal(ignored(['docs', '!docs/README.md'], 'docs/README.md'), false);
  assert.equal(ignored(['docs', '!docs/README.md'], 'docs/other'), true);
  assert.equal(ignored(['!x', 'x'], 'x'), true);
});

test('wrong patterns are errors', () => {
  assert.throws(() => createIgnore(['!']), /illegal exclusion pattern: "!"/);
  for (const pattern of ['a[', 'a[^', '[]a]', 'a\\', '[-]', '[x-'])
    assert.throws(() => createIgnore([pattern]), PatternError, pattern);
});

test('hostile patterns are answered at once', () => {
  const started = performance.now();
  assert.equal(ignored([`${'*a'.repeat(40)}b`], 'a'.repeat(2000)), false);
  assert.equal(ignored([`${'**/'.repeat(40)}b`], 'a/'.repeat(1000)), false);
  assert.ok(performance.now() - started < 5000);
});

/** The obvious matcher: tries every way. Good for short texts only. */
function slowMatch(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const [first, rest] = [pattern[0]!, pattern.slice(1)];
  if (first === '*')
    return slowMatch(rest, text) || (text !== '' && text[0] !== '/' && slowMatch(pattern, text.slice(1)));
  return (
    text !== '' && (first === '?' ? text[0] !== '/' : text[0] === first) && slowMatch(rest, text.slice(1))
  );
}

test('the matcher agrees with the obvious one on every short pattern and path', () => {
  const texts = (alphabet: string, length: number): string[] =>
    length === 0
      ? ['']
      : texts(alphabet, length - 1).flatMap((text) =>
          text.length === length - 1 ? [text, ...[...alphabet].map((next) => text + next)] : [text],
        );
  for (const pattern of texts('a/*?', 4)) {
    const matches = pathMatcher(pattern);
    for (const text of texts('ab/', 4))
      assert.equal(matches(text), slowMatch(pattern, text), `${pattern} on ${text}`);
  }
});
