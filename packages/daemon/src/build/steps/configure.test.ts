import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges, mergeConfig } from '../commit.js';
import { type Body, parseStages } from '../dockerfile/instructions.js';
import { parseLines } from '../dockerfile/lines.js';
import { type ConfiguringKind, configure, isSignal, workingDirectory } from './configure.js';
import { exposedPorts } from './ports.js';
import type { StepConfig } from './run-config.js';
import { scriptOf } from './run-step.js';

function apply(
  config: StepConfig,
  ...lines: string[]
): { config: StepConfig; comments: string[]; notes: string[] } {
  const comments: string[] = [];
  const notes: string[] = [];
  let now = config;
  let cmdSet = false;
  for (const { body } of parseStages(parseLines(`FROM x\n${lines.join('\n')}`).lines, '\\').stages[0]!
    .instructions) {
    const result = configure(body as Extract<Body, { kind: ConfiguringKind }>, now, {
      cmdSet,
      ports: (word) => [word],
    });
    now = result.config;
    cmdSet ||= result.cmdSet ?? false;
    comments.push(result.comment);
    if (result.note) notes.push(result.note);
  }
  return { config: now, comments, notes };
}

test('the history’s texts', () => {
  const { comments } = apply(
    {},
    'CMD ["a", "b c"]',
    'CMD a "b"',
    'ENTRYPOINT ["x"]',
    'ENV a=1 b=2',
    'EXPOSE 80 53/udp',
    'HEALTHCHECK --interval=5s CMD ["curl"]',
    'LABEL a=1',
    'MAINTAINER me',
    'ONBUILD RUN x',
    'SHELL ["/bin/bash", "-c"]',
    'STOPSIGNAL 9',
    'USER me',
    'VOLUME /a /b',
  );
  assert.deepEqual(comments, [
    'CMD ["a" "b c"]',
    String.raw`CMD ["/bin/sh" "-c" "a \"b\""]`,
    'ENTRYPOINT ["x"]',
    'ENV a=1 b=2',
    'EXPOSE 53/udp 80',
    String.raw`HEALTHCHECK &{["CMD" "curl"] "5s" "0s" "0s" "0s" '\x00'}`,
    'LABEL a=1',
    'MAINTAINER me',
    'ONBUILD RUN x',
    'SHELL [/bin/bash -c]',
    'STOPSIGNAL 9',
    'USER me',
    'VOLUME [/a /b]',
  ]);
});

test('ENTRYPOINT resets a CMD of the base, not one of this stage', () => {
  assert.equal(apply({ Cmd: ['old'] }, 'ENTRYPOINT ["e"]').config.Cmd, null);
  assert.deepEqual(apply({}, 'CMD ["new"]', 'ENTRYPOINT ["e"]').config.Cmd, ['new']);
  assert.equal(apply({ Entrypoint: ['e'] }, 'ENTRYPOINT []').config.Entrypoint, null);
});

test('SHELL goes before shell forms', () => {
  const { config } = apply({}, 'SHELL ["/bin/bash", "-c"]', 'CMD echo hi');
  assert.deepEqual(config.Cmd, ['/bin/bash', '-c', 'echo hi']);
});

test('variables are replaced in their place; a HEALTHCHECK that replaces another says so', () => {
  assert.deepEqual(apply({ Env: ['PATH=/bin', 'A=1'] }, 'ENV PATH=/x B=2').config.Env, [
    'PATH=/x',
    'A=1',
    'B=2',
  ]);
  const { notes } = apply({}, 'HEALTHCHECK CMD a', 'HEALTHCHECK CMD b');
  assert.deepEqual(notes, ['Note: overriding previous HEALTHCHECK: [CMD-SHELL a]\n']);
});

test('signals, ports, working directories', () => {
  for (const good of ['9', 'TERM', 'SIGTERM', 'sigterm', 'RTMIN+3', 'SIGRTMAX-1'])
    assert.ok(isSignal(good), good);
  for (const bad of ['', '0', 'FOO', 'RTMIN-1', 'RTMAX+1', '-9']) assert.ok(!isSignal(bad), bad);
  assert.deepEqual(exposedPorts('80'), ['80/tcp']);
  assert.deepEqual(exposedPorts('8000-8002/udp'), ['8000/udp', '8001/udp', '8002/udp']);
  assert.throws(() => exposedPorts('80/xxx'), /Invalid proto: xxx/);
  assert.throws(() => exposedPorts('70000'), /Invalid containerPort: 70000/);
  assert.throws(() => exposedPorts('5-4'), /Invalid containerPort: 5-4/);
  assert.equal(workingDirectory('/a', 'b'), '/a/b');
  assert.equal(workingDirectory('', 'b/../c/'), '/c');
  assert.equal(workingDirectory('/a', '/x/./y'), '/x/y');
});

test('docker commit --change', () => {
  const config = applyChanges({ Env: ['A=1'], Cmd: ['sh'] }, [
    'ENV B=$A',
    'WORKDIR /x',
    'CMD ["y"]',
    'EXPOSE 80',
    'LABEL l="m n"',
    'USER u',
  ]);
  assert.deepEqual(config, {
    Env: ['A=1', 'B=1'],
    Cmd: ['y'],
    WorkingDir: '/x',
    ExposedPorts: { '80/tcp': {} },
    Labels: { l: 'm n' },
    User: 'u',
  });
  for (const bad of ['RUN x', 'FROM y', 'COPY a b'])
    assert.throws(() => applyChanges({}, [bad]), /is not a valid change command/);
  assert.throws(() => applyChanges({}, ['ENV a']), { message: 'ENV must have two arguments' });
  assert.throws(() => applyChanges({}, ['USER']), { message: 'USER requires exactly one argument' });
  assert.throws(() => applyChanges({}, ['']), { message: 'file with no instructions' });
  const merged = mergeConfig(
    { Env: ['A=2'] },
    { Env: ['A=1', 'B=1'], Cmd: ['c'], User: 'u', Labels: { x: 'y' } },
  );
  assert.deepEqual(merged.Env, ['A=2', 'B=1']);
  assert.deepEqual([merged.Cmd, merged.User, merged.Labels], [['c'], 'u', { x: 'y' }]);
});

test('heredocs of RUN', () => {
  const run = (text: string) => {
    const { body } = parseStages(parseLines(`FROM x\n${text}`).lines, '\\').stages[0]!.instructions[0]!;
    assert.ok(body.kind === 'run');
    return scriptOf(body);
  };
  assert.deepEqual(run('RUN <<E\na\nb\nE'), { words: ['a\nb\n'] });
  assert.deepEqual(run('RUN <<-E\n\ta\n\tE'), { words: ['a\n'] });
  assert.deepEqual(run('RUN cat <<E > /x\na\nE'), { words: ['cat <<E > /x\na\nE'] });
  assert.deepEqual(run('RUN <<E\n#!/bin/awk -f\nx\nE'), {
    words: ['#!/bin/awk -f\nx\n'],
    file: { name: 'E', content: '#!/bin/awk -f\nx\n' },
  });
  assert.deepEqual(run('RUN ["a"]'), { words: ['a'] });
});
