import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLines } from './lines.js';
import { DockerfileError } from './text.js';

const originals = (text: string): string[] => parseLines(text).lines.map(({ original }) => original);

test('continuations, comments and blank lines', () => {
  const { lines, warnings } = parseLines('# top\n\nFROM a\nRUN x && \\\n  # inside\n\n  y\nCMD z');
  assert.deepEqual(
    lines.map(({ keyword, rest, line, endLine, column }) => [keyword, rest, line, endLine, column]),
    [
      ['FROM', 'a', 3, 3, 1],
      ['RUN', 'x &&   y', 4, 7, 1],
      ['CMD', 'z', 8, 8, 1],
    ],
  );
  assert.deepEqual(warnings, ['[WARNING]: Empty continuation line found in:\n    RUN x &&   y']);
});

test('an escaped escape ends a line, a lone one at the end of the file joins nothing', () => {
  assert.deepEqual(originals('FROM a\nRUN echo \\\\\nRUN b'), ['FROM a', 'RUN echo \\\\', 'RUN b']);
  assert.deepEqual(originals('FROM a\nRUN b \\'), ['FROM a', 'RUN b']);
});

test('parser directives', () => {
  const text = '# syntax=docker/dockerfile:1\n# escape=`\nFROM a\nRUN dir C:\\`\n x';
  const { lines, escapeToken } = parseLines(text);
  assert.equal(escapeToken, '`');
  assert.equal(lines[1]!.rest, 'dir C:\\ x');
  assert.equal(parseLines('FROM a\n# escape=`\nRUN x').escapeToken, '\\');
  assert.throws(
    () => parseLines('# escape=x\nFROM a'),
    /invalid escape token 'x' does not match ` or \\ \(line 1/,
  );
  assert.throws(
    () => parseLines('# escape=`\n# escape=`\nFROM a'),
    /only one escape parser directive can be used \(line 2, column 1\)/,
  );
});

test('flags, with quotes and the end of flags', () => {
  const [line] = parseLines('COPY --from=a --chown="x y" -- --z /d').lines;
  assert.deepEqual(line!.flags, ['--from=a', '--chown=x y']);
  assert.equal(line!.rest, '--z /d');
});

test('heredocs', () => {
  const { lines } = parseLines('FROM a\nRUN <<EOF cat - <<-"X" > /y\nRUN one\nEOF\n\ttwo\n\tX\nRUN three');
  assert.equal(lines.length, 3);
  assert.deepEqual(lines[1]!.heredocs, [
    { name: 'EOF', expand: true, chomp: false, content: 'RUN one\n' },
    { name: 'X', expand: false, chomp: true, content: '\ttwo\n' },
  ]);
  // None of these is a heredoc: an argument within quotes, arithmetic, JSON, an instruction without them.
  for (const line of ['RUN echo "x <<EOF"', 'RUN echo $((1<<2))', 'RUN ["a", "<<E"]', 'ENV x=<<EOF'])
    assert.equal(parseLines(`FROM a\n${line}\nRUN b`).lines.length, 3, line);
  const trigger = parseLines('FROM a\nONBUILD COPY <<E /x\nfrom\nE\nRUN b').lines;
  assert.equal(trigger[1]!.heredocs[0]!.content, 'from\n');
  assert.throws(() => parseLines('FROM a\n  RUN <<E\nx'), /unterminated heredoc \(line 2, column 3\)/);
});

test('what cannot be a Dockerfile', () => {
  assert.throws(() => parseLines('# nothing\n'), /file with no instructions/);
  assert.throws(
    () => parseLines(`FROM a\nRUN ${'x'.repeat(70000)}`),
    (error) => {
      assert.ok(error instanceof DockerfileError);
      assert.equal(error.line, 2);
      assert.match(error.message, /dockerfile line greater than max allowed size of 65535/);
      return true;
    },
  );
  assert.deepEqual(originals('\uFEFFFROM a\r\nRUN b\r\n'), ['FROM a', 'RUN b']);
});
