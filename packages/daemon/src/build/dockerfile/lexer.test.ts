import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandWord, expandWords } from './lexer.js';
import { SyntaxProblem } from './text.js';

const variables: Record<string, string> = {
  PWD: '/home',
  EMPTY: '',
  FILE: 'archive.tar.gz',
  PORTS: '80 443',
  Ünïcode: 'ja',
};
const lookup = (name: string): string | undefined =>
  Object.hasOwn(variables, name) ? variables[name] : undefined;
const word = (text: string, escapeToken = '\\'): string => expandWord(text, escapeToken, lookup);

test('variables, defaults and alternatives', () => {
  const cases: [string, string][] = [
    ['hello', 'hello'],
    ['$PWD/x', '/home/x'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    ['${PWD}x', '/homex'],
    ['$UNSET.', '.'],
    ['$', '$'],
    ['$/', '$/'],
    ['$1x', 'x'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    ['${UNSET:-x$PWD}', 'x/home'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    ['${EMPTY:-x}${EMPTY-y}', 'x'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    ['${PWD:+x}${EMPTY:+y}${EMPTY+z}', 'xz'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    ['${UNSET:-${PWD:+deep}}', 'deep'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    ['${FILE#*.} ${FILE##*.} ${FILE%.*} ${FILE%%.*}', 'tar.gz gz archive.tar archive'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    ['${FILE/ar/AR} ${FILE//ar/AR}', 'ARchive.tar.gz ARchive.tAR.gz'],
    ['$Ünïcode', 'ja'],
  ];
  for (const [text, expected] of cases) assert.equal(word(text), expected, text);
});

test('quotes and escapes', () => {
  assert.equal(word(`'$PWD'`), '$PWD');
  assert.equal(word(`"$PWD"`), '/home');
  assert.equal(word(String.raw`\$PWD`), '$PWD');
  assert.equal(word(String.raw`"a\"b\c"`), String.raw`a"b\c`);
  assert.equal(word(String.raw`he\'llo`), `he'llo`);
  assert.equal(word('`$PWD', '`'), '$PWD');
  assert.equal(word(String.raw`C:\x`, '`'), String.raw`C:\x`);
  assert.equal(word(String.raw`end\ `.trim()), 'end');
});

test('words are split after the replacement, quoted blanks stay', () => {
  assert.deepEqual(expandWords('$PORTS 8080/udp', '\\', lookup), ['80', '443', '8080/udp']);
  assert.deepEqual(expandWords('"$PORTS" x', '\\', lookup), ['80 443', 'x']);
  assert.deepEqual(expandWords('a << EOF b', '\\', lookup), ['a', '<< EOF', 'b']);
});

test('wrong substitutions have Docker’s texts', () => {
  const fails = (text: string, message: RegExp): void =>
    assert.throws(
      () => word(text),
      (error) => error instanceof SyntaxProblem && message.test(error.message),
      text,
    );
  fails('${', /syntax error: missing '}'/);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
  fails('${}', /bad substitution/);
  fails('${PWD', /missing '}'/);
  fails('${PWD:', /missing '}'/);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
  fails('${PWD:x}', /unsupported modifier \(:x\) in substitution/);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
  fails('${UNSET:?gone}', /UNSET: gone/);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
  fails('${EMPTY:?}', /EMPTY: is not allowed to be empty/);
  fails(`'open`, /matching single-quote/);
  fails('"open', /matching double-quote/);
  fails('${a:-'.repeat(5000), /nested too deeply|missing/);
});

test('patterns that make a backtracking matcher slow are fast', () => {
  variables.LONG = 'a'.repeat(5000);
  const started = performance.now();
  assert.equal(word(`\${LONG##${'*a'.repeat(50)}*b}`), variables.LONG);
  assert.ok(performance.now() - started < 5000);
});
