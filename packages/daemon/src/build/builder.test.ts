import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Digest, Image } from '../images/types.js';
import { fixture, writeTree } from './testing.js';

const short = (id: Digest): string => id.slice(7, 19);
const read =
  (...paths: string[]) =>
  (root: string): Promise<string[]> =>
    Promise.all(paths.map((path) => readFile(join(root, path), 'utf8')));

test('a build tells its steps as the classic builder does, and the cache repeats them', async (t) => {
  const { build, base, containers, images } = await fixture(t);
  const dockerfile = 'FROM base\nENV A=1\nRUN echo $A > /a; echo told\nCOPY x /x\nCMD ["/x"]\n';
  const first = await build(dockerfile, { x: 'X' }, { tags: ['made:latest'] });
  const step = (index: number): string => {
    const ids: Digest[] = [];
    for (let at: Image | undefined = first.image; at; at = at.parent && images.find(at.parent))
      ids.unshift(at.id);
    return short(ids[index]!);
  };
  const pattern = [
    'Step 1/5 : FROM base',
    ` ---> ${short(base.id)}`,
    'Step 2/5 : ENV A=1',
    ' ---> Running in [0-9a-f]{12}',
    'Removing intermediate container [0-9a-f]{12}',
    ` ---> ${step(1)}`,
    'Step 3/5 : RUN echo \\$A > /a; echo told',
    ' ---> Running in c{12}',
    'told',
    'Removing intermediate container c{12}',
    ` ---> ${step(2)}`,
    'Step 4/5 : COPY x /x',
    ` ---> ${step(3)}`,
    'Step 5/5 : CMD \\["/x"\\]',
    ' ---> Running in [0-9a-f]{12}',
    'Removing intermediate container [0-9a-f]{12}',
    ` ---> ${step(4)}`,
    `Successfully built ${short(first.image.id)}`,
    'Successfully tagged made:latest',
    '',
  ].join('\n');
  assert.match(first.text, new RegExp(`^${pattern}$`));
  assert.deepEqual(containers(), []);
  assert.deepEqual(
    first.image.config
      .history!.slice(1)
      .map(({ created_by, empty_layer }) => [created_by, empty_layer ?? false]),
    [
      ['/bin/sh -c #(nop)  ENV A=1', true],
      ['/bin/sh -c echo $A > /a; echo told', false],
      [first.image.config.history![3]!.created_by, false],
      ['/bin/sh -c #(nop)  CMD ["/x"]', true],
    ],
  );
  assert.match(
    first.image.config.history![3]!.created_by!,
    /^\/bin\/sh -c #\(nop\) COPY file:[0-9a-f]{64} in \/x $/,
  );
  assert.deepEqual(first.messages.find(({ aux }) => aux)?.aux, { ID: first.image.id });

  const again = await build(dockerfile, { x: 'X' });
  assert.equal(again.image.id, first.image.id);
  assert.equal(again.text.match(/ ---> Using cache\n/g)?.length, 4);
  const changed = await build(dockerfile, { x: 'Y' });
  assert.equal(changed.text.match(/ ---> Using cache\n/g)?.length, 2);
  const fresh = await build(dockerfile, { x: 'X' }, { noCache: true });
  assert.doesNotMatch(fresh.text, /Using cache/);
});

test('COPY: files, directories, wildcards, owners, modes, links that lead out', async (t) => {
  const { build, inspect } = await fixture(t);
  const { image } = await build(
    [
      'FROM base',
      'WORKDIR /w/x',
      'COPY a .',
      'COPY d /dir',
      'COPY d/*.txt a /many/',
      'COPY --chown=me:gang a /owned',
      'COPY --chown=5 --chmod=750 d /numbers',
      'COPY a /out/inner/',
      'COPY --exclude=*.txt d /some/',
      'COPY link /followed',
      'COPY ["a b", "/with blank"]',
    ].join('\n'),
    {
      a: 'A',
      'd/1.txt': '1',
      'd/2.txt': '2',
      'd/sub/3': '3',
      link: '-> a',
      'a b': 'blank',
      'd/l': '-> /etc/shadow',
    },
  );
  await inspect(image, async (root) => {
    assert.deepEqual(
      await read(
        'w/x/a',
        'dir/1.txt',
        'dir/sub/3',
        'many/1.txt',
        'many/2.txt',
        'many/a',
        'etc/a',
        'followed',
        'with blank',
      )(root),
      ['A', '1', '3', '1', '2', 'A', 'A', 'A', 'blank'],
    );
    const owned = await lstat(join(root, 'owned'));
    assert.deepEqual([owned.uid, owned.gid], [7, 9]);
    for (const path of ['numbers', 'numbers/sub', 'numbers/sub/3']) {
      const stats = await lstat(join(root, path));
      assert.deepEqual([stats.uid, stats.gid], [5, 5], path);
    }
    assert.equal((await lstat(join(root, 'numbers/1.txt'))).mode & 0o7777, 0o750);
    assert.deepEqual((await readdir(join(root, 'some'))).sort(), ['l', 'sub']);
    assert.ok((await lstat(join(root, 'dir/l'))).isSymbolicLink());
  });
});

