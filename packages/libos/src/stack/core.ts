/**
 * What the socket types of a stack share: calls between turns, bytes passed through the scratch area.
 * In: the exports of stack.wasm. Out: `StackCore`. May import: exports.
 */
import type { StackExports } from './exports.js';

export interface StackCore {
  readonly exports: StackExports;
  /** OWNER_EMBEDDER of assembly/socket/owners.ts. */
  readonly owner: number;
  /** Address and size of the area that passes bytes. */
  readonly scratch: number;
  readonly scratchBytes: number;
  /** Runs a socket call at the clock of now; what it causes to be sent goes out in a turn soon after. */
  call<T>(body: () => T): T;
  /** Copies at most `scratchBytes` into the scratch area. */
  putScratch(bytes: Uint8Array): void;
  /** A view of the stack's memory: valid until the next call. */
  bytesAt(address: number, length: number): Uint8Array;
}

export const scratchBytes = 65_536;
export const ownerEmbedder = 0;
