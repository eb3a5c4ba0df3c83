/**
 * The control group above all containers of this daemon.
 *
 * In: its name. Out: nothing of it is left, in any hierarchy. May import: errors.
 */
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.js';

/** cgroups(7): hierarchies of version 1 are directories here; of version 2 the directory itself is one. */
const controlGroups = '/sys/fs/cgroup';

/** Removes the group where it is empty; a group with containers in it stays (live-restore). */
export async function removeControlGroup(name: string): Promise<void> {
  const hierarchies = await readdir(controlGroups, { withFileTypes: true }).catch(() => []);
  const directories = hierarchies.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  for (const hierarchy of ['', ...directories])
    await rmdir(join(controlGroups, hierarchy, name)).catch((error: unknown) => {
      if (!['ENOENT', 'EBUSY', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
    });
}
