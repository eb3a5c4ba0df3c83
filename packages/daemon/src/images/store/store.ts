/**
 * Content, layers and images of one data root, opened in this order. May import: the files beside it.
 */
import type { EventSink } from '../../events/types.js';
import type { Layout } from '../../layout.js';
import type { Logger } from '../../log.js';
import { createLayers } from '../layers/layers.js';
import type { Content, Images, Layers } from '../types.js';
import { createContent } from './content.js';
import { createImages } from './images.js';

export interface ImageStore {
  content: Content;
  layers: Layers;
  images: Images;
}

/** Opens the store, removing what a crash left half done. Mounted roots of an earlier daemon stay mounted. */
export async function openImageStore(dependencies: {
  layout: Layout;
  events: EventSink;
  log: Logger;
}): Promise<ImageStore> {
  const content = createContent(dependencies);
  const layers = await createLayers(dependencies);
  const images = await createImages({ ...dependencies, content, layers });
  return { content, layers, images };
}