test('COPY of a directory takes links in a circle as they are; one of them is no source', async (t) => {
  const { build, inspect } = await fixture(t);
  const files = { 'd/round': '-> round', 'd/a': '-> b', 'd/b': '-> a' };
  const { image } = await build('FROM base\nCOPY d /d', files);
  await inspect(image, async (root) =>
    assert.deepEqual((await readdir(join(root, 'd'))).sort(), ['a', 'b', 'round']),
  );
  await assert.rejects(
    build('FROM base\nCOPY d/a /x', files),
    /COPY failed: forbidden path outside the build context: d\/a \(\)/,
  );
});

test('ADD unpacks archives; heredocs become files', async (t) => {
  const { build, inspect, directory } = await fixture(t);
  const tree = join(directory, 'packed');
  await writeTree(tree, { 'p/q': 'Q', 'p/r': 'R' });
  const tar = spawnSync('tar', ['-cz', '-C', tree, 'p']).stdout;
  const { image } = await build(
    [
      'FROM base\nADD t.tar.gz /t/\nADD --unpack=false t.tar.gz /kept/\nCOPY t.tar.gz /copied\nADD notar.gz /n/',
      'ENV V=1\nCOPY <<A <<"B" /here/\nv=$V\nA\nv=$V\nB\nRUN <<EOF\necho script > /script\necho $V >> /script\nEOF',
      'RUN cat <<X > /doc\nhello\nX\n',
    ].join('\n'),
    { 't.tar.gz': tar, 'notar.gz': 'plain' },
  );
  await inspect(image, async (root) => {
    assert.deepEqual(await read('t/p/q', 'n/notar.gz', 'here/A', 'here/B', 'script', 'doc')(root), [
      'Q',
      'plain',
      'v=1\n',
      'v=$V\n',
      'script\n1\n',
      'hello\n',
    ]);
    assert.deepEqual([...(await readFile(join(root, 'kept/t.tar.gz')))], [...tar]);
    assert.deepEqual([...(await readFile(join(root, 'copied')))], [...tar]);
  });
});

test('stages, --from by name, number and image, --target, scratch', async (t) => {
  const { build, inspect, images } = await fixture(t);
  const dockerfile =
    'ARG from=base\nFROM $from AS one\nRUN echo 1 > /1\nFROM one AS two\nRUN echo 2 > /2\nFROM scratch\n' +
    'COPY --from=one /1 /\nCOPY --from=1 /2 /two/\nCOPY --from=base /etc/ /etc/\n';
  const { image, text } = await build(dockerfile);
  assert.match(text, /^Step 1\/9 : ARG from=base\nStep 2\/9 : FROM \$from AS one\n/);
  await inspect(image, async (root) => {
    assert.deepEqual(await read('1', 'two/2')(root), ['1\n', '2\n']);
    // Nothing of what containers get mounted on.
    assert.deepEqual((await readdir(join(root, 'etc'))).sort(), ['group', 'passwd']);
  });
  const two = await build(dockerfile, {}, { target: 'TWO', labels: { b: '2', a: '1' } });
  assert.match(two.text, /Step 6\/7 : LABEL a=1\n.*Step 7\/7 : LABEL b=2\n/s);
  assert.deepEqual(two.image.config.config?.Labels, { a: '1', b: '2' });
  await assert.rejects(
    build(dockerfile, {}, { target: 'x' }),
    /failed to reach build target x in Dockerfile/,
  );
  await assert.rejects(build('FROM scratch'), /No image was generated. Is your Dockerfile empty\?/);
  await assert.rejects(build('FROM base AS a\nFROM base AS a'), /a stage name already used/);
  await assert.rejects(
    build('FROM base\nCOPY --from=0 x y'),
    /invalid from flag value 0: refers to current build stage/,
  );
  await assert.rejects(build('FROM nosuch'), /pull access denied for nosuch/);
  assert.ok(images.list().length > 0);
});

