/** The built library OS of a unikernel: where libos.wasm is, its bytes, its digest and the compiled module. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of libos.wasm. */
export const libosPath = fileURLToPath(new URL('../build/libos.wasm', import.meta.url));

let bytes: Uint8Array<ArrayBuffer> | undefined;
let compiled: WebAssembly.Module | undefined;

/** Bytes of libos.wasm, read once. */
export function libosBytes(): Uint8Array<ArrayBuffer> {
  bytes ??= new Uint8Array(readFileSync(libosPath));
  return bytes;
}

/** SHA-256 of libos.wasm, 32 bytes: an image names the library OS that made its snapshot. */
export function libosDigest(): Buffer {
  return createHash('sha256').update(libosBytes()).digest();
}

/** The compiled module, shared by all instances of this process. */
export function compiledLibos(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(libosBytes());
  return compiled;
}
