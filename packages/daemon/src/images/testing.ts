/**
 * Layers and image documents for tests.
 *
 * In: a store, files. Out: layers, configurations. May import: archive/testing, types.
 */
import { Readable } from 'node:stream';
import { tarOfFiles } from '../archive/testing.js';
import type { ImageStore } from './store/store.js';
import type { Digest, ImageConfig } from './types.js';

/** A layer that holds one file. */
export const layerTar = (name: string, content: string): AsyncIterable<Buffer> =>
  Readable.from([tarOfFiles({ [name]: content })]);

/** The document of an image with a layer for each file, on what `parent` has. */
export async function configWithFiles(
  { layers }: Pick<ImageStore, 'layers'>,
  files: Readonly<Record<string, string>>,
  parent: { diffIds: readonly Digest[]; top: Digest | undefined } = { diffIds: [], top: undefined },
): Promise<ImageConfig> {
  const diffIds = [...parent.diffIds];
  let { top } = parent;
  for (const [name, content] of Object.entries(files)) {
    const layer = await layers.unpack(layerTar(name, content), top);
    diffIds.push(layer.diffId);
    top = layer.chainId;
  }
  return { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: diffIds } };
}
