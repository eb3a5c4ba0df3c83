/** `docker build`: what it prints, its cache, several at once. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  build,
  built,
  classic,
  contextOf,
  type Files,
  inspect,
  leavesNothing,
  run,
  start,
} from './builds.js';

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

  await t.test('steps before the one that failed serve the next build', async () => {
    const layers = (): string[] => readdirSync(join(daemon.dataRoot, 'layers/graph'));
    const count = async (): Promise<number> =>
      Number(
        await daemon.ok('system', 'df', '--format', '{{.TotalCount}}').then((text) => text.split('\n')[0]),
      );
    const [before, shown] = [layers().length, await count()];
    const failing = { Dockerfile: 'FROM busybox\nRUN touch /kept\nRUN touch /too\nRUN touch /lost; exit 3' };
    const first = await build(daemon, failing, ['--force-rm']);
    assert.equal(first.code, 3);
    assert.equal(layers().length, before + 2, 'the failed step leaves no layer');
    assert.equal(await count(), shown + 1, 'df counts the last step only');
    const again = await build(daemon, failing, ['--force-rm']);
    assert.equal(again.shape.match(/Using cache/g)?.length, 2);
    assert.equal(layers().length, before + 2);
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
