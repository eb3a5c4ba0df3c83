/**
 * For tests: what an image store goes through, as a program that NOOS_CRASH_AT may end anywhere.
 *
 * In: a data root as argument. Out: images `new` and `committed`, no `old`; run twice it does the same.
 * May import: images, archive.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLayout } from '../../layout.js';
import { createLogger } from '../../log.js';
import { configWithFiles } from '../testing.js';
import { withHolds } from '../with-holds.js';
import { type ImageStore, openImageStore } from './store.js';

export const openStore = (dataRoot: string): Promise<ImageStore> =>
  openImageStore({
    layout: createLayout(dataRoot, `${dataRoot}.run`),
    events: { publish: () => {} },
    log: createLogger('fatal'),
  });

/** An image whose layers hold a file of each name. */
export async function addImage(store: ImageStore, tag: string, names: string[]): Promise<void> {
  const files = Object.fromEntries(names.map((name) => [name, name.repeat(1000)]));
  const config = await configWithFiles(store, files);
  const image = await withHolds((holds) => store.images.add(config, { holds }));
  await store.images.tag(image.id, tag);
}

async function runScenario(dataRoot: string): Promise<void> {
  const store = await openStore(dataRoot);
  const { layers, images } = store;
  for (const id of await layers.roots()) await layers.removeRoot(id);
  await addImage(store, 'new', ['base', 'new']);

  const { chain, config, id } = images.get('base');
  await layers.createRoot('container', chain.at(-1));
  const root = await layers.mountRoot('container');
  writeFileSync(join(root, 'made'), 'here');
  const layer = await layers.commitRoot('container');
  const rootfs = { type: 'layers' as const, diff_ids: [...config.rootfs.diff_ids, layer.diffId] };
  const committed = await withHolds((holds) => images.add({ ...config, rootfs }, { holds, parent: id }));
  await images.tag(committed.id, 'committed');
  await layers.unmountRoot('container');
  await layers.removeRoot('container');

  if (images.find('old') !== undefined)
    await images.remove('old', { force: false, pruneParents: true, users: () => [] });
}

const [, program, dataRoot] = process.argv;
if (program === import.meta.filename && dataRoot !== undefined) await runScenario(dataRoot);
