/** Face of the package: see docs/architecture.md. */

export { type BuiltImage, buildImage, type ImageOptions } from './build-image.js';
export {
  type Bundle,
  BundleError,
  type BundleErrorCode,
  type BundleOptions,
  type BundlePart,
  bundle,
} from './bundle/index.js';
export { ImageError, type ImageErrorCode } from './errors.js';
export { type Evaluated, type EvaluateOptions, evaluateBundle } from './evaluate.js';
export { type Image, readImage, writeImage } from './image-file.js';
export type { Manifest, ManifestPart } from './manifest.js';
export { captureMemory, type MemoryImage, type PageRun, restoreMemory } from './memory-image.js';
export { restore } from './restore.js';
