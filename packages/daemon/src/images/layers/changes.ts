/**
 * What a container changed (`docker diff`): Docker's rules (moby, pkg/archive, FileInfo.addChanges).
 *
 * In: an overlay's upper directory, the directories below it. Out: changes, each directory before what is in it.
 * May import: archive, lower.
 */
import { type BigIntStats, readdirSync } from 'node:fs';
import { getAttribute } from '@noos/linux';
import { isWhiteout } from '../../archive/whiteouts.js';
import type { Change } from '../types.js';
import { type Below, findBelow, isOpaque, listBelow, statOf } from './below.js';

const kinds = { modified: 0, added: 1, deleted: 2 } as const;
const nanosecondsPerSecond = 1_000_000_000n;
const capability = 'security.capability';

/** Go's sameFsTimeSpec: some file systems keep whole seconds. */
const sameTime = (a: bigint, b: bigint): boolean =>
  a === b ||
  (a / nanosecondsPerSecond === b / nanosecondsPerSecond &&
    (a % nanosecondsPerSecond === 0n || b % nanosecondsPerSecond === 0n));

/** A directory's size and time say nothing: they change with what is in it. */
const isDifferent = (before: BigIntStats, now: BigIntStats): boolean =>
  before.mode !== now.mode ||
  before.uid !== now.uid ||
  before.gid !== now.gid ||
  before.rdev !== now.rdev ||
  (!now.isDirectory() && (!sameTime(before.mtimeNs, now.mtimeNs) || before.size !== now.size));

const capabilityOf = (path: string): string | undefined => getAttribute(path, capability)?.toString('latin1');

export function changesOf(upper: string, lower: readonly string[]): Change[] {
  /** Changes at and below `path`; `before` is what the layers have there. */
  const at = (path: string, before: Below | undefined): Change[] => {
    const here = upper + path;
    const now = statOf(here);
    if (now === undefined) return [];
    if (isWhiteout(now)) return before === undefined ? [] : [{ Path: path, Kind: kinds.deleted }];
    const inside = now.isDirectory()
      ? within(path, before?.stats.isDirectory() === true, isOpaque(here))
      : [];
    if (before === undefined) return [{ Path: path, Kind: kinds.added }, ...inside];
    const changed =
      isDifferent(before.stats, now) || (now.isFile() && capabilityOf(before.path) !== capabilityOf(here));
    return changed || inside.length > 0 ? [{ Path: path, Kind: kinds.modified }, ...inside] : inside;
  };

  const within = (path: string, hadDirectory: boolean, opaque: boolean): Change[] => {
    const prefix = path === '/' ? '/' : `${path}/`;
    const names = new Set(readdirSync(upper + path));
    // An opaque directory hides what it does not list.
    const hidden = opaque && hadDirectory ? listBelow(lower, path).filter((name) => !names.has(name)) : [];
    const gone = new Set(hidden);
    return [...names, ...hidden].sort().flatMap((name): Change[] => {
      if (gone.has(name)) return [{ Path: prefix + name, Kind: kinds.deleted }];
      return at(prefix + name, hadDirectory ? findBelow(lower, prefix + name) : undefined);
    });
  };

  return within('/', true, false);
}
