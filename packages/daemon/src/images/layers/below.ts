/**
 * What layers show together, without mounting them: the rules of overlayfs for whiteouts and opaque directories.
 *
 * In: the layers' directories, topmost first; absolute paths inside. Out: the file that would be seen.
 * May import: archive.
 */
import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { getAttribute } from '@noos/linux';
import { isWhiteout, opaqueAttribute } from '../../archive/whiteouts.js';

export interface Below {
  /** Where it really lies. */
  path: string;
  stats: BigIntStats;
}

/** No link is followed; undefined when there is nothing. */
export const statOf = (path: string): BigIntStats | undefined => {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // A part of the path is no directory.
    return undefined;
  }
};

export const isOpaque = (directory: string): boolean =>
  getAttribute(directory, opaqueAttribute)?.toString('latin1') === 'y';

/** What each layer has at `path`, topmost first, until one of them hides the rest. */
function* visible(lower: readonly string[], path: string): Generator<Below> {
  const parts = path.split('/').filter(Boolean);
  for (const layer of lower) {
    let at = layer;
    let stats = statOf(at);
    let last = false;
    for (const part of parts) {
      at = join(at, part);
      stats = statOf(at);
      if (stats === undefined) break;
      // A whiteout, or another kind of file where the path continues, hides all below.
      if (isWhiteout(stats) || !stats.isDirectory()) {
        last = true;
        break;
      }
      last ||= isOpaque(at);
    }
    const complete = stats !== undefined && at === join(layer, ...parts) && !isWhiteout(stats);
    if (complete && stats !== undefined) yield { path: at, stats };
    if (last) return;
  }
}

/** The file at `path` as the layers show it. */
export const findBelow = (lower: readonly string[], path: string): Below | undefined =>
  visible(lower, path).next().value ?? undefined;

/** Names in the directory `path` as the layers show it. */
export function listBelow(lower: readonly string[], path: string): string[] {
  const shown = new Set<string>();
  const hidden = new Set<string>();
  for (const { path: directory, stats } of visible(lower, path)) {
    if (!stats.isDirectory()) break;
    for (const name of readdirSync(directory)) {
      if (shown.has(name) || hidden.has(name)) continue;
      const found = statOf(join(directory, name));
      if (found !== undefined) (isWhiteout(found) ? hidden : shown).add(name);
    }
  }
  return [...shown];
}
