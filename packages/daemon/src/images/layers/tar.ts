/**
 * A layer's tar as it once came, verified while it is made. May import: archive, stream-record.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gather } from '../../archive/create.js';
import type { StoredLayer } from './graph.js';
import { replayStream } from './stream-record.js';

export function layerTar(layer: StoredLayer, stream: string, difference: string): Readable {
  async function* verified(): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    for await (const piece of gather(replayStream(stream, difference, layer.displaced))) {
      hash.update(piece);
      yield piece;
    }
    if (`sha256:${hash.digest('hex')}` !== layer.diffId)
      throw new Error(`layer ${layer.chainId} is damaged: its files do not give ${layer.diffId}`);
  }
  return Readable.from(verified(), { objectMode: false, highWaterMark: 512 * 1024 });
}
