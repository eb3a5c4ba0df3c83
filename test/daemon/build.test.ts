/** `docker build` and `docker commit`: the classic builder as the docker command line and its output know it. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Outcome, startDaemon, type TestDaemon } from './daemon.js';
import { busyboxImage, dockerArchive, loadImages } from './images.js';

type Files = Readonly<Record<string, string | Uint8Array>>;

const link = (target: string): string => `-> ${target}`;

/** A directory with these files; `-> x` is a link. */
function contextOf(daemon: TestDaemon, files: Files): string {
  const directory = mkdtempSync(join(daemon.scratch, 'context-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> ')) symlinkSync(content.slice(3), path);
    else writeFileSync(path, content);
  }
  return directory;
}

const classic = { DOCKER_BUILDKIT: '0' };

interface Built extends Outcome {
  /** Output with changing IDs replaced. */
  shape: string;
}

const shapeOf = (text: string): string =>
  text
    .replace(/^DEPRECATED:.*\n(?: {4}.*\n)*\n?/gm, '')
    .replace(/^Sending build context[^\n]*\n/m, '')
    .replaceAll(/[0-9a-f]{64}/g, 'SUM')
    .replaceAll(/(?<= ---> |Running in |container |built )[0-9a-f]{12}/g, 'ID');

async function build(
  daemon: TestDaemon,
  files: Files,
  flags: readonly string[] = [],
  cli = 'docker',
): Promise<Built> {
  const directory = contextOf(daemon, files);
  const outcome = await daemon.run(cli, ['build', ...flags, directory], { env: classic });
  return { ...outcome, shape: shapeOf(outcome.stdout) };
}

async function built(daemon: TestDaemon, files: Files, flags: readonly string[] = []): Promise<Built> {
  const outcome = await build(daemon, files, flags);
  assert.equal(outcome.code, 0, `${outcome.stdout}${outcome.stderr}`);
  return outcome;
}

async function start(t: TestContext): Promise<TestDaemon> {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  return daemon;
}

async function inspect<T>(daemon: TestDaemon, image: string, template: string): Promise<T> {
  return JSON.parse(await daemon.ok('image', 'inspect', '--format', `{{json ${template}}}`, image)) as T;
}

const run = (daemon: TestDaemon, image: string, command: string): Promise<string> =>
  daemon.ok('run', '--rm', '--network', 'none', '--entrypoint', '/bin/sh', image, '-c', command);

async function leavesNothing(daemon: TestDaemon): Promise<void> {
  assert.equal(await daemon.ok('ps', '-aq'), '');
  assert.deepEqual(readdirSync(join(daemon.dataRoot, 'tmp')), []);
  assert.deepEqual(readdirSync(join(daemon.dataRoot, 'builds')), []);
  assert.deepEqual(readdirSync(join(daemon.dataRoot, 'layers/roots')), []);
}

