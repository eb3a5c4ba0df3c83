import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { tarOfFiles } from '../../../archive/testing.js';
import { setUp } from '../client/testing-client.js';
import { addImage } from '../testing.js';

test('a pull brings layers, names and messages; a second one finds everything', async (t) => {
  const { registry, pull, parts, texts, shown, events, leftovers } = await setUp(t);
  const shared = tarOfFiles({ same: 'in both places' });
  const image = addImage(registry, 'team/app', '1', [
    tarOfFiles({ a: 'x'.repeat(5000) }),
    shared,
    tarOfFiles({ b: 'b' }),
    shared,
  ]);
  await pull('team/app:1');
  const found = parts.images.get(`${registry.host}/team/app:1`);
  assert.equal(found.id, image.config.digest);
  assert.deepEqual(found.digests, [`${registry.host}/team/app@${image.digest}`]);
  assert.equal(found.chain.length, 4);
  const short = (i: number): string => image.layers[i]!.digest.slice(7, 19);
  const said = texts().filter((text) => !/Downloading|Extracting|Waiting/.test(text ?? ''));
  assert.deepEqual(said.slice(0, 4), [
    '1: Pulling from team/app',
    ...[0, 1, 2].map((i) => `${short(i)}: Pulling fs layer`),
  ]);
  for (const i of [0, 1, 2])
    assert.deepEqual(
      said.filter((text) => text?.startsWith(short(i))),
      [
        `${short(i)}: Pulling fs layer`,
        `${short(i)}: Verifying Checksum`,
        `${short(i)}: Download complete`,
        `${short(i)}: Pull complete`,
      ],
    );
  assert.deepEqual(said.slice(-2), [
    `Digest: ${image.digest}`,
    `Status: Downloaded newer image for ${registry.host}/team/app:1`,
  ]);
  assert.equal(registry.requests.filter(({ line }) => line.includes(image.layers[1]!.digest)).length, 1);
  assert.ok(events.includes('image pull R/team/app:1'));
  assert.deepEqual(leftovers(), []);
  shown.length = 0;
  await pull('team/app:1');
  assert.deepEqual(texts(), [
    '1: Pulling from team/app',
    `Digest: ${image.digest}`,
    `Status: Image is up to date for ${registry.host}/team/app:1`,
  ]);
});

test('by digest, all tags, and layers that another image brought', async (t) => {
  const { registry, pull, parts, texts } = await setUp(t);
  const base = tarOfFiles({ base: 'base' });
  const one = addImage(registry, 'app', 'one', [base]);
  addImage(registry, 'app', 'two', [base, tarOfFiles({ two: '2' })]);
  await pull(`app@${one.digest}`);
  assert.deepEqual(parts.images.list()[0]!.tags, []);
  assert.equal(texts()[0], `${registry.host}/app@${one.digest}: Pulling from app`);
  await pull('app');
  assert.deepEqual(
    parts.images
      .list()
      .flatMap(({ tags }) => tags)
      .sort(),
    [`${registry.host}/app:one`, `${registry.host}/app:two`],
  );
  assert.ok(texts().includes(`${one.layers[0]!.digest.slice(7, 19)}: Already exists`));
  assert.equal(texts().at(-1), `Status: Downloaded newer image for ${registry.host}/app`);
});

test('two pulls at once share every layer', async (t) => {
  const { registry, pull, parts, leftovers } = await setUp(t);
  const image = addImage(registry, 'app', '1', [
    tarOfFiles({ a: randomBytes(300_000) }),
    tarOfFiles({ b: randomBytes(300_000) }),
  ]);
  await Promise.all([pull('app:1'), pull('app:1')]);
  assert.equal(parts.images.list().length, 1);
  for (const { digest } of image.layers)
    assert.equal(registry.requests.filter(({ line }) => line === `GET /v2/app/blobs/${digest}`).length, 1);
  assert.deepEqual(leftovers(), []);
});

test('layers come as gzip, zstd or plain', async (t) => {
  const { execFileSync } = await import('node:child_process');
  const { registry, pull, parts } = await setUp(t);
  const oci = 'application/vnd.oci.image.layer.v1.tar';
  const zstd = (tar: Buffer): Buffer => execFileSync('zstd', ['-c'], { input: tar });
  addImage(registry, 'zstd', '1', [tarOfFiles({ z: randomBytes(100_000) })], {
    layerType: `${oci}+zstd`,
    compress: zstd,
  });
  addImage(registry, 'plain', '1', [tarOfFiles({ p: randomBytes(100_000) })], {
    layerType: oci,
    compress: (tar) => tar,
  });
  await pull('zstd:1');
  await pull('plain:1');
  assert.equal(parts.images.list().length, 2);
});

test('a client that goes away ends its pull, not that of another', async (t) => {
  const { registry, pull, parts, leftovers } = await setUp(t);
  const image = addImage(registry, 'app', '1', [
    tarOfFiles({ a: randomBytes(200_000) }),
    tarOfFiles({ b: 'b' }),
  ]);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let reached = (): void => {};
  const waiting = new Promise<void>((resolve) => {
    reached = resolve;
  });
  registry.intercept = async (_request, _response, url) => {
    if (url.pathname.endsWith(image.layers[0]!.digest)) {
      reached();
      await gate;
    }
    return false;
  };
  const [first, second] = [new AbortController(), new AbortController()];
  const abandoned = pull('app:1', { signal: first.signal });
  const kept = pull('app:1', { signal: second.signal });
  await waiting;
  first.abort(new Error('client is gone'));
  await assert.rejects(abandoned, /client is gone/);
  open();
  await kept;
  assert.equal(parts.images.list().length, 1);
  assert.deepEqual(leftovers(), []);

  addImage(registry, 'app', '2', [tarOfFiles({ c: randomBytes(200_000) })]);
  registry.intercept = (_request, response, url) => {
    if (!url.pathname.includes('/blobs/') || url.pathname.endsWith(image.config.digest)) return false;
    const bytes = registry.blobs.get(url.pathname.split('/').at(-1)!)!;
    if (bytes.length < 10_000) return false;
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 1000));
    return true;
  };
  const slow = new AbortController();
  const hanging = pull('app:2', { signal: slow.signal });
  setTimeout(() => slow.abort(new Error('client is gone')), 200);
  await assert.rejects(hanging, /client is gone/);
  assert.deepEqual(
    leftovers().filter((name) => name.startsWith('layer-')),
    [],
  );
});
