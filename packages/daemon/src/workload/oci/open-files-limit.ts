/**
 * The limit of open files of an exec's process, which runc 1.1 loses now and then (see limit-keeper.c), with dockerd too.
 *
 * In: an OCI process, the control group. Out: a keeper that runs until the process does. May import: linux.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { limitKeeperPath, openPipe, spawnProgram } from '@noos/linux';
import { groupPaths } from './group-paths.js';

interface Limit {
  type: string;
  soft: number;
  hard: number;
}

/** The limit that can be lost: a soft one below the hard one. */
export function lowerLimit(process: object): Limit | undefined {
  const { rlimits = [] } = process as { rlimits?: Limit[] };
  return rlimits.find(({ type, soft, hard }) => type === 'RLIMIT_NOFILE' && soft < hard);
}

/** Watches over processes that are being prepared in the container's group; call what it returns when they run. */
export async function keepOpenFilesLimit(process: object, stateDirectory: string): Promise<() => void> {
  const limit = lowerLimit(process);
  const [group] = limit === undefined ? [] : Object.values(await groupPaths(stateDirectory));
  if (limit === undefined || group === undefined) return () => {};
  const pipe = openPipe();
  try {
    spawnProgram([limitKeeperPath, String(limit.soft), String(limit.hard), join(group, 'cgroup.procs')], {}, [
      pipe.read,
    ]);
  } catch (error) {
    closeSync(pipe.write);
    throw error;
  } finally {
    closeSync(pipe.read);
  }
  return () => closeSync(pipe.write);
}
