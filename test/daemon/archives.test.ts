/** Archives of images and root file systems: save, load, import, export; ours read by skopeo and the reverse. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runProgram, startDaemon } from './daemon.js';
import { busyboxImage, dockerArchive, loadImages, tarOf } from './images.js';

const daemon = await startDaemon({ after });
const { scratch, dataRoot } = daemon;
await loadImages(daemon, busyboxImage());
const path = (name: string): string => join(scratch, name);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const run = async (program: string, ...words: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runProgram(program, words);
  assert.equal(code, 0, `${program} ${words.join(' ')}: ${stderr}`);
  return stdout;
};
const temporary = (): string[] => [
  ...readdirSync(join(dataRoot, 'tmp')),
  ...readdirSync(join(dataRoot, 'layers/tmp')),
];
const idOf = (name: string): Promise<string> => daemon.ok('image', 'inspect', '-f', '{{.Id}}', name);

/** Files of a tar by name. */
async function readTar(file: string): Promise<Map<string, Buffer>> {
  const names = (await run('tar', '-tf', file)).trim().split('\n');
  const directory = `${file}.d`;
  await run('mkdir', '-p', directory);
  await run('tar', '-C', directory, '-xf', file);
  return new Map(
    names.filter((name) => !name.endsWith('/')).map((name) => [name, readFileSync(join(directory, name))]),
  );
}

test('a saved image is an archive of Docker and an OCI layout at once', async () => {
  await daemon.ok('tag', 'busybox', 'saved/box:1');
  await daemon.ok('tag', 'busybox', 'saved/box:2');
  await loadImages(daemon, { tags: ['saved/other:1'], layers: [{ a: 'a' }, { b: 'b' }] });
  await daemon.ok('save', '-o', path('saved.tar'), 'saved/box', 'saved/other:1');
  const files = await readTar(path('saved.tar'));
  const json = (name: string) => JSON.parse(files.get(name)!.toString());
  for (const [name, bytes] of files)
    if (name.startsWith('blobs/')) assert.equal(name, `blobs/sha256/${sha256(bytes)}`);
  assert.deepEqual(json('oci-layout'), { imageLayoutVersion: '1.0.0' });
  const [box, other] = json('manifest.json');
  assert.deepEqual(box.RepoTags, ['saved/box:1', 'saved/box:2']);
  assert.deepEqual(other.RepoTags, ['saved/other:1']);
  assert.equal(other.Layers.length, 2);
  assert.equal(`sha256:${box.Config.split('/').at(-1)}`, await idOf('busybox'));
  for (const name of [box.Config, other.Config, ...box.Layers, ...other.Layers])
    assert.ok(files.has(name), name);
  assert.deepEqual(Object.keys(json('repositories')).sort(), ['saved/box', 'saved/other']);
  assert.deepEqual(Object.keys(json('repositories')['saved/box']), ['1', '2']);
  const index = json('index.json');
  assert.deepEqual(
    index.manifests.map(
      ({ annotations }: { annotations: Record<string, string> }) => annotations['io.containerd.image.name'],
    ),
    ['docker.io/saved/box:1', 'docker.io/saved/box:2', 'docker.io/saved/other:1'],
  );
  for (const { digest, size } of index.manifests) {
    const manifest = files.get(`blobs/sha256/${digest.slice(7)}`)!;
    assert.equal(manifest.length, size);
    for (const layer of JSON.parse(manifest.toString()).layers)
      assert.equal(files.get(`blobs/sha256/${layer.digest.slice(7)}`)!.length, layer.size);
  }
  await daemon.ok('save', '-o', path('again.tar'), 'saved/box', 'saved/other:1');
  assert.ok(
    readFileSync(path('again.tar')).equals(readFileSync(path('saved.tar'))),
    'the same bytes each time',
  );
});

test('what was saved is loaded: names, IDs, messages', async () => {
  const [box, other] = [await idOf('saved/box:1'), await idOf('saved/other:1')];
  await daemon.ok('rmi', '-f', 'saved/box:1', 'saved/box:2', 'saved/other:1');
  assert.equal(
    await daemon.ok('load', '-i', path('saved.tar')),
    'Loaded image: saved/box:1\nLoaded image: saved/box:2\nLoaded image: saved/other:1',
  );
  assert.equal(await idOf('saved/box:2'), box);
  assert.equal(await idOf('saved/other:1'), other);
  await daemon.ok('save', '-o', path('byid.tar'), other);
  await daemon.ok('rmi', 'saved/other:1');
  assert.equal(await daemon.ok('load', '-q', '-i', path('byid.tar')), `Loaded image ID: ${other}`);
  assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'saved/box:1', 'echo', 'runs'), 'runs');
  assert.deepEqual(temporary(), []);
});

test('a loaded name that was taken moves, and the old image is reported', async () => {
  await loadImages(daemon, { tags: ['moves:1'], layers: [{ old: '1' }] });
  const old = await idOf('moves:1');
  const said = await loadImages(daemon, { tags: ['moves:1'], layers: [{ new: '2' }] });
  assert.equal(
    said,
    `The image moves:1 already exists, renaming the old one with ID ${old} to empty string\nLoaded image: moves:1`,
  );
});

