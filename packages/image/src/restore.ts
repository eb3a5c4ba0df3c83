/**
 * A unikernel on Node from an image: fresh modules, their memory replaced by the image's.
 *
 * In: an image, a platform. Out: the instance, ready for `start`. May import: engine, libos.
 */
import type { Platform } from '@noos/abi';
import { type Instance, instantiate } from '@noos/engine';
import { compiledLibos } from '@noos/libos';
import { ImageError } from './errors.js';
import type { Image } from './image-file.js';
import { restoreMemory } from './memory-image.js';

/**
 * Instantiates and restores. `platform.parametersRead` has to give the image's parameters before its own.
 * Run it in a worker thread with `engineStackMb`: JavaScript that recurses deeply needs the stack.
 * @throws ImageError version, when the image's globals are not those of these modules
 */
export function restore(image: Pick<Image, 'engine' | 'libos'>, platform: Platform): Instance {
  const instance = instantiate(compiledLibos(), platform);
  for (const name of ['engine', 'libos'] as const) {
    if (image[name].globals.length !== instance[name].globals.length)
      throw new ImageError(
        'version',
        `the image's globals are not those of this ${name}.wasm: build it again`,
      );
    restoreMemory(instance[name], image[name]);
  }
  return instance;
}
