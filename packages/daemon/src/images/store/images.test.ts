import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLayout, type Layout } from '../../layout.js';
import { createLogger } from '../../log.js';
import { configWithFiles, layerTar } from '../testing.js';
import type { Digest, Image, RemovedImage, RemoveOptions } from '../types.js';
import { withHolds } from '../with-holds.js';
import { type ImageStore, openImageStore } from './store.js';

const scratch = mkdtempSync(join(tmpdir(), 'noos-images-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
let count = 0;

interface TestStore extends ImageStore {
  layout: Layout;
  events: string[];
}

async function open(
  layout = createLayout(join(scratch, `data${count++}`), join(scratch, 'run')),
): Promise<TestStore> {
  const events: string[] = [];
  const store = await openImageStore({
    layout,
    events: {
      publish: (type, action, { Attributes }) => events.push(`${type} ${action} ${Attributes.name}`),
    },
    log: createLogger('fatal'),
  });
  return { ...store, layout, events };
}

/** An image of one layer per name, on a parent's layers. */
async function addImage(store: ImageStore, names: string[], parent?: Image): Promise<Image> {
  const files = Object.fromEntries(names.map((name) => [name, name]));
  const below = parent && { diffIds: parent.config.rootfs.diff_ids, top: parent.chain.at(-1) };
  const config = await configWithFiles(store, files, below);
  return withHolds((holds) =>
    store.images.add({ ...config, author: names.join() }, { holds, ...(parent && { parent: parent.id }) }),
  );
}

const rmi = (
  store: ImageStore,
  name: string,
  options: Partial<RemoveOptions> = {},
): Promise<RemovedImage[]> =>
  store.images.remove(name, { force: false, pruneParents: true, users: () => [], ...options });
const short = (image: Image): string => image.id.slice(7, 19);
const digest = `sha256:${'ab'.repeat(32)}` as Digest;

test('found by every name', async () => {
  const store = await open();
  const { images } = store;
  const image = await addImage(store, ['a']);
  await images.tag(image.id, 'web');
  await images.tag(image.id, 'localhost:5000/x/web:1');
  await images.addDigest(image.id, 'web', digest);
  const hex = image.id.slice(7);
  for (const name of [
    'web',
    'web:latest',
    'docker.io/library/web',
    'index.docker.io/library/web:latest',
    'localhost:5000/x/web:1',
    `web@${digest}`,
    image.id,
    hex,
    hex.slice(0, 12),
    hex.slice(0, 2),
    image.id.slice(0, 14),
  ])
    assert.equal(images.find(name)?.id, image.id, name);
  const found = images.get('web');
  assert.deepEqual(found.tags, ['web:latest', 'localhost:5000/x/web:1']);
  assert.deepEqual(found.digests, [`web@${digest}`]);
  assert.equal(found.size, 1);
  assert.ok(found.lastTagged);
  assert.deepEqual(store.events, ['image tag web:latest', 'image tag localhost:5000/x/web:1']);
  assert.throws(() => images.get('none'), { kind: 'notFound', message: 'No such image: none:latest' });
  assert.throws(() => images.get('Upper'), { kind: 'invalid', message: /must be lowercase/ });
  assert.throws(() => images.get('a:b:c'), { kind: 'invalid', message: 'invalid reference format' });
});

test('a tag moves; the image it leaves stays as <none>', async () => {
  const store = await open();
  const [one, two] = [await addImage(store, ['a']), await addImage(store, ['b'])];
  await store.images.tag(one.id, 'web');
  await store.images.tag(two.id, 'web');
  assert.equal(store.images.get('web').id, two.id);
  assert.deepEqual(store.images.get(one.id).tags, []);
});

test('rmi: untag, then delete with the layers nobody else has', async () => {
  const store = await open();
  const base = await addImage(store, ['base']);
  const web = await addImage(store, ['web'], base);
  const other = await addImage(store, ['other'], base);
  for (const [image, name] of [
    [base, 'base'],
    [web, 'web'],
    [web, 'web:2'],
    [other, 'other'],
  ] as const)
    await store.images.tag(image.id, name);
  assert.deepEqual(await rmi(store, 'web:2'), [{ Untagged: 'web:2' }]);
  assert.deepEqual(await rmi(store, 'web'), [
    { Untagged: 'web:latest' },
    { Deleted: web.id },
    { Deleted: web.chain[1] },
  ]);
  await assert.rejects(rmi(store, short(base)), {
    kind: 'conflict',
    message: `conflict: unable to delete ${short(base)} (cannot be forced) - image has dependent child images`,
  });
  assert.deepEqual(await rmi(store, 'base'), [{ Untagged: 'base:latest' }]);
  // The parent has no name any more and goes with its last child.
  assert.deepEqual(await rmi(store, 'other'), [
    { Untagged: 'other:latest' },
    { Deleted: other.id },
    { Deleted: other.chain[1] },
    { Deleted: base.id },
    { Deleted: base.chain[0] },
  ]);
  assert.deepEqual([store.images.list(), store.layers.list()], [[], []]);
  assert.deepEqual(readdirSync(join(store.layout.content, 'blobs/sha256')), []);
});

test('rmi: parents with --no-prune stay', async () => {
  const store = await open();
  const base = await addImage(store, ['base']);
  const web = await addImage(store, ['web'], base);
  await store.images.tag(web.id, 'web');
  await rmi(store, 'web', { pruneParents: false });
  assert.deepEqual(
    store.images.list().map(({ id }) => id),
    [base.id],
  );
});

test('rmi: what containers use', async () => {
  const store = await open();
  const image = await addImage(store, ['a']);
  await store.images.tag(image.id, 'web');
  const stopped = () => [{ id: 'c'.repeat(64), running: false }];
  const running = () => [{ id: 'd'.repeat(64), running: true }];
  await assert.rejects(rmi(store, 'web', { users: stopped }), {
    message: `conflict: unable to remove repository reference "web" (must force) - container cccccccccccc is using its referenced image ${short(image)}`,
  });
  await assert.rejects(rmi(store, short(image), { users: stopped }), {
    message: `conflict: unable to delete ${short(image)} (must be forced) - image is being used by stopped container cccccccccccc`,
  });
  await assert.rejects(rmi(store, short(image), { users: running, force: true }), {
    message: `conflict: unable to delete ${short(image)} (cannot be forced) - image is being used by running container dddddddddddd`,
  });
  // dockerd: the name goes, the image stays for its container.
  assert.deepEqual(await rmi(store, 'web', { users: running, force: true }), [{ Untagged: 'web:latest' }]);
  await store.layers.createRoot('c', image.chain[0]);
  assert.deepEqual(await rmi(store, short(image), { users: stopped, force: true }), [{ Deleted: image.id }]);
  assert.equal(store.layers.list().length, 1, 'the container needs the layer');
  await store.layers.removeRoot('c');
  for (const deadline = Date.now() + 5000; store.layers.list().length > 0 && Date.now() < deadline; )
    await nextTurn();
  assert.deepEqual(store.layers.list(), [], 'nobody needs it any more');
});

test('rmi: by ID with several names', async () => {
  const store = await open();
  const image = await addImage(store, ['a']);
  await store.images.tag(image.id, 'one');
  await store.images.tag(image.id, 'two');
  await assert.rejects(rmi(store, short(image)), {
    message: `conflict: unable to delete ${short(image)} (must be forced) - image is referenced in multiple repositories`,
  });
  assert.deepEqual((await rmi(store, short(image), { force: true })).slice(0, 3), [
    { Untagged: 'one:latest' },
    { Untagged: 'two:latest' },
    { Deleted: image.id },
  ]);
});

test('rmi: the digest goes with the last tag of its repository', async () => {
  const store = await open();
  const image = await addImage(store, ['a']);
  await store.images.tag(image.id, 'web');
  await store.images.addDigest(image.id, 'web', digest);
  assert.deepEqual((await rmi(store, 'web')).slice(0, 3), [
    { Untagged: 'web:latest' },
    { Untagged: `web@${digest}` },
    { Deleted: image.id },
  ]);
});

test('prune: dangling images, or all that nothing keeps', async () => {
  const store = await open();
  const [named, dangling, used] = [
    await addImage(store, ['a']),
    await addImage(store, ['bb']),
    await addImage(store, ['ccc']),
  ];
  await store.images.tag(named.id, 'named');
  const keep = (image: Image): boolean => image.id === used.id;
  const first = await store.images.prune({ all: false, keep });
  assert.deepEqual(first.removed, [{ Deleted: dangling.id }, { Deleted: dangling.chain[0] }]);
  assert.equal(first.bytes, 2);
  const second = await store.images.prune({ all: true, keep });
  assert.deepEqual(second.removed[0], { Untagged: 'named:latest' });
  assert.deepEqual(
    store.images.list().map(({ id }) => id),
    [used.id],
  );
});

test('everything is there after a restart, and nothing else', async () => {
  const store = await open();
  const base = await addImage(store, ['base']);
  const web = await addImage(store, ['web'], base);
  await store.images.tag(web.id, 'web');
  await store.images.addDigest(web.id, 'web', digest);
  await store.layers.unpack(layerTar('orphan', 'x'), undefined);
  const manifest = await store.content.write(Buffer.from('nobody names this'));
  const next = await open(store.layout);
  const sorted = (images: readonly Image[]): Image[] => [...images].sort((a, b) => (a.id < b.id ? -1 : 1));
  assert.deepEqual(sorted(next.images.list()), sorted(store.images.list()));
  assert.equal(next.layers.list().length, 2);
  assert.equal(await next.content.read(manifest), undefined);
});

test('an image whose content or layer is lost does not exist after a restart', async () => {
  const store = await open();
  const [good, bad, hollow] = [
    await addImage(store, ['a']),
    await addImage(store, ['b']),
    await addImage(store, ['c']),
  ];
  await store.images.tag(bad.id, 'bad');
  await store.content.remove(bad.id);
  rmSync(join(store.layout.layers, 'graph', hollow.chain[0]!.slice(7, 23)), { recursive: true });
  const next = await open(store.layout);
  assert.deepEqual(
    next.images.list().map(({ id }) => id),
    [good.id],
  );
  assert.equal(next.images.find('bad'), undefined);
});

test('after a power cut an image whose layers did not reach the disk is gone, one whose layers did stays', async () => {
  const store = await open();
  const [whole, torn, durable] = [
    await addImage(store, ['a']),
    await addImage(store, ['b']),
    await addImage(store, ['c']),
  ];
  // As another boot finds it: the marks are of an earlier one, and one layer's file is empty.
  for (const image of [whole, torn]) {
    const path = join(store.layout.images, 'records', `${image.id.slice(7)}.json`);
    writeFileSync(path, JSON.stringify({ id: image.id, unsettled: 'an earlier boot' }));
  }
  await store.layers.settle();
  truncateSync(join(store.layout.layers, 'graph', torn.chain[0]!.slice(7, 23), 'diff', 'b'));
  const next = await open(store.layout);
  assert.deepEqual(new Set(next.images.list().map(({ id }) => id)), new Set([whole.id, durable.id]));
  assert.equal(next.layers.list().length, 2);
  for (const { id } of next.images.list())
    assert.doesNotMatch(
      readFileSync(join(store.layout.images, 'records', `${id.slice(7)}.json`), 'utf8'),
      /unsettled/,
    );
});

test('a download resumes, is verified, and is forgotten when told', async () => {
  const store = await open();
  const bytes = Buffer.alloc(300_000, 'resume');
  const blob = { digest: await store.content.write(bytes), size: bytes.length };
  const offsets: number[] = [];
  const source =
    (stop: number, damage = false) =>
    async (offset: number) => {
      offsets.push(offset);
      return (async function* () {
        for (let at = offset; at < stop; at += 50_000) {
          const piece = Buffer.from(bytes.subarray(at, Math.min(at + 50_000, stop)));
          if (damage) piece[0] = 0;
          yield piece;
        }
      })();
    };
  const read = async (open: (offset: number) => Promise<AsyncIterable<Buffer>>): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of store.content.download(blob, open)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  await assert.rejects(read(source(120_000)), /unexpected EOF/);
  await assert.rejects(read(source(300_000, true)), /filesystem layer verification failed for digest/);
  await assert.rejects(read(source(100_000)), /unexpected EOF/);
  assert.ok((await read(source(300_000))).equals(bytes));
  assert.deepEqual(offsets, [0, 120_000, 0, 100_000]);
  assert.ok((await read(() => Promise.reject(new Error('not asked')))).equals(bytes), 'all of it is here');
  await store.content.forget(blob.digest);
  await assert.rejects(
    read(() => Promise.reject(new Error('asked'))),
    /asked/,
  );
});

test('an image removed while it is held: its layers go with the hold', async () => {
  const store = await open();
  const image = await addImage(store, ['a', 'b']);
  const hold = store.images.hold(image.id);
  await rmi(store, image.id);
  assert.equal(store.layers.list().length, 2);
  hold.release();
  // Changes are one after the other: this one comes after the layers' removal.
  await store.images.abandon([]);
  assert.deepEqual(store.layers.list(), []);
});

test('what is in use stays: a prune, the end of a name or of a child leaves it', async () => {
  const store = await open();
  const { images } = store;
  const base = await addImage(store, ['base']);
  const step = await addImage(store, ['step'], base);
  const keepNone = { all: true, keep: () => false };
  await images.tag(step.id, 'app');
  const hold = images.hold(step.id);
  assert.deepEqual((await images.prune(keepNone)).removed, []);
  await rmi(store, 'app');
  assert.ok(images.find(step.id), 'untagged, not deleted');
  const child = await addImage(store, ['child'], step);
  await rmi(store, child.id, { pruneParents: true });
  assert.ok(images.find(step.id));
  hold.release();
  assert.equal((await images.prune(keepNone)).removed.filter((each) => 'Deleted' in each).length, 4);
  assert.deepEqual(images.list(), []);
});

test('an image that was just added is not taken before it has its name', async () => {
  const store = await open();
  const { images } = store;
  for (let round = 0; round < 30; round++) {
    const config = await configWithFiles(store, { [`file${round}`]: String(round) });
    // A prune waits in the queue whenever the image is there, has no name yet and is not held.
    let done = false;
    const pruning = (async () => {
      while (!done) {
        await images.prune({ all: false, keep: () => false });
        await nextTurn();
      }
    })();
    try {
      const image = await withHolds(async (holds) => {
        const added = await images.add(config, { holds });
        for (let turn = 0; turn < 3; turn++) await nextTurn();
        await images.tag(added.id, `name:${round}`);
        return added;
      });
      assert.equal(images.get(`name:${round}`).id, image.id);
    } finally {
      done = true;
      await pruning;
    }
  }
  assert.equal(images.list().length, 30);
});
