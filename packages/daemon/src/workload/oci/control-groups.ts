/**
 * Removes the control groups of a workload that ended, and whatever still runs in them.
 *
 * In: directories of control groups. Out: none left. May import: errors.
 */
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../../errors.js';

const attempts = 60;
const firstPauseMs = 1;
const longestPauseMs = 100;

/** Pids in the group and all below it. */
export async function processesOf(group: string): Promise<number[]> {
  const own = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '');
  const pids = own.split('\n').filter(Boolean).map(Number);
  for (const entry of await readdir(group, { withFileTypes: true }).catch(() => []))
    if (entry.isDirectory()) pids.push(...(await processesOf(join(group, entry.name))));
  return pids;
}

async function removeTree(group: string): Promise<void> {
  try {
    await rmdir(group);
    return;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return;
    if (errno !== 'EBUSY' && errno !== 'ENOTEMPTY') throw error;
  }
  for (const entry of await readdir(group, { withFileTypes: true }).catch(() => []))
    if (entry.isDirectory()) await removeTree(join(group, entry.name));
  await rmdir(group).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}

/** Kills what is left in the group until it can be removed; throws EBUSY when it cannot. */
export async function removeControlGroup(group: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await removeTree(group);
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY' || attempt === attempts) throw error;
    }
    for (const pid of await processesOf(group))
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    await delay(Math.min(firstPauseMs * 2 ** attempt, longestPauseMs));
  }
}
