/** The built engine module: where it is, its bytes and its digest. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of engine.wasm. */
export const enginePath = fileURLToPath(new URL('../build/engine.wasm', import.meta.url));

/** Path of linker.wasm: see linker.wat. */
export const linkerPath = fileURLToPath(new URL('../build/linker.wasm', import.meta.url));

/**
 * Stack that a thread running a unikernel on V8 needs (`resourceLimits.stackSizeMb` of a worker): QuickJS's limit, 512 KiB
 * of its own stack, lets nested parsing take more than 7 MB of V8's, and V8 overflowing first would be a trap.
 */
export const engineStackMb = 32;

let bytes: Uint8Array<ArrayBuffer> | undefined;

/** Bytes of engine.wasm, read once. */
export function engineBytes(): Uint8Array<ArrayBuffer> {
  bytes ??= new Uint8Array(readFileSync(enginePath));
  return bytes;
}

/** SHA-256 of engine.wasm, 32 bytes: an image names the engine that made its snapshot. */
export function engineDigest(): Buffer {
  return createHash('sha256').update(engineBytes()).digest();
}
