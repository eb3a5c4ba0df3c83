import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../testing/seeded-random.js';
import { expandBody } from './expand.js';
import { type Body, parseStages } from './instructions.js';
import { expandWord } from './lexer.js';
import { parseLines } from './lines.js';
import { DockerfileError } from './text.js';

const parse = (text: string) => {
  const { lines, escapeToken } = parseLines(text);
  return parseStages(lines, escapeToken, 'Dockerfile');
};
const body = (line: string): Body => parse(`FROM x\n${line}`).stages[0]!.instructions[0]!.body;

test('every instruction', () => {
  const cases: [string, Body][] = [
    [
      'ENV a=1 b="2 3"',
      {
        kind: 'env',
        pairs: [
          { key: 'a', value: '1' },
          { key: 'b', value: '"2 3"' },
        ],
      },
    ],
    ['ENV a 1  2', { kind: 'env', pairs: [{ key: 'a', value: '1  2' }] }],
    ['LABEL x=y', { kind: 'label', pairs: [{ key: 'x', value: 'y' }], literal: false }],
    ['MAINTAINER Me <a@b>', { kind: 'maintainer', author: 'Me <a@b>' }],
    ['RUN echo  hi', { kind: 'run', command: { words: ['echo  hi'], shell: true }, heredocs: [] }],
    ['RUN ["a", "b c"]', { kind: 'run', command: { words: ['a', 'b c'], shell: false }, heredocs: [] }],
    ['CMD []', { kind: 'cmd', command: { words: [], shell: false } }],
    ["CMD ['a']", { kind: 'cmd', command: { words: ["['a']"], shell: true } }],
    ['ENTRYPOINT ["a"]', { kind: 'entrypoint', command: { words: ['a'], shell: false } }],
    ['EXPOSE 80 53/udp', { kind: 'expose', ports: ['53/udp', '80'] }],
    ['USER a:b', { kind: 'user', user: 'a:b' }],
    ['WORKDIR /a b', { kind: 'workdir', path: '/a b' }],
    ['VOLUME /a /b', { kind: 'volume', volumes: ['/a', '/b'] }],
    ['VOLUME ["/a b"]', { kind: 'volume', volumes: ['/a b'] }],
    ['STOPSIGNAL SIGQUIT', { kind: 'stopsignal', signal: 'SIGQUIT' }],
    ['SHELL ["/bin/bash", "-c"]', { kind: 'shell', shell: ['/bin/bash', '-c'] }],
    ['ONBUILD RUN x', { kind: 'onbuild', expression: 'RUN x' }],
    [
      'ARG a b=1 c=',
      {
        kind: 'arg',
        args: [
          { name: 'a', value: undefined },
          { name: 'b', value: '1' },
          { name: 'c', value: '' },
        ],
      },
    ],
    ['HEALTHCHECK NONE', { kind: 'healthcheck', check: { Test: ['NONE'] } }],
    [
      'HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl x',
      {
        kind: 'healthcheck',
        check: { Test: ['CMD-SHELL', 'curl x'], Interval: 90e9, Timeout: 500e6, Retries: 3 },
      },
    ],
  ];
  for (const [line, expected] of cases) assert.deepEqual(body(line), expected, line);
});

test('COPY and ADD', () => {
  const copy = body('COPY --from=build --chown=a:b --chmod=755 --exclude=*.o --link a b /c/');
  assert.deepEqual(copy, {
    kind: 'copy',
    from: 'build',
    copy: {
      sources: ['a', 'b'],
      files: [],
      destination: '/c/',
      chown: 'a:b',
      chmod: '755',
      exclude: ['*.o'],
    },
  });
  const files = body('COPY <<A <<-"B" /d/\n$x\nA\n\ty\n\tB');
  assert.ok(files.kind === 'copy');
  assert.deepEqual(files.copy.files, [
    { name: 'A', content: '$x\n', expand: true },
    { name: 'B', content: 'y\n', expand: false },
  ]);
  const json = body('ADD ["a b", "/c d/"]');
  assert.ok(json.kind === 'add');
  assert.deepEqual([json.copy.sources, json.copy.destination], [['a b'], '/c d/']);
});

test('stages and what comes before the first', () => {
  const { globalArgs, stages } = parse(
    'ARG v=1\nFROM a:$v AS Build\nRUN x\nFROM --platform=linux/arm64 b\nCMD y',
  );
  assert.equal(globalArgs.length, 1);
  assert.deepEqual(
    stages.map(({ from, instructions }) => [
      from.body.base,
      from.body.name,
      from.body.platform,
      instructions.length,
    ]),
    [
      ['a:$v', 'build', '', 1],
      ['b', '', 'linux/arm64', 1],
    ],
  );
});

