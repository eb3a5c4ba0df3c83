/**
 * From a new layer to the image it was made for: both come, or neither stays.
 *
 * In: a layer that no image names yet. Out: what `use` makes of it. May import: images/types.
 */
import type { Images, Layer } from '../types.js';

/** When `use` fails, the layer goes at once instead of with the next start of the daemon. */
export async function withLayer<T>(
  images: Pick<Images, 'abandon'>,
  layer: Layer | undefined,
  use: () => Promise<T>,
): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (layer !== undefined) await images.abandon([layer.chainId]);
    throw error;
  }
}
