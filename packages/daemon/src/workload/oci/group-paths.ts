/**
 * Where the control groups of a workload are, as its runtime wrote it down: runc in `state.json`, crun in `status`.
 *
 * In: the runtime's state directory. Out: directories by controller; "" is version 2. May import: errors.
 */
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../errors.js';

const mountPoint = '/sys/fs/cgroup';

type GroupPaths = Readonly<Record<string, string>>;

async function readState<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** crun keeps one path for all hierarchies. */
function inHierarchies(path: string): GroupPaths {
  if (existsSync(join(mountPoint, 'cgroup.controllers'))) return { '': join(mountPoint, path) };
  const controllers = readdirSync(mountPoint, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return Object.fromEntries(controllers.map(({ name }) => [name, join(mountPoint, name, path)]));
}

/** Empty when the runtime has no state of it. */
export async function groupPaths(stateDirectory: string): Promise<GroupPaths> {
  const runc = await readState<{ cgroup_paths?: GroupPaths }>(join(stateDirectory, 'state.json'));
  if (runc !== undefined) return runc.cgroup_paths ?? {};
  const crun = await readState<{ 'cgroup-path'?: string }>(join(stateDirectory, 'status'));
  const path = crun?.['cgroup-path'] ?? '';
  // The hierarchies themselves are nobody's.
  return path.replaceAll('/', '') === '' ? {} : inHierarchies(path);
}
