/** Face of the package: see docs/architecture.md. */
export {
  type Bundle,
  BundleError,
  type BundleErrorCode,
  type BundleOptions,
  type BundlePart,
  bundle,
} from './bundle/index.js';
