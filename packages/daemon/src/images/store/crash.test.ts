import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { mountsBelow } from '../layers/mount-table.js';
import { addImage, openStore } from './crash-scenario.js';
import type { ImageStore } from './store.js';

const scratch = mkdtempSync(join(tmpdir(), 'noos-crash-'));
after(() => {
  for (const point of mountsBelow(scratch)) execFileSync('umount', ['-l', point]);
  rmSync(scratch, { recursive: true, force: true });
});
const scenario = join(import.meta.dirname, 'crash-scenario.js');

const run = (dataRoot: string, crashAt?: string) =>
  spawnSync(process.execPath, [scenario, dataRoot], {
    env: { ...process.env, ...(crashAt === undefined ? {} : { NOOS_CRASH_AT: crashAt }) },
    encoding: 'utf8',
    timeout: 60_000,
  });

/** Every image is whole, and nothing lies around that none of them needs. */
async function checkStore({ images, layers }: ImageStore, dataRoot: string): Promise<void> {
  const needed = new Set<string>();
  for (const image of images.list())
    for (const chainId of image.chain) {
      needed.add(chainId.slice(7, 23));
      // Fails at the end unless the digest is the layer's.
      for await (const _ of await layers.tar(chainId));
    }
  assert.deepEqual(readdirSync(join(dataRoot, 'layers/graph')).sort(), [...needed].sort());
  assert.deepEqual(readdirSync(join(dataRoot, 'layers/tmp')), []);
  assert.deepEqual(
    readdirSync(join(dataRoot, 'content/blobs/sha256')).sort(),
    images
      .list()
      .map(({ id }) => id.slice(7))
      .sort(),
  );
}

const crashPoints = [
  'layer:unpacked',
  'layer:before-rename',
  'layer:after-rename',
  'image:before-record',
  'image:after-record',
  'image:references-written',
  'root:init-mounted',
  'root:directory-made',
  'root:mounted',
  'root:renamed',
  'image:record-removed',
  'image:content-removed',
  'layer:remove',
];

for (const point of crashPoints)
  test(`killed at ${point}: the store opens, loses nothing, and the work can be done again`, async () => {
    const dataRoot = join(scratch, point);
    const before = await openStore(dataRoot);
    await addImage(before, 'base', ['base']);
    await addImage(before, 'old', ['base', 'old']);

    assert.equal(run(dataRoot, point).signal, 'SIGKILL', 'the point was reached');
    const crashed = await openStore(dataRoot);
    for (const id of await crashed.layers.roots()) await crashed.layers.removeRoot(id);
    await crashed.images.prune({ all: false, keep: () => false });
    assert.ok(crashed.images.find('base'), 'what was committed is there');
    await checkStore(await openStore(dataRoot), dataRoot);

    const again = run(dataRoot);
    assert.equal(again.status, 0, again.stderr);
    const done = await openStore(dataRoot);
    assert.deepEqual(
      done.images
        .list()
        .flatMap(({ tags }) => tags)
        .sort(),
      ['base:latest', 'committed:latest', 'new:latest'],
    );
    await checkStore(done, dataRoot);
    assert.deepEqual(mountsBelow(dataRoot), []);
  });
