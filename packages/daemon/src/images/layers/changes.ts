/**
 * What a container changed (`docker diff`): Docker's rules (moby, pkg/archive, changes()).
 *
 * In: an overlay's upper directory, the directories below it. Out: changes in the order of a walk.
 * May import: archive.
 */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { getAttribute } from '@noos/linux';
import { isWhiteout, opaqueAttribute } from '../../archive/whiteouts.js';
import type { Change } from '../types.js';

const kinds = { modified: 0, added: 1, deleted: 2 } as const;

const lookUp = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

export const isOpaque = (directory: string): boolean =>
  getAttribute(directory, opaqueAttribute)?.toString('latin1') === 'y';

/** `path` as the layers show it together; topmost layer first. */
export function lookUpBelow(lower: readonly string[], path: string): Stats | undefined {
  for (const layer of lower) {
    const parts = path.split('/').filter(Boolean);
    let at = layer;
    let hidden = false;
    for (const [index, part] of parts.entries()) {
      at = join(at, part);
      const found = lookUp(at);
      if (found === undefined) break;
      if (isWhiteout(found)) return undefined;
      if (index === parts.length - 1) return found;
      if (!found.isDirectory()) return undefined;
      hidden ||= isOpaque(at);
    }
    if (hidden) return undefined;
  }
  return undefined;
}

/** Go's sameFsTime: some file systems keep whole seconds. */
const sameTime = (a: Stats, b: Stats): boolean =>
  a.mtimeMs === b.mtimeMs ||
  (Math.floor(a.mtimeMs / 1000) === Math.floor(b.mtimeMs / 1000) &&
    (a.mtimeMs % 1000 === 0 || b.mtimeMs % 1000 === 0));

export function changesOf(upper: string, lower: readonly string[]): Change[] {
  const changes: Change[] = [];
  const listed = new Set<string>();

  const visit = (path: string): void => {
    const stats = lookUp(upper + path);
    if (stats === undefined) return;
    const before = lookUpBelow(lower, path);
    const isDirectory = stats.isDirectory();
    let kind: Change['Kind'] = kinds.added;
    if (isWhiteout(stats)) kind = kinds.deleted;
    else if (before !== undefined) {
      kind = kinds.modified;
      // Perhaps it is here only because something below it changed.
      if (
        isDirectory &&
        before.isDirectory() &&
        before.mode === stats.mode &&
        before.size === stats.size &&
        sameTime(before, stats)
      ) {
        visitChildren(path);
        return;
      }
    }
    if (isDirectory) listed.add(path);
    const parent = dirname(path);
    if (kind !== kinds.modified && parent !== '/' && !listed.has(parent)) {
      listed.add(parent);
      changes.push({ Path: parent, Kind: kinds.modified });
    }
    changes.push({ Path: path, Kind: kind });
    if (isDirectory) visitChildren(path);
  };
  const visitChildren = (path: string): void => {
    for (const name of readdirSync(upper + path).sort()) visit(path === '/' ? `/${name}` : `${path}/${name}`);
  };

  visitChildren('/');
  return changes;
}
