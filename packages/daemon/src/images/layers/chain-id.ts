/**
 * Chain IDs (OCI image spec, "Layer ChainID"). May import: types.
 */
import { createHash } from 'node:crypto';
import type { Digest } from '../types.js';

export const digestOf = (bytes: Uint8Array | string): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** ID of the layer `diffId` on `parent`. */
export const chainIdOn = (parent: Digest | undefined, diffId: Digest): Digest =>
  parent === undefined ? diffId : digestOf(`${parent} ${diffId}`);

/** Chain ID of each layer, lowest first. */
export function chainOf(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) chain.push(chainIdOn(chain.at(-1), diffId));
  return chain;
}
