/** Where the build reads and writes, from the package's own directory. May import: node's own modules. */
import { fileURLToPath } from 'node:url';

const packageDirectory = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
const packages = packageDirectory.replace(/\/[^/]+$/, '');

export const paths = {
  packageDirectory,
  source: `${packageDirectory}/src`,
  build: `${packageDirectory}/build`,
  objects: `${packageDirectory}/build/objects`,
  generated: `${packageDirectory}/build/generated`,
  abiHeaders: `${packages}/abi/generated`,
  engineModule: `${packages}/engine/build/engine.wasm`,
  libosModule: `${packages}/libos/build/libos.wasm`,
} as const;