test('what docker build prints', async (t) => {
  const daemon = await start(t);
  const dockerfile = 'FROM busybox\nENV A=1\nRUN echo $A; echo wrong >&2\nCOPY a /a\nCMD ["cat", "/a"]\n';
  const fresh = [
    'Step 1/5 : FROM busybox',
    ' ---> ID',
    'Step 2/5 : ENV A=1',
    ' ---> Running in ID',
    'Removing intermediate container ID',
    ' ---> ID',
    'Step 3/5 : RUN echo $A; echo wrong >&2',
    ' ---> Running in ID',
    '1',
    '\u001b[91mwrong',
    '\u001b[0mRemoving intermediate container ID',
    ' ---> ID',
    'Step 4/5 : COPY a /a',
    ' ---> ID',
    'Step 5/5 : CMD ["cat", "/a"]',
    ' ---> Running in ID',
    'Removing intermediate container ID',
    ' ---> ID',
    'Successfully built ID',
    'Successfully tagged made:latest',
    'Successfully tagged made:2',
    '',
  ].join('\n');
  const files = { Dockerfile: dockerfile, a: 'A\n' };
  const flags = ['-t', 'made', '-t', 'made:2'];

  await t.test('step by step', async () => {
    const { shape } = await built(daemon, files, flags);
    // The two streams of a RUN race.
    assert.equal(shape.replace('\u001b[91mwrong\n\u001b[0m1\n', '1\n\u001b[91mwrong\n\u001b[0m'), fresh);
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'made:2'), 'A');
    await leavesNothing(daemon);
  });

  await t.test('from the cache', async () => {
    const { shape } = await built(daemon, files, flags);
    assert.equal(shape.match(/ ---> Using cache\n/g)?.length, 4);
    assert.doesNotMatch(shape, /Running in/);
  });

  await t.test('with the command line of 20.10', async () => {
    const { code, shape, stderr } = await build(daemon, files, flags, '/usr/bin/docker');
    assert.equal(code, 0, stderr);
    assert.match(shape, /^Step 1\/5 : FROM busybox\n ---> ID\n.*Successfully tagged made:2\n$/s);
  });

  await t.test('without the buildx plugin and without DOCKER_BUILDKIT', async () => {
    const directory = contextOf(daemon, files);
    const { code, stdout, stderr } = await daemon.run('docker', ['build', '-t', 'made', directory]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Successfully tagged made:latest/);
  });

  await t.test('--quiet prints the ID, --iidfile gets it', async () => {
    const file = join(daemon.scratch, 'iid');
    const { stdout } = await built(daemon, files, ['-q', '--iidfile', file]);
    assert.match(stdout.trim(), /^sha256:[0-9a-f]{64}$/);
    assert.equal(readFileSync(file, 'utf8').trim(), stdout.trim());
    const failing = await build(daemon, { Dockerfile: 'FROM busybox\nRUN echo told; exit 3' }, ['-q']);
    assert.equal(failing.code, 3);
    assert.match(failing.stderr, /returned a non-zero code: 3/);
    await daemon.ok('container', 'prune', '-f');
  });

  await t.test('a RUN that fails: code and text, its container is kept unless --force-rm', async () => {
    const { code, stderr } = await build(daemon, { Dockerfile: 'FROM busybox\nRUN exit 7' });
    assert.equal(code, 7);
    assert.match(stderr, /The command '\/bin\/sh -c exit 7' returned a non-zero code: 7/);
    assert.equal((await daemon.ok('ps', '-aq')).split('\n').length, 1);
    await daemon.ok('container', 'prune', '-f');
    await build(daemon, { Dockerfile: 'FROM busybox\nRUN exit 7' }, ['--force-rm']);
    await leavesNothing(daemon);
  });
});

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

