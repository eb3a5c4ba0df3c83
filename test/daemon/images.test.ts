/** Images that are here: list, filters, inspect of every API version, history, tag, remove, prune. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(
  daemon,
  busyboxImage(),
  {
    tags: ['web:1', 'web:2'],
    config: { Labels: { tier: 'front', color: 'red' } },
    layers: [{ shared: 'x'.repeat(5000) }, { web: 'w' }],
  },
  {
    tags: ['registry.example:5000/team/db:1'],
    config: { Labels: { tier: 'back' } },
    layers: [{ shared: 'x'.repeat(5000) }],
  },
);
const idOf = (name: string): Promise<string> => daemon.ok('image', 'inspect', '-f', '{{.Id}}', name);
const names = async (...words: string[]): Promise<string[]> =>
  (await daemon.ok('images', '--format', '{{.Repository}}:{{.Tag}}', ...words))
    .split('\n')
    .filter(Boolean)
    .sort();
const get = async (path: string) => JSON.parse((await daemon.api('GET', path)).text);
/** Gives up the name, so that the image has none. */
async function untag(name: string): Promise<string> {
  const id = await idOf(name);
  await loadImages(daemon, { tags: [name], layers: [{ [name]: String(Math.random()) }] });
  await daemon.ok('rmi', name);
  return id;
}

test('the list and its filters', async () => {
  const all = ['busybox:latest', 'registry.example:5000/team/db:1', 'web:1', 'web:2'];
  assert.deepEqual(await names(), all);
  assert.deepEqual(await names('web'), ['web:1', 'web:2']);
  assert.deepEqual(await names('web:2'), ['web:2']);
  const filter = (...filters: string[]) => names(...filters.flatMap((value) => ['--filter', value]));
  assert.deepEqual(await filter('label=tier'), all.slice(1));
  assert.deepEqual(await filter('label=tier=back'), [all[1]]);
  assert.deepEqual(await filter('label=tier=front', 'label=color=red'), ['web:1', 'web:2']);
  assert.deepEqual(await filter('reference=web:*'), ['web:1', 'web:2']);
  assert.deepEqual(await filter('reference=w?b:[23]'), ['web:2']);
  assert.deepEqual(await filter('reference=*'), ['busybox:latest', 'web:1', 'web:2']);
  assert.deepEqual(await filter('reference=registry.example:5000/*/*'), [all[1]]);
  assert.deepEqual(await filter('reference=busybox', 'reference=web:1'), ['busybox:latest', 'web:1']);
  assert.deepEqual(await filter('until=2026-01-01'), []);
  assert.deepEqual(await filter('until=2026-02-01'), all);
  assert.deepEqual(await filter('since=busybox'), []);
  assert.deepEqual(await filter('dangling=true'), []);
  for (const [words, expected] of [
    ['color=red', /invalid filter 'color'/],
    ['dangling=perhaps', /invalid filter 'dangling=\[?perhaps\]?'/],
    ['before=nosuch', /No such image: nosuch:latest/],
    ['until=someday', /failed to parse value as time or duration: "someday"/],
  ] as const)
    assert.match((await daemon.docker('images', '--filter', words)).stderr, expected);
  assert.equal((await daemon.ok('images', '-q', '--no-trunc', 'web')).split('\n')[0], await idOf('web:1'));
});

test('before and since compare the times of making', async () => {
  await daemon.run('docker', ['import', '-', 'young:1'], { input: Buffer.alloc(1024) });
  assert.deepEqual(await names('--filter', 'since=busybox'), ['young:1']);
  assert.ok(!(await names('--filter', 'before=young:1')).includes('young:1'));
  assert.equal((await names('--filter', 'before=young:1')).length, 4);
  await daemon.ok('rmi', 'young:1');
});