test('every compression is loaded and imported', async () => {
  const archive = await dockerArchive({ tags: ['packed:1'], layers: [{ a: 'packed' }] });
  writeFileSync(path('packed.tar'), archive);
  for (const program of ['gzip', 'xz', 'zstd', 'bzip2']) {
    const bytes = execute(program, archive);
    assert.equal(
      await daemon.run('docker', ['load'], { input: bytes }).then(({ stdout }) => stdout.trim()),
      'Loaded image: packed:1',
    );
    await daemon.ok('rmi', 'packed:1');
    const imported = await daemon.run('docker', ['import', '-', 'packed:2'], {
      input: execute(program, await tarOf({ f: program })),
    });
    assert.match(imported.stdout, /^sha256:[0-9a-f]{64}\n$/, imported.stderr);
    await daemon.ok('rmi', 'packed:2');
  }
});

function execute(program: string, input: Buffer): Buffer {
  return execFileSync(program, ['-c'], { input });
}

test('skopeo reads our archives, and we read its', async () => {
  const config = JSON.parse(
    await run('skopeo', 'inspect', '--config', `docker-archive:${path('saved.tar')}:saved/box:1`),
  );
  assert.equal(`sha256:${config.rootfs.diff_ids[0].slice(7)}`, config.rootfs.diff_ids[0]);
  await run(
    'skopeo',
    'copy',
    '-q',
    `docker-archive:${path('saved.tar')}:saved/box:1`,
    `docker-archive:${path('skopeo.tar')}:from/skopeo:docker`,
  );
  assert.equal(await daemon.ok('load', '-i', path('skopeo.tar')), 'Loaded image: from/skopeo:docker');
  await run(
    'skopeo',
    'copy',
    '-q',
    `docker-archive:${path('saved.tar')}:saved/box:1`,
    `oci-archive:${path('oci.tar')}:from/skopeo:oci`,
  );
  assert.equal(await daemon.ok('load', '-i', path('oci.tar')), 'Loaded image: from/skopeo:oci');
  assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'from/skopeo:oci', 'echo', 'oci'), 'oci');
  await run('mkdir', '-p', path('layout'));
  await daemon.ok('save', '-o', path('one.tar'), 'saved/box:1');
  await run('tar', '-C', path('layout'), '-xf', path('one.tar'));
  const [manifest] = JSON.parse(readFileSync(path('layout/index.json'), 'utf8')).manifests;
  assert.equal(JSON.parse(await run('skopeo', 'inspect', `oci:${path('layout')}:1`)).Digest, manifest.digest);
});

test('what is no archive of images is refused and leaves nothing', async () => {
  const load = (bytes: Buffer) => daemon.run('docker', ['load'], { input: bytes });
  const archive = readFileSync(path('packed.tar'));
  const json = (value: unknown): string => JSON.stringify(value);
  const cases: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /does not contain a manifest.json|unexpected EOF/],
    ['noise', Buffer.from('x'.repeat(2000)), /invalid tar header/],
    ['cut', archive.subarray(0, 1600), /unexpected EOF/],
    ['a root file system', await tarOf({ 'etc/passwd': 'x' }), /does not contain a manifest.json/],
    ['not JSON', await tarOf({ 'manifest.json': '{' }), /failed to decode manifest.json/],
    ['null', await tarOf({ 'manifest.json': 'null' }), /manifest cannot be null/],
    [
      'no config',
      await tarOf({ 'manifest.json': json([{ Config: 'x', Layers: [] }]) }),
      /no such file or directory/,
    ],
    [
      'outside',
      await tarOf({ 'manifest.json': json([{ Config: '../../../etc/passwd', Layers: [] }]) }),
      /no such file or directory/,
    ],
    [
      'a link outside',
      await tarOf({
        config: { type: 'symlink', linkname: '/etc/passwd' },
        'manifest.json': json([{ Config: 'config', Layers: [] }]),
      }),
      /no such file or directory/,
    ],
    [
      'fewer layers',
      await tarOf({
        config: json({
          os: 'linux',
          architecture: 'amd64',
          rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] },
        }),
        'manifest.json': json([{ Config: 'config', Layers: [] }]),
      }),
      /layers length mismatch/,
    ],
    [
      'another layer',
      await tarOf({
        config: json({
          os: 'linux',
          architecture: 'amd64',
          rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] },
        }),
        layer: await tarOf({ a: 'a' }),
        'manifest.json': json([{ Config: 'config', Layers: ['layer'] }]),
      }),
      /invalid diffID for layer 0: expected "sha256:[0-9a-f]{64}", got "sha256:/,
    ],
    [
      'for another system',
      await tarOf({
        config: json({ os: 'windows', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } }),
        'manifest.json': json([{ Config: 'config', Layers: [] }]),
      }),
      /cannot load windows image on linux/,
    ],
  ];
  const before = await daemon.ok('images', '-aq');
  for (const [name, bytes, expected] of cases) {
    const { code, stderr, stdout } = await load(bytes);
    assert.notEqual(code, 0, name);
    assert.match(stderr + stdout, expected, name);
  }
  assert.equal(await daemon.ok('images', '-aq'), before);
  assert.deepEqual(temporary(), []);
  for (const [words, expected] of [
    [['save', 'nosuch'], /No such image: nosuch$/m],
    [['save', 'nosuch:1'], /reference does not exist/],
  ] as const)
    assert.match((await daemon.docker(...words, '-o', path('none.tar'))).stderr, expected);
});