test('errors name line and column, in Docker’s words', () => {
  const cases: [string, RegExp][] = [
    [
      'FROM a\n\n  FOO bar',
      /: dockerfile parse error line 3: unknown instruction: FOO \(line 3, column 3\)$/,
    ],
    ['RUN x', /: no build stage in current context \(line 1, column 1\)$/],
    ['FROM a b', /FROM requires either one or three arguments/],
    ['FROM a AS 1b', /invalid name for build stage: "1b", name can't start with a number or contain symbols/],
    ['FROM a\nENV a', /: failed to parse Dockerfile: ENV must have two arguments/],
    ['FROM a\nENV a=1 b', /Syntax error - can't find = in "b". Must be of the form: name=value/],
    ['FROM a\nENV', /ENV requires at least one argument/],
    ['FROM a\nCOPY x', /COPY requires at least two arguments, but only one was provided/],
    ['FROM a\nCOPY --frm=x a b', /Unknown flag: frm/],
    ['FROM a\nCOPY --from=x --from=y a b', /Duplicate flag specified: from/],
    ['FROM a\nCOPY --chown a b', /Missing a value on flag: chown/],
    ['FROM a\nCOPY --link=maybe a b', /Expecting boolean value for flag link, not: maybe/],
    ['FROM a\nCOPY a <<E\nE', /COPY cannot accept a heredoc as a destination/],
    ['FROM a\nRUN --foo=type=cache x', /Unknown flag: foo/],
    ['FROM a\nWORKDIR', /WORKDIR requires exactly one argument/],
    ['FROM a\nSHELL x', /SHELL requires the arguments to be in JSON form/],
    ['FROM a\nSHELL []', /SHELL requires at least one argument/],
    ['FROM a\nRUN ["a", 1]', /arrays must be comprised of strings only/],
    ['FROM a\nONBUILD ONBUILD RUN x', /Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed/],
    ['FROM a\nONBUILD FROM x', /FROM isn't allowed as an ONBUILD trigger/],
    ['FROM a\nHEALTHCHECK x', /Unknown type "X" in HEALTHCHECK \(try CMD\)/],
    ['FROM a\nHEALTHCHECK CMD', /Missing command after HEALTHCHECK CMD/],
    ['FROM a\nHEALTHCHECK NONE x', /HEALTHCHECK NONE takes no arguments/],
    ['FROM a\nHEALTHCHECK --interval=1x CMD y', /time: unknown unit "x" in duration "1x"/],
    ['FROM a\nHEALTHCHECK --interval=1us CMD y', /Interval "interval" cannot be less than 1ms/],
    ['FROM a\nHEALTHCHECK --retries=-1 CMD y', /--retries cannot be negative \(-1\)/],
    ['FROM a\nVOLUME [""]', /VOLUME specified can not be an empty string/],
    ['FROM a\nARG =x', /ARG names can not be blank/],
  ];
  for (const [text, message] of cases) assert.throws(() => parse(text), message, text);
});

test('variables are replaced where Docker replaces them', () => {
  const expand = (line: string): Body => expandBody(body(line), (word) => expandWord(word, '\\', () => 'V'));
  assert.deepEqual(expand('WORKDIR /$a'), { kind: 'workdir', path: '/V' });
  assert.deepEqual(expand('RUN $a'), { kind: 'run', command: { words: ['$a'], shell: true }, heredocs: [] });
  assert.deepEqual(expand('EXPOSE $a'), { kind: 'expose', ports: ['$a'] });
  assert.deepEqual(expand('VOLUME $a'), { kind: 'volume', volumes: ['V'] });
  const copy = expand('COPY --from=$a --chown=$a $a $a');
  assert.ok(copy.kind === 'copy');
  assert.deepEqual([copy.from, copy.copy.chown, copy.copy.sources], ['$a', 'V', ['V']]);
});

test('any text is a Dockerfile or a DockerfileError with a place in it', () => {
  const random = createRandom(7).below;
  const pieces = [
    ...['FROM', 'RUN', 'COPY', 'ADD', 'ENV', 'ARG', 'ONBUILD', 'HEALTHCHECK', 'CMD', 'LABEL', 'SHELL', 'FOO'],
    ...[
      ' ',
      ' ',
      '\t',
      '\n',
      '\n',
      '\\\n',
      '\r\n',
      '# c\n',
      '# escape=`\n',
      '--from=a',
      '--x',
      '--',
      '=',
      'a=b',
    ],
    ...[
      '<<E',
      '<<-"E"',
      'E\n',
      '["a"]',
      '[1]',
      '["',
      '"',
      "'",
      '$x',
      '${x:-',
      '}',
      '\\',
      '`',
      '\uFEFF',
      'é',
      '\0',
    ],
  ];
  for (let round = 0; round < 4000; round++) {
    let text = random(2) ? 'FROM a\n' : '';
    for (let count = random(14); count >= 0; count--) text += pieces[random(pieces.length)];
    try {
      const { stages } = parse(text);
      for (const stage of stages)
        for (const one of stage.instructions) assert.ok(one.code !== '' && one.line >= 1);
    } catch (error) {
      if (!(error instanceof DockerfileError)) assert.fail(`${JSON.stringify(text)}: ${error}`);
      assert.ok(error.line >= 1 && error.line <= text.split('\n').length && error.column >= 1, text);
    }
  }
});
