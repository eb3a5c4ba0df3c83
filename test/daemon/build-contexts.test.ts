/** `docker build`: where its files come from. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, built, classic, contextOf, leavesNothing, run, start } from './builds.js';

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
        '/unknown': ['application/octet-stream', 'FROM busybox\nRUN echo guessed'],
        '/unknown.tar': ['application/octet-stream', archive],
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
      assert.ok(
        remote.text.startsWith(
          `{"status":"${url}/Dockerfile","progressDetail":{"current":28},"progress":"     28B","id":"Downloading context"}`,
        ),
        remote.text,
      );
      const guessed = await daemon.api('POST', `/build?remote=${encodeURIComponent(`${url}/unknown`)}`);
      assert.match(guessed.text, /"stream":"guessed\\n"/);
      const untold = await daemon.api('POST', `/build?remote=${encodeURIComponent(`${url}/unknown.tar`)}`);
      assert.match(untold.text, /Successfully built/);
      const archive = await daemon.api(
        'POST',
        `/build?t=far&remote=${encodeURIComponent(`${url}/context.tar.gz`)}`,
      );
      assert.match(archive.text, /Successfully tagged far:latest/);
      assert.equal(await run(daemon, 'far', 'cat /c/r'), 'R');
      const page = await daemon.api('POST', `/build?remote=${encodeURIComponent(`${url}/page`)}`);
      assert.equal(page.status, 500);
      assert.match(page.text, /^\{"message":"error detecting content type .* unsupported Content-Type/);
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