test('summaries of every version', async () => {
  for (const version of ['1.24', '1.40', '1.43', '1.44', '1.48', '1.50']) {
    const list = await get(
      `/v${version}/images/json?shared-size=1&filters=${encodeURIComponent('{"reference":["web:1"]}')}`,
    );
    assert.equal(list.length, 1, version);
    const [image] = list;
    const minor = Number(version.slice(2));
    assert.deepEqual(image.RepoTags, ['web:1'], 'only the names that match are shown');
    assert.deepEqual(image.RepoDigests, []);
    assert.deepEqual(image.Labels, { tier: 'front', color: 'red' });
    assert.equal(image.ParentId, '');
    assert.equal(image.Created, Date.parse('2026-01-02T03:04:05Z') / 1000);
    assert.equal('VirtualSize' in image, minor < 44, version);
    assert.equal(image.SharedSize, minor < 42 ? -1 : 5000, version);
    assert.equal(image.Size, 5001);
    assert.equal(image.Containers, -1);
  }
  const [image] = await get(
    `/v1.50/images/json?filters=${encodeURIComponent('{"reference":{"busybox":true}}')}`,
  );
  assert.equal(image.Labels, null);
});

test('inspect of every version', async () => {
  const id = await idOf('web:1');
  for (const version of ['1.24', '1.43', '1.44', '1.45', '1.49', '1.50']) {
    const image = await get(`/v${version}/images/web:1/json`);
    const minor = Number(version.slice(2));
    assert.equal(image.Id, id);
    assert.deepEqual(image.RepoTags, ['web:1', 'web:2']);
    assert.deepEqual(image.RepoDigests, []);
    assert.equal('VirtualSize' in image, minor < 44, version);
    assert.equal('ContainerConfig' in image, minor < 45, version);
    assert.equal('Hostname' in image.Config, minor < 50, version);
    assert.equal(image.Config.Cmd, null);
    assert.equal(image.Os, 'linux');
    assert.equal(image.GraphDriver.Name, 'overlay2');
    assert.equal(image.RootFS.Layers.length, 2);
    assert.match(image.Metadata.LastTagTime, /^20\d\d-/);
  }
  assert.equal((await daemon.api('GET', '/v1.50/images/nosuch/json')).status, 404);
  const { status, text } = await daemon.api(
    'GET',
    '/v1.49/images/web:1/json?platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22arm64%22%7D',
  );
  assert.equal(status, 404);
  assert.match(text, /does not match the specified platform/);
  for (const name of [id, id.slice(7), id.slice(7, 19), `sha256:${id.slice(7, 19)}`])
    assert.equal((await get(`/images/${name}/json`)).Id, id, name);
  const missing = await daemon.docker('image', 'inspect', 'nosuch');
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /No such image: nosuch/);
});

test('history tells layers and their sizes', async () => {
  const lines = await daemon.ok(
    'history',
    '--no-trunc',
    '--human=false',
    '--format',
    '{{.ID}} {{.CreatedBy}} {{.Size}}',
    'web:1',
  );
  assert.deepEqual(lines.split('\n'), [`${await idOf('web:1')} layer 1 1`, '<missing> layer 0 5000']);
  assert.match((await daemon.docker('history', 'nosuch')).stderr, /No such image: nosuch:latest/);
});

test('tag: names that are none, images that do not exist', async () => {
  await daemon.ok('tag', 'web:1', 'registry.example/copy');
  assert.equal(await idOf('registry.example/copy:latest'), await idOf('web:1'));
  await daemon.ok('rmi', 'registry.example/copy');
  assert.match((await daemon.docker('tag', 'nosuch', 'x')).stderr, /No such image: nosuch:latest/);
  assert.match(
    (await daemon.docker('tag', 'web:1', 'sha256:1')).stderr,
    /refusing to create an ambiguous tag using digest algorithm as name/,
  );
  for (const [query, expected] of [
    ['repo=Upper', /repository name \(library\/Upper\) must be lowercase/],
    ['repo=a&tag=-b', /invalid tag format/],
    [`repo=a@sha256:${'0'.repeat(64)}`, /cannot import digest reference/],
  ] as const) {
    const { status, text } = await daemon.api('POST', `/v1.50/images/web:1/tag?${query}`);
    assert.equal(status, 400, text);
    assert.match(text, expected);
  }
});

