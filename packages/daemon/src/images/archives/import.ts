/**
 * `docker import`: a root file system as an image of one layer.
 *
 * In: a tar stream, possibly compressed. Out: an image. May import: archive, files beside.
 */
import type { Readable } from 'node:stream';
import { decompress } from '../../archive/decompress.js';
import { ArchiveError } from '../../archive/header.js';
import { DaemonError } from '../../errors.js';
import type { EventSink } from '../../events/types.js';
import { hostPlatform } from '../documents/platform.js';
import { withLayer } from '../layers/with-layer.js';
import type { Image, ImageRunConfig, Images, Layers, Platform } from '../types.js';
import { withHolds } from '../with-holds.js';

export interface ImportParts {
  images: Images;
  layers: Layers;
  events: EventSink;
}

export interface ImportRequest {
  input: Readable;
  /** Familiar form; undefined: no name. */
  reference: string | undefined;
  platform: Platform | undefined;
  message: string;
  config: ImageRunConfig;
}

export async function importImage(
  { images, layers, events }: ImportParts,
  { input, reference, platform = hostPlatform, message, config }: ImportRequest,
): Promise<Image> {
  if (platform.os !== 'linux') throw new DaemonError('system', 'operating system is not supported');
  const created = new Date().toISOString();
  let layer: Awaited<ReturnType<Layers['unpack']>>;
  try {
    layer = await layers.unpack(await decompress(input), undefined);
  } catch (error) {
    throw error instanceof ArchiveError ? new DaemonError('invalid', error.message, { cause: error }) : error;
  }
  const document = {
    architecture: platform.architecture,
    ...(platform.variant !== undefined && { variant: platform.variant }),
    os: platform.os,
    created,
    comment: message,
    config,
    rootfs: { type: 'layers' as const, diff_ids: [layer.diffId] },
    history: [{ created, comment: message }],
  };
  const image = await withHolds(async (holds) => {
    const made = await withLayer(images, layer, () => images.add(document, { holds }));
    if (reference !== undefined) await images.tag(made.id, reference);
    return made;
  });
  events.publish('image', 'import', {
    ID: image.id,
    Attributes: { ...config.Labels, name: image.id },
  });
  return image;
}
