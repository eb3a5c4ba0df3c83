/**
 * When new layers reach the disk: soon after, together, and not while somebody waits for a pull.
 *
 * An image's record says in which boot its layers were written until a syncfs(2) came after them. A killed daemon
 * loses nothing, the kernel has the files. After a power cut (another boot) such an image is read whole: either its
 * layers have their digests, or it is removed. So a record never stands for a broken layer.
 *
 * In: images as they are added. Out: records without that mark. May import: errors, log, types.
 */
import { readFileSync } from 'node:fs';
import type { Logger } from '../../log.js';
import type { Digest, Image, Layers } from '../types.js';

/** Changes with every start of the machine (proc(5), /proc/sys/kernel/random/boot_id). */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();

/** Builds and pulls add several images in a row: one syncfs for all. */
const delayMs = 2000;

/** Whether every layer has its digest. */
export async function isWhole(layers: Layers, chain: readonly Digest[]): Promise<boolean> {
  try {
    for (const chainId of chain) for await (const _ of await layers.tar(chainId));
    return true;
  } catch {
    return false;
  }
}

export interface Settling {
  later(image: Pick<Image, 'id' | 'chain'>): void;
}

/** `settled` is told which images' layers are on the disk. */
export function createSettling(
  layers: Layers,
  settled: (ids: readonly Digest[]) => Promise<void>,
  log: Logger,
): Settling {
  const waiting = new Map<Digest, readonly Digest[]>();
  const run = async (): Promise<void> => {
    const batch = [...waiting];
    waiting.clear();
    await layers.settle([...new Set(batch.flatMap(([, chain]) => chain))]);
    await settled(batch.map(([id]) => id));
  };
  return {
    later({ id, chain }) {
      const first = waiting.size === 0;
      waiting.set(id, chain);
      if (!first) return;
      setTimeout(() => {
        run().catch((error: Error) => log.warn({ error: error.message }, 'new layers are not on disk yet'));
      }, delayMs).unref();
    },
  };
}