test('rmi: by name, by ID, in use, forced', async () => {
  await loadImages(daemon, { tags: ['gone:1', 'gone:2'], layers: [{ gone: 'g' }] });
  const id = await idOf('gone:1');
  assert.equal(await daemon.ok('rmi', 'gone:1'), 'Untagged: gone:1');
  await daemon.ok('tag', 'gone:2', 'other:1');
  const several = await daemon.docker('rmi', id.slice(7, 19));
  assert.match(
    several.stderr,
    /conflict: unable to delete [0-9a-f]{12} \(must be forced\) - image is referenced in multiple repositories/,
  );
  await daemon.ok('rmi', 'other:1');
  await daemon.ok('create', '--name', 'user', '--network', 'none', 'gone:2', 'x');
  const used = await daemon.docker('rmi', 'gone:2');
  assert.equal(used.code, 1);
  assert.match(
    used.stderr,
    /conflict: unable to remove repository reference "gone:2" \(must force\) - container [0-9a-f]{12} is using its referenced image [0-9a-f]{12}/,
  );
  assert.match(await daemon.ok('rmi', '-f', 'gone:2'), /^Untagged: gone:2/);
  await daemon.ok('rm', 'user');
  await daemon.docker('rmi', id);
  assert.equal((await daemon.docker('image', 'inspect', id)).code, 1);
  assert.match((await daemon.docker('rmi', 'nosuch')).stderr, /No such image: nosuch:latest/);
  assert.equal((await daemon.docker('rmi', '-f', 'nosuch')).code, 0);
});

test('prune: dangling, all, by label and age', async () => {
  await loadImages(daemon, {
    tags: ['pruned:1'],
    config: { Labels: { keep: 'yes' } },
    layers: [{ p: 'pp' }],
  });
  const id = await untag('pruned:1');
  assert.deepEqual(await names('--filter', 'dangling=true'), ['<none>:<none>']);
  const [old] = await get(`/v1.42/images/json?filters=${encodeURIComponent('{"dangling":["true"]}')}`);
  assert.deepEqual([old.RepoTags, old.RepoDigests], [['<none>:<none>'], ['<none>@<none>']]);
  const [young] = await get(`/v1.43/images/json?filters=${encodeURIComponent('{"dangling":["true"]}')}`);
  assert.deepEqual([young.RepoTags, young.RepoDigests], [[], []]);
  for (const filter of ['label!=keep', 'label=other', 'until=2020-01-01'])
    assert.equal(
      await daemon.ok('image', 'prune', '-f', '--filter', filter),
      'Total reclaimed space: 0B',
      filter,
    );
  const pruned = await daemon.ok(
    'image',
    'prune',
    '-f',
    '--filter',
    'label=keep=yes',
    '--filter',
    'until=1h',
  );
  assert.match(
    pruned,
    new RegExp(
      `^Deleted Images:\\ndeleted: ${id}\\ndeleted: sha256:[0-9a-f]{64}\\n\\nTotal reclaimed space: 2B$`,
    ),
  );

  await daemon.ok('create', '--name', 'keeper', '--network', 'none', 'busybox');
  const all = await daemon.ok('image', 'prune', '-af');
  assert.match(all, /untagged: web:1/);
  assert.deepEqual(await names(), ['busybox:latest']);
  await daemon.ok('rm', 'keeper');
  assert.match(
    (await daemon.docker('image', 'prune', '-f', '--filter', 'color=red')).stderr,
    /invalid filter 'color'/,
  );
  const reply = await daemon.api('POST', '/v1.50/images/prune');
  assert.deepEqual(JSON.parse(reply.text), { ImagesDeleted: null, SpaceReclaimed: 0 });
});

test('events of images', async () => {
  const since = Math.floor(Date.now() / 1000);
  await daemon.run('docker', ['import', '-', 'told:1'], { input: Buffer.alloc(1024) });
  await daemon.ok('tag', 'told:1', 'told:2');
  await daemon.ok('save', '-o', `${daemon.scratch}/told.tar`, 'told:1');
  await daemon.ok('rmi', 'told:1', 'told:2');
  await daemon.ok('load', '-i', `${daemon.scratch}/told.tar`);
  await daemon.ok('image', 'prune', '-af');
  const events = await daemon.ok(
    'events',
    '--since',
    String(since),
    '--until',
    // The CLI counts whole seconds.
    String(Math.ceil(Date.now() / 1000)),
    '--filter',
    'type=image',
    '--format',
    '{{.Action}}',
  );
  assert.deepEqual([...new Set(events.split('\n'))].sort(), [
    'delete',
    'import',
    'load',
    'prune',
    'save',
    'tag',
    'untag',
  ]);
});
