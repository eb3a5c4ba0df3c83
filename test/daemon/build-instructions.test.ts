/** `docker build`: every instruction of the Dockerfile. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { built, contextOf, inspect, link, run, start } from './builds.js';

test('every instruction', async (t) => {
  const daemon = await start(t);

  await t.test('the configuration', async () => {
    const { shape } = await built(
      daemon,
      {
        Dockerfile: [
          '# escape=`',
          'FROM busybox',
          'LABEL one=1 "two words"="a b" `',
          '  # a comment inside',
          '  three=$HOME',
          'MAINTAINER Me <me@example.org>',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
          'ENV A=1 B="x $A" C=${A:-no}${D:-yes}${A:+set}',
          'ENV OLD style  value',
          'ARG arg=2',
          'WORKDIR /w',
          'WORKDIR x/../$A',
          'EXPOSE 80 53/udp 8000-8001',
          'VOLUME ["/v one", "/v2"]',
          'USER user:extra',
          'STOPSIGNAL SIGINT',
          'HEALTHCHECK --interval=1m30s --timeout=5s --retries=2 --start-period=1s CMD ["true"]',
          'SHELL ["/bin/sh", "-ec"]',
          'ONBUILD RUN echo built',
          'ENTRYPOINT exec cat',
          'CMD ["-"]',
        ].join('\n'),
      },
      ['-t', 'all', '--label', 'z=last', '--build-arg', 'unused=1'],
    );
    assert.match(shape, /\[Warning\] One or more build-args \[unused\] were not consumed\n/);
    assert.match(shape, /Step 18\/18 : LABEL z=last\n/);
    const config = await inspect<Record<string, unknown>>(daemon, 'all', '.Config');
    const expected = {
      Labels: { one: '1', 'two words': 'a b', three: '', z: 'last' },
      WorkingDir: '/w/1',
      ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {} },
      Volumes: { '/v one': {}, '/v2': {} },
      User: 'user:extra',
      StopSignal: 'SIGINT',
      Healthcheck: { Test: ['CMD', 'true'], Interval: 90e9, Timeout: 5e9, StartPeriod: 1e9, Retries: 2 },
      Shell: ['/bin/sh', '-ec'],
      OnBuild: ['RUN echo built'],
      Entrypoint: ['/bin/sh', '-ec', 'exec cat'],
      Cmd: ['-'],
      Env: [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'A=1',
        'B=x ',
        'C=noyes',
        'OLD=style  value',
      ],
    };
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(config[name], value, name);
    assert.equal(await inspect(daemon, 'all', '.Author'), 'Me <me@example.org>');
    const history = (await daemon.ok('history', '--no-trunc', '--format', '{{.CreatedBy}}', 'all')).split(
      '\n',
    );
    assert.deepEqual(history.slice(0, 3), [
      '/bin/sh -ec #(nop)  LABEL z=last',
      '/bin/sh -ec #(nop)  CMD ["-"]',
      '/bin/sh -ec #(nop)  ENTRYPOINT ["/bin/sh" "-ec" "exec cat"]',
    ]);
  });

  await t.test('ONBUILD runs in the next build', async () => {
    const { shape } = await built(daemon, { Dockerfile: 'FROM all\nUSER root\nCMD ["x"]' }, ['-t', 'next']);
    assert.match(shape, /# Executing 1 build trigger\n ---> Running in ID\nbuilt\n/);
    assert.equal(await inspect(daemon, 'next', '.Config.OnBuild'), null);
  });

  await t.test('RUN: user, directory, environment, arguments, volumes, forms, heredocs', async () => {
    const { stdout } = await built(
      daemon,
      {
        Dockerfile: [
          'FROM busybox',
          'ARG given=default',
          'ENV SEEN=env',
          'WORKDIR /w',
          'USER user',
          'RUN echo "$(id -un) $(pwd) $SEEN $given"; touch /tmp/mine',
          'USER root',
          'VOLUME /v',
          'RUN echo lost > /v/x',
          'RUN ls /v | wc -l; stat -c %U /tmp/mine',
          'RUN ["echo", "exec $SEEN"]',
          'RUN <<EOF',
          'echo one',
          'echo $SEEN',
          'EOF',
          'RUN cat <<A && cat <<"B"',
          'a=$SEEN',
          'A',
          'b=$SEEN',
          'B',
          'RUN <<EOF',
          '#!/bin/cat',
          'printed',
          'EOF',
        ].join('\n'),
      },
      ['--build-arg', 'given=arg'],
    );
    for (const line of [
      'user /w env arg',
      '0',
      'user',
      'exec $SEEN',
      'one\nenv',
      'a=env\nb=$SEEN',
      '#!/bin/cat\nprinted',
    ])
      assert.ok(stdout.includes(`\n${line}\n`), `${line} in\n${stdout}`);
  });

  await t.test('COPY and ADD', async () => {
    const packed = execFileSync('tar', ['-cJ', '-C', contextOf(daemon, { 'in/side': 'S' }), 'in']);
    await built(
      daemon,
      {
        Dockerfile: [
          'FROM busybox',
          'RUN mkdir /real && ln -s /real /to && ln -s /../../../../real /up',
          'WORKDIR /w',
          'COPY a b /both/',
          'COPY d .',
          'COPY d/?.txt "a" /some/',
          'COPY --chown=user:extra --chmod=0640 a /owned',
          'COPY --chown=7 d /numbers',
          'COPY a /to/',
          'COPY a /up/b',
          'COPY link /followed',
          'COPY d/*.none* a /x/',
          'ADD p.tar.xz /packed',
          'COPY p.tar.xz /p',
          'COPY ["with blank", "/blank/"]',
          'COPY --exclude=*.txt d /others/',
          'COPY <<E <<"F" /docs/',
          'w=$PATH',
          'E',
          'w=$PATH',
          'F',
        ].join('\n'),
        a: 'A',
        b: 'B',
        'd/1.txt': '1',
        'd/2.txt': '2',
        'd/sub/deep': 'D',
        link: link('a'),
        'with blank': 'W',
        'p.tar.xz': packed,
      },
      ['-t', 'copied'],
    );
    const output = await run(
      daemon,
      'copied',
      'cat /both/a /both/b /w/1.txt /w/sub/deep /some/2.txt /some/a /real/a /real/b /followed /packed/in/side "/blank/with blank"; echo;' +
        'stat -c "%U:%G %a" /owned; stat -c "%u:%g" /numbers/sub/deep; ls /others; cat /docs/F; grep -c usr /docs/E; ls -l /p | cut -c1; ls -d /to -l | cut -c1',
    );
    assert.equal(output, 'AB1D2AAAASW\nuser:extra 640\n7:7\nsub\nw=$PATH\n1\n-\nl');
  });

  await t.test('stages', async () => {
    const dockerfile = [
      'ARG base=busybox',
      'FROM $base AS One',
      'RUN echo 1 > /1',
      'FROM one AS two',
      'RUN echo 2 > /2; cat /1',
      'FROM scratch',
      'COPY --from=one /1 /',
      'COPY --from=1 /2 /two/',
      'COPY --from=busybox /bin/busybox /bin/busybox',
      'RUN ["/bin/busybox", "echo", "ran"]',
      'ENTRYPOINT ["/bin/busybox", "cat", "/1", "/two/2"]',
    ].join('\n');
    const { stdout } = await built(daemon, { Dockerfile: dockerfile }, ['-t', 'staged']);
    assert.match(stdout, /\nran\n/);
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'staged'), '1\n2');
    const target = await built(daemon, { Dockerfile: dockerfile }, ['--target', 'TWO', '-t', 'two']);
    assert.match(target.shape, /^Step 1\/5 : ARG base=busybox\n/);
    assert.equal(await run(daemon, 'two', 'cat /2'), '2');
  });

  await t.test('limits, hosts, network of RUN', async () => {
    const { stdout } = await built(
      daemon,
      {
        Dockerfile:
          'FROM busybox\nRUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes; grep made.up /etc/hosts; ulimit -n; df /dev/shm | tail -1; ls /sys/class/net',
      },
      [
        ...[
          '--memory',
          '64m',
          '--memory-swap',
          '128m',
          '--cpu-shares',
          '100',
          '--add-host',
          'made.up:10.1.2.3',
        ],
        ...['--ulimit', 'nofile=99:99', '--shm-size', '1m', '--network', 'none'],
      ],
    );
    for (const wanted of [/\n67108864\n/, /10\.1\.2\.3\s+made\.up/, /\n99\n/, /\s1024\s/, /\nlo\n(?!eth)/])
      assert.match(stdout, wanted);
  });
});
