/**
 * Face of the package: where the native runtimes are and what they were built from.
 *
 * In: `npm run build:native`'s output, or the npm package that carries it. Out: paths, digests. May import: node's own modules.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A native runtime cannot be used; `message` says what to do. */
export class NativeError extends Error {
  override readonly name = 'NativeError';
  readonly code = 'NOT_BUILT';
}

export interface NativeRuntime {
  path: string;
  bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  digest: string;
}

/** What the workspace has built; where Noos is installed, that of the package for this system. */
function find(name: string): string {
  const own = fileURLToPath(new URL(`../build/${name}`, import.meta.url));
  return existsSync(own) ? own : createRequire(import.meta.url).resolve(`@noos/native-linux-x64/${name}`);
}

function runtime(name: string): NativeRuntime {
  let path: string;
  let content: Uint8Array;
  try {
    path = find(name);
    content = readFileSync(path);
  } catch {
    throw new NativeError(
      `${name} is not built: run npm run setup && npm run build:native (npm brings it to Linux on x86-64, as @noos/native-linux-x64)`,
    );
  }
  return { path, bytes: content.length, digest: createHash('sha256').update(content).digest('hex') };
}

/** The static Linux binary of target `process`. Throws `NativeError` when it is not built. */
export const runtimeProcess = (): NativeRuntime => runtime('runtime-process');

/** The ELF of target `vm`. Throws `NativeError` when it is not built. */
export const runtimeVm = (): NativeRuntime => runtime('runtime-vm.elf');

/** The helper that joins a TAP device to a stream socket. Throws `NativeError` when it is not built. */
export const noosTap = (): NativeRuntime => runtime('noos-tap');

export { type AcceleratorChoice, chooseAccelerator } from './machine/accelerator.js';
export {
  startVm,
  type Vm,
  VmError,
  type VmErrorCode,
  type VmExit,
  type VmOptions,
} from './machine/machine.js';
export type { Accelerator, VmBlock, VmNet } from './machine/qemu.js';