test('repeated layers may be links, as docker-archive writes them', async () => {
  const layer = await tarOf({ a: 'twice' });
  const digest = `sha256:${sha256(layer)}`;
  const config = JSON.stringify({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [digest, digest] },
  });
  const archive = await tarOf({
    'config.json': config,
    'one/layer.tar': layer,
    'two/layer.tar': { type: 'symlink', linkname: '../one/layer.tar' },
    'manifest.json': JSON.stringify([
      { Config: 'config.json', RepoTags: ['twice:1'], Layers: ['one/layer.tar', 'two/layer.tar'] },
    ]),
  });
  const { stdout, stderr } = await daemon.run('docker', ['load'], { input: archive });
  assert.equal(stdout.trim(), 'Loaded image: twice:1', stderr);
});

test('import: from a file, a stream, a URL; changes, message, platform', async () => {
  const tar = await tarOf({ 'bin/': '', 'etc/motd': 'imported' });
  writeFileSync(path('root.tar'), tar);
  await daemon.ok(
    ...[
      'import',
      '-m',
      'from a file',
      '-c',
      'CMD ["/bin/x"]',
      '-c',
      'ENV A=b',
      '-c',
      'LABEL l=v',
      '-c',
      'EXPOSE 80',
    ],
    ...['--platform', 'linux/arm64', path('root.tar'), 'imported:1'],
  );
  const [image] = JSON.parse(await daemon.ok('image', 'inspect', 'imported:1'));
  assert.equal(image.Comment, 'from a file');
  assert.equal(image.Architecture, 'arm64');
  assert.deepEqual(image.Config.Cmd, ['/bin/x']);
  assert.deepEqual(image.Config.Env, ['A=b']);
  assert.deepEqual(image.Config.Labels, { l: 'v' });
  assert.deepEqual(image.Config.ExposedPorts, { '80/tcp': {} });
  assert.deepEqual(image.RootFS.Layers, [`sha256:${sha256(tar)}`]);
  assert.match(await daemon.ok('history', '--format', '{{.Comment}}', 'imported:1'), /^from a file$/);

  const server = createServer((request, response) => {
    if (request.url === '/root.tar') response.end(tar);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const said = await daemon.ok('import', `${base}/root.tar`, 'imported:url');
    assert.match(said, new RegExp(`^Downloading from ${base}/root.tar\\n`));
    assert.match(said, /sha256:[0-9a-f]{64}$/);
    const missing = await daemon.docker('import', `${base}/none`, 'imported:none');
    assert.match(missing.stderr, /failed to GET http:\/\/127.0.0.1:\d+\/none with status 404/);
  } finally {
    server.close();
  }
  const refused = await daemon.docker('import', '-c', 'RUN true', path('root.tar'));
  assert.match(refused.stderr, /run is not a valid change command/i);
  const noise = await daemon.run('docker', ['import', '-'], { input: 'x'.repeat(2000) });
  assert.match(noise.stderr, /invalid tar header/);
  assert.deepEqual(temporary(), []);
});

test('export gives the tree of a container, and import makes an image of it', async () => {
  await daemon.ok(
    'run',
    '--name',
    'source',
    '--network',
    'none',
    'busybox',
    'sh',
    '-c',
    'echo kept > /etc/kept; rm /etc/group',
  );
  await daemon.ok('export', '-o', path('tree.tar'), 'source');
  const names = (await run('tar', '-tf', path('tree.tar'))).split('\n');
  assert.ok(names.includes('etc/kept'));
  assert.ok(!names.includes('etc/group'));
  await daemon.ok('import', path('tree.tar'), 'tree:1');
  assert.equal(
    await daemon.ok('run', '--rm', '--network', 'none', 'tree:1', '/bin/busybox', 'cat', '/etc/kept'),
    'kept',
  );
  await daemon.ok('rm', 'source');
});

test('killed while it loads, the daemon starts clean and loads again', async (t) => {
  const victim = await startDaemon(t);
  for (const point of ['layer:unpacked', 'layer:before-rename', 'layer:after-rename']) {
    await victim.restart({ NOOS_CRASH_AT: point });
    assert.notEqual((await victim.docker('load', '-i', path('saved.tar'))).code, 0, point);
    await victim.ended();
    await victim.restart();
    assert.deepEqual(readdirSync(join(victim.dataRoot, 'tmp')), [], point);
    assert.equal(await victim.ok('images', '-q'), '', point);
    await victim.ok('load', '-i', path('saved.tar'));
    await victim.ok(
      'rmi',
      '-f',
      ...(await victim.ok('images', '-q')).split('\n').filter((id, i, all) => all.indexOf(id) === i),
    );
  }
});