test('ARG and ENV', async (t) => {
  const { build } = await fixture(t);
  const { text, image } = await build(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    'FROM base\nARG a=1\nARG b\nENV c=$a-${b:-none}\nRUN echo "$a $b $c $http_proxy"\nENV a=env\nRUN echo $a\n',
    {},
    { args: { b: 'B', unused: 'u', http_proxy: 'p' } },
  );
  assert.match(text, /\n1 B 1-B p\n/);
  assert.match(text, /\nenv\n/);
  assert.match(text, /\[Warning\] One or more build-args \[unused\] were not consumed\n/);
  assert.equal(image.config.history!.at(-3)!.created_by, '|2 a=1 b=B /bin/sh -c echo "$a $b $c $http_proxy"');
});

test('ONBUILD runs in the next build', async (t) => {
  const { build, images, inspect } = await fixture(t);
  const parent = await build('FROM base\nONBUILD COPY y /y\nONBUILD RUN echo ran > /ran');
  await images.tag(parent.image.id, 'trigger:latest');
  const { image, text } = await build('FROM trigger\nCMD x', { y: 'Y' });
  assert.match(text, /# Executing 2 build triggers\n/);
  assert.equal(image.config.config?.OnBuild, undefined);
  await inspect(image, async (root) => assert.deepEqual(await read('y', 'ran')(root), ['Y', 'ran\n']));
});

test('a step whose image cannot be recorded leaves no layer', async (t) => {
  const { build, layers, images } = await fixture(t);
  const before = layers.list();
  t.mock.method(images, 'add', async () => {
    throw new Error('no space left on device');
  });
  for (const step of ['RUN echo x > /x', 'COPY x /x', 'WORKDIR /made'])
    await assert.rejects(build(`FROM base\n${step}`, { x: 'X' }), /no space left on device/, step);
  assert.deepEqual(layers.list(), before);
});

test('what fails says what Docker says, and leaves no root behind', async (t) => {
  const { build, layers, containers } = await fixture(t);
  const cases: [string, RegExp][] = [
    ['FROM base\nRUN exit 7', /The command '\/bin\/sh -c exit 7' returned a non-zero code: 7/],
    [
      'FROM base\nCOPY nosuch /',
      /COPY failed: file not found in build context or excluded by .dockerignore: stat nosuch: file does not exist/,
    ],
    ['FROM base\nCOPY no*such /', /COPY failed: no source files were specified/],
    [
      'FROM base\nCOPY ../../etc/passwd /',
      /COPY failed: forbidden path outside the build context: ..\/..\/etc\/passwd \(\)/,
    ],
    [
      'FROM base\nCOPY . /etc/passwd',
      /failed to copy files: failed to copy directory: mkdir \/etc\/passwd: not a directory/,
    ],
    ['FROM base\nRUN --mount=type=cache,target=/x true', /the --mount option requires BuildKit/],
    [
      'FROM base\nCOPY Dockerfile . /x',
      /When using COPY with more than one source file, the destination must be a directory and end with a \//,
    ],
    ['FROM base\nCOPY http://x/y /', /COPY failed: source can't be a URL for COPY/],
    ['FROM base\nCOPY --chown=nobody Dockerfile /', /can't find uid for user nobody: no such user: nobody/],
    ['FROM base\nCOPY --chmod=9 Dockerfile /', /invalid chmod parameter: '9'/],
    [
      'FROM base\nCOPY Dockerfile /etc/passwd/x',
      /failed to copy files: stat \/etc\/passwd\/x: not a directory/,
    ],
    ['FROM base\nWORKDIR /etc/passwd/x', /mkdir \/etc\/passwd\/x: not a directory/],
    ['FROM base\nWORKDIR /etc/passwd', /Cannot mkdir: \/etc\/passwd is not a directory/],
    ['FROM base\nSTOPSIGNAL FOO', /Invalid signal: FOO/],
    ['FROM base\nEXPOSE x', /Invalid containerPort: x/],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test
    ['FROM ${nothing}', /base name \(\${nothing}\) should not be blank/],
    ['FROM base\nENV a=${b', /failed to process/],
    ['FROM base\nCOPY --from=nosuch a b', /invalid from flag value nosuch: pull access denied/],
  ];
  for (const [dockerfile, message] of cases) await assert.rejects(build(dockerfile), message, dockerfile);
  assert.equal(containers().length, 1, 'the container of the failed RUN is the user’s');
  assert.deepEqual(await layers.roots(), containers());
});