test('contexts', async (t) => {
  const daemon = await start(t);
  const dockerfile = 'FROM busybox\nCOPY . /c\nCMD find /c -type f | sort\n';

  await t.test('.dockerignore and -f', async () => {
    const files = {
      '.dockerignore': '# no logs\n**/*.log\nsecret\n!secret/told\nDockerfile*\n',
      'sub/Dockerfile.other': dockerfile,
      Dockerfile: 'FROM nothing',
      'a.log': '',
      'sub/b.log': '',
      'secret/kept': '',
      'secret/told': '',
      c: '',
    };
    const directory = contextOf(daemon, files);
    const outcome = await daemon.run(
      'docker',
      ['build', '-t', 'ignored', '-f', join(directory, 'sub/Dockerfile.other'), directory],
      { env: classic },
    );
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.equal(
      await daemon.ok('run', '--rm', '--network', 'none', 'ignored'),
      ['.dockerignore', 'c', 'secret/told', 'sub/Dockerfile.other'].map((name) => `/c/${name}`).join('\n'),
    );
  });

  await t.test('archives on standard input, compressed in every way', async () => {
    const directory = contextOf(daemon, { Dockerfile: dockerfile, f: 'F' });
    for (const compression of ['', '-z', '-j', '-J']) {
      const input = execFileSync('tar', [`-c${compression.slice(1)}`, '-C', directory, '.']);
      const outcome = await daemon.run('docker', ['build', '-t', 'piped', '-'], { env: classic, input });
      assert.equal(outcome.code, 0, `${compression}: ${outcome.stderr}`);
    }
    assert.equal(await run(daemon, 'piped', 'cat /c/f'), 'F');
    const alone = await daemon.run('docker', ['build', '-'], {
      env: classic,
      input: 'FROM busybox\nRUN echo alone',
    });
    assert.match(alone.stdout, /\nalone\n/);
  });

  const serve = async (): Promise<{ url: string; server: Server }> => {
    const archive = execFileSync('tar', [
      '-cz',
      '-C',
      contextOf(daemon, { Dockerfile: dockerfile, r: 'R' }),
      '.',
    ]);
    const server = createServer((asked, response) => {
      const bodies: Record<string, [string, string | Buffer]> = {
        '/Dockerfile': ['text/plain', 'FROM busybox\nRUN echo remote'],
        '/context.tar.gz': ['application/gzip', archive],
        '/page': ['text/html', '<html>'],
        '/file.txt': ['text/plain', 'downloaded'],
        '/dir/': ['text/plain', 'unnamed'],
      };
      const found = bodies[asked.url ?? ''];
      response.writeHead(found ? 200 : 404, {
        'Content-Type': found?.[0] ?? 'text/plain',
        'Last-Modified': 'Mon, 02 Jan 2006 15:04:05 GMT',
      });
      response.end(found?.[1] ?? 'nothing here');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  };

  await t.test('by URL, and URLs of ADD', async () => {
    const { url, server } = await serve();
    try {
      const remote = await daemon.api('POST', `/build?remote=${encodeURIComponent(`${url}/Dockerfile`)}`);
      assert.match(remote.text, /"stream":"remote\\n"/);
      const archive = await daemon.api(
        'POST',
        `/build?t=far&remote=${encodeURIComponent(`${url}/context.tar.gz`)}`,
      );
      assert.match(archive.text, /Successfully tagged far:latest/);
      assert.equal(await run(daemon, 'far', 'cat /c/r'), 'R');
      const page = await daemon.api('POST', `/build?remote=${encodeURIComponent(`${url}/page`)}`);
      assert.match(page.text, /unsupported Content-Type/);
      const gone = await daemon.api('POST', `/build?remote=${encodeURIComponent(`${url}/gone`)}`);
      assert.match(gone.text, /error downloading remote context .*404 Not Found: nothing here/);

      const sum = createHash('sha256').update('downloaded').digest('hex');
      await built(
        daemon,
        {
          Dockerfile: `FROM busybox\nADD --checksum=sha256:${sum} ${url}/file.txt /d/\nADD ${url}/dir/ /named`,
        },
        ['-t', 'added'],
      );
      assert.equal(
        await run(daemon, 'added', 'cat /d/file.txt /named; stat -c " %a %Y" /d/file.txt'),
        'downloadedunnamed 600 1136214245',
      );
      const wrong = await build(daemon, {
        Dockerfile: `FROM busybox\nADD --checksum=sha256:${'0'.repeat(64)} ${url}/file.txt /`,
      });
      assert.match(wrong.stderr, /ADD failed: digest mismatch/);
      const missing = await build(daemon, { Dockerfile: `FROM busybox\nADD ${url}/none /` });
      assert.match(missing.stderr, /ADD failed: failed to GET .* with status 404 Not Found: nothing here/);
      const unnamed = await build(daemon, { Dockerfile: `FROM busybox\nADD ${url}/dir/ /d/` });
      assert.match(unnamed.stderr, /cannot determine filename for source/);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  await t.test('a git repository: branch and directory', async () => {
    const repository = contextOf(daemon, { 'app/Dockerfile': dockerfile, 'app/g': 'G' });
    const git = (...words: string[]): string =>
      execFileSync(
        'git',
        ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...words],
        {
          encoding: 'utf8',
        },
      );
    git('init', '-q', '-b', 'side');
    git('add', '.');
    git('commit', '-qm', 'x');
    const port = 20000 + (process.pid % 20000);
    const server = spawn(
      'git',
      [
        'daemon',
        '--reuseaddr',
        '--listen=127.0.0.1',
        `--port=${port}`,
        '--export-all',
        `--base-path=${repository}`,
        repository,
      ],
      { stdio: 'ignore' },
    );
    try {
      let reply = { text: '' };
      for (let attempt = 0; attempt < 20; attempt++) {
        const remote = encodeURIComponent(`git://127.0.0.1:${port}/.git#side:app`);
        reply = await daemon.api('POST', `/build?t=git&remote=${remote}`);
        if (!reply.text.includes('unable to connect')) break;
        await sleep(100);
      }
      assert.match(reply.text, /Successfully tagged git:latest/);
      assert.equal(await run(daemon, 'git', 'cat /c/g'), 'G');
      const bad = await daemon.api(
        'POST',
        `/build?remote=${encodeURIComponent(`git://127.0.0.1:${port}/.git#-x`)}`,
      );
      assert.match(bad.text, /invalid refspec: -x/);
    } finally {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    await leavesNothing(daemon);
  });
});

test('the cache', async (t) => {
  const daemon = await start(t);
  const dockerfile = 'FROM busybox\nARG v\nCOPY f d/ /x/\nRUN echo $v $(date +%N) > /stamp\n';
  const files = { Dockerfile: dockerfile, f: '1', 'd/e': '2' };
  const stamp = (image: string): Promise<string> => run(daemon, image, 'cat /stamp');
  const hits = async (from: Files, ...flags: string[]): Promise<number> =>
    ((await built(daemon, from, flags)).shape.match(/Using cache/g) ?? []).length;

  assert.equal(await hits(files, '-t', 'first'), 0);
  assert.equal(await hits(files, '-t', 'second'), 3);
  assert.equal(await stamp('first'), await stamp('second'));
  assert.equal(await hits(files, '--build-arg', 'v=1'), 2, 'an argument is part of the key of RUN');
  await hits(files, '--build-arg', 'http_proxy=x');
  assert.equal(await hits(files, '--build-arg', 'http_proxy=y'), 3, 'the value of a proxy is not');
  assert.equal(await hits({ ...files, f: 'other' }), 1, 'content is');
  assert.equal(await hits(files, '--no-cache'), 0);

  await t.test('times of files are not part of it', async () => {
    const directory = contextOf(daemon, files);
    utimesSync(join(directory, 'f'), 1, 1);
    const { stdout } = await daemon.run('docker', ['build', directory], { env: classic });
    assert.equal(stdout.match(/Using cache/g)?.length, 3);
  });

  await t.test('--cache-from an image without its parents', async () => {
    const archive = join(daemon.scratch, 'cached.tar');
    const before = await stamp('first');
    await daemon.ok('save', '-o', archive, 'first');
    const all = [...new Set((await daemon.ok('images', '-aq')).split('\n'))];
    const busybox = await inspect<string>(daemon, 'busybox', '.Id');
    await daemon.ok('rmi', '-f', ...all.filter((id) => !busybox.includes(id)));
    await daemon.ok('load', '-i', archive);
    assert.equal(await hits(files, '--cache-from', 'first', '-t', 'third'), 3);
    assert.equal(await stamp('third'), before);
  });
});

test('what cannot be built', async (t) => {
  const daemon = await start(t);
  const tar = await dockerArchive();

  const cases: [string, RegExp][] = [
    [
      'FROM busybox\n\n FOO bar',
      /dockerfile parse error line 3: unknown instruction: FOO \(line 3, column 2\)/,
    ],
    ['RUN x', /no build stage in current context/],
    ['# empty', /failed to parse Dockerfile: file with no instructions \(line 1, column 1\)/],
    ['FROM busybox\nENV a', /failed to parse Dockerfile: ENV must have two arguments/],
    ['FROM busybox\nCOPY x', /COPY requires at least two arguments, but only one was provided/],
    [
      'FROM busybox\nCOPY nosuch /',
      /COPY failed: file not found in build context or excluded by .dockerignore: stat nosuch: file does not exist/,
    ],
    ['FROM busybox\nCOPY /etc/passwd /', /COPY failed: file not found in build context/],
    ['FROM busybox\nCOPY ../x /', /COPY failed: forbidden path outside the build context: \.\.\/x \(\)/],
    ['FROM busybox\nCOPY escape /', /COPY failed: file not found in build context/],
    ['FROM busybox\nCOPY --from=5 a b', /invalid from flag value 5: index out of bounds/],
    ['FROM busybox\nCOPY --from=0 a b', /invalid from flag value 0: refers to current build stage/],
    ['FROM busybox\nCOPY --chown=who Dockerfile /', /can't find uid for user who: no such user: who/],
    ['FROM busybox\nRUN --mount=type=cache,target=/x true', /the --mount option requires BuildKit/],
    ['FROM scratch', /No image was generated. Is your Dockerfile empty\?/],
    ['FROM UPPER', /must be lowercase/],
    ['FROM busybox AS a\nFROM busybox AS A', /a stage name already used/],
    ['FROM --platform=x/y/z/w busybox', /failed to parse platform/],
  ];
  for (const [dockerfile, message] of cases) {
    const { code, stderr } = await build(daemon, {
      Dockerfile: dockerfile,
      escape: link('/etc/passwd.none'),
    });
    assert.equal(code, 1, dockerfile);
    assert.match(stderr, message, dockerfile);
  }
  const scratch = await build(daemon, { Dockerfile: 'FROM scratch\nRUN x' });
  assert.match(scratch.stderr, /exec: "\/bin\/sh": stat \/bin\/sh: no such file or directory/);
  assert.match(await daemon.ok('ps', '-a', '--format', '{{.Command}}'), /\/bin\/sh -c x/);
  await daemon.ok('container', 'prune', '-f');
  const target = await build(daemon, { Dockerfile: 'FROM busybox' }, ['--target', 'x']);
  assert.match(target.stderr, /failed to reach build target x in Dockerfile/);
  const squash = await daemon.api('POST', '/build?squash=1', tar, { 'Content-Type': 'application/x-tar' });
  assert.deepEqual(
    [squash.status, JSON.parse(squash.text)],
    [400, { message: 'squash is only supported with experimental mode' }],
  );
  const buildKit = await daemon.api('POST', '/build?version=2', tar, { 'Content-Type': 'application/x-tar' });
  assert.equal(buildKit.status, 501);
  const noDockerfile = await daemon.api('POST', '/build', tar, { 'Content-Type': 'application/x-tar' });
  assert.deepEqual(
    [noDockerfile.status, JSON.parse(noDockerfile.text)],
    [500, { message: 'Cannot locate specified Dockerfile: Dockerfile' }],
  );
  const nonsense = await daemon.api('POST', '/build', Buffer.alloc(4096, 7), {
    'Content-Type': 'application/x-tar',
  });
  assert.ok(nonsense.status >= 400, nonsense.text);
  await leavesNothing(daemon);

  const prune = await daemon.api('POST', '/build/prune');
  assert.deepEqual([prune.status, JSON.parse(prune.text)], [200, { CachesDeleted: null, SpaceReclaimed: 0 }]);
  assert.match(await daemon.ok('builder', 'prune', '-f'), /Total reclaimed space: 0B/);
  const cancel = await daemon.api('POST', '/build/cancel');
  assert.deepEqual([cancel.status, JSON.parse(cancel.text)], [400, { message: 'build ID not provided' }]);
});

test('builds that are ended', async (t) => {
  const daemon = await start(t);
  const slow = { Dockerfile: 'FROM busybox\nRUN echo running; sleep 300' };
  const begin = async (): Promise<ReturnType<typeof spawn>> => {
    const child = spawn('docker', ['build', '--no-cache', contextOf(daemon, slow)], {
      env: { ...process.env, ...classic, DOCKER_HOST: `unix://${daemon.socket}` },
    });
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    for (let waited = 0; !text.includes('\nrunning\n'); waited++) {
      assert.ok(waited < 300, text);
      await sleep(100);
    }
    return child;
  };

  await t.test('by the client', async () => {
    const child = await begin();
    child.kill('SIGKILL');
    for (let waited = 0; (await daemon.ok('ps', '-aq')) !== ''; waited++) {
      assert.ok(waited < 100, 'the container of the build is still there');
      await sleep(100);
    }
    await sleep(300);
    await leavesNothing(daemon);
  });

  await t.test('by the client, while it sends the context', async () => {
    const whole = execFileSync('tar', [
      '-c',
      '-C',
      contextOf(daemon, { Dockerfile: 'FROM busybox', big: 'x'.repeat(1e6) }),
      '.',
    ]);
    const sending = request({ socketPath: daemon.socket, method: 'POST', path: '/build', agent: false });
    sending.on('error', () => {});
    sending.write(whole.subarray(0, whole.length / 2));
    const temporary = join(daemon.dataRoot, 'tmp');
    for (let waited = 0; readdirSync(temporary).length === 0; waited++) {
      assert.ok(waited < 100, 'the context is not unpacked');
      await sleep(50);
    }
    sending.destroy();
    for (let waited = 0; readdirSync(temporary).length > 0; waited++) {
      assert.ok(waited < 100, 'the context is still there');
      await sleep(50);
    }
    await leavesNothing(daemon);
  });

  await t.test('by its ID', async () => {
    const directory = contextOf(daemon, slow);
    const context = execFileSync('tar', ['-c', '-C', directory, '.']);
    const reply = daemon.api('POST', '/build?buildid=mine&nocache=1', context, {
      'Content-Type': 'application/x-tar',
    });
    for (let waited = 0; (await daemon.ok('ps', '-q')) === ''; waited++) {
      assert.ok(waited < 100, 'the build does not run');
      await sleep(100);
    }
    assert.equal((await daemon.api('POST', '/build/cancel?id=mine')).status, 200);
    assert.match((await reply).text, /Build cancelled/);
    await leavesNothing(daemon);
  });

  await t.test('by the end of the daemon', async () => {
    await begin();
    await daemon.kill9();
    await daemon.restart();
    await leavesNothing(daemon);
  });

  await t.test('by the end of the daemon within a COPY', async () => {
    await daemon.restart({ NOOS_CRASH_AT: 'build:changed' });
    const { code } = await build(daemon, { Dockerfile: 'FROM busybox\nCOPY Dockerfile /' });
    assert.equal(code, 1);
    await daemon.ended();
    await daemon.restart();
    await leavesNothing(daemon);
    await built(daemon, { Dockerfile: 'FROM busybox\nCOPY Dockerfile /' });
  });
});

test('builds side by side', async (t) => {
  const daemon = await start(t);
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      build(daemon, { Dockerfile: `FROM busybox\nRUN echo ${index} > /n\nCOPY f /f`, f: `${index}` }, [
        '-t',
        `n${index}`,
      ]),
    ),
  );
  for (const { code, stderr } of outcomes) assert.equal(code, 0, stderr);
  assert.equal(await run(daemon, 'n3', 'cat /n /f'), '3\n3');
  await leavesNothing(daemon);
});

test('docker commit', async (t) => {
  const daemon = await start(t);
  await daemon.ok(
    'run',
    '--name',
    'done',
    '--network',
    'none',
    '-e',
    'E=1',
    'busybox',
    'sh',
    '-c',
    'echo C > /c; rm /etc/group',
  );

  await t.test('files, configuration, author and comment', async () => {
    const words = [
      '-a',
      'Me',
      '-m',
      'why',
      '-c',
      'CMD ["cat", "/c"]',
      '-c',
      'ENV X=$E',
      '-c',
      'EXPOSE 80',
      '-c',
      'WORKDIR /w',
    ];
    const id = await daemon.ok('commit', ...words, 'done', 'kept:1');
    assert.equal(await inspect(daemon, 'kept:1', '.Id'), id);
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'kept:1'), 'C');
    assert.equal(await run(daemon, 'kept:1', 'echo $X $E; ls /etc/group 2>&1 | wc -l; pwd'), '1 1\n1\n/w');
    const config = await inspect<{ Cmd: string[]; ExposedPorts: object }>(daemon, 'kept:1', '.Config');
    assert.deepEqual([config.Cmd, config.ExposedPorts], [['cat', '/c'], { '80/tcp': {} }]);
    assert.deepEqual(
      await Promise.all(['.Author', '.Comment'].map((name) => inspect(daemon, 'kept:1', name))),
      ['Me', 'why'],
    );
    assert.equal(await inspect(daemon, 'kept:1', '.Parent'), await inspect(daemon, 'busybox', '.Id'));
  });

  await t.test('a running container is paused meanwhile', async () => {
    await daemon.ok(
      'run',
      '-d',
      '--name',
      'live',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      'echo L > /l; sleep 300',
    );
    for (let waited = 0; (await daemon.docker('exec', 'live', 'cat', '/l')).stdout !== 'L\n'; waited++) {
      assert.ok(waited < 50);
      await sleep(100);
    }
    const since = Math.floor(Date.now() / 1000);
    await daemon.ok('commit', 'live', 'other');
    const events = await daemon.ok(
      ...[
        'events',
        '--since',
        `${since}`,
        '--until',
        `${since + 2}`,
        '--filter',
        'container=live',
        '--format',
        '{{.Action}}',
      ],
    );
    assert.deepEqual(events.split('\n').slice(-3), ['pause', 'unpause', 'commit']);
    assert.equal(await inspect(daemon, 'other', '.Config.Cmd').then((cmd) => (cmd as string[])[0]), 'sh');
    assert.equal(await run(daemon, 'other', 'cat /l'), 'L');
    await daemon.ok('commit', '--pause=false', 'live');
  });

  await t.test('what is refused', async () => {
    const none = await daemon.docker('commit', 'nosuch');
    assert.match(none.stderr, /No such container: nosuch/);
    const change = await daemon.docker('commit', '-c', 'RUN x', 'done');
    assert.match(change.stderr, /RUN is not a valid change command/);
    const name = await daemon.docker('commit', 'done', 'UPPER');
    assert.match(name.stderr, /must be lowercase/);
  });
  await daemon.ok('rm', '-f', 'done', 'live');
});
