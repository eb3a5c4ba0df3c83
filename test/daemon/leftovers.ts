/**
 * What containers of a daemon hold on the host: for tests that nothing is left.
 *
 * In: the daemon's roots. Out: names of what is there. May import: the fixture.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountsBelow, type TestDaemon } from './daemon.js';

const names = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

/** Command lines of monitors whose files lie below `directory`. */
function monitorsOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return line.startsWith('/') || line.startsWith('conmon') ? [[pid, line] as const] : [];
      } catch {
        return [];
      }
    })
    .filter(([, line]) => line.split('\0')[0]?.endsWith('conmon') && line.includes(directory))
    .map(([pid]) => `monitor ${pid}`);
}

/** Control groups of containers, in every hierarchy. */
function groupsOf(dataRoot: string): string[] {
  const instance = `noos-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 6)}`;
  const root = '/sys/fs/cgroup';
  return ['', ...names(root)].flatMap((hierarchy) =>
    names(join(root, hierarchy, instance))
      .filter((name) => /^[0-9a-f]{64}$/.test(name))
      .map((name) => `group ${hierarchy}/${name.slice(0, 12)}`),
  );
}

/** Everything that only a running container may hold. */
export function heldByContainers({ dataRoot, execRoot }: TestDaemon): string[] {
  return [
    ...monitorsOf(execRoot),
    ...groupsOf(dataRoot),
    ...mountsBelow(join(dataRoot, 'layers')).map((path) => `mount ${path}`),
    ...names(join(execRoot, 'netns')).map((name) => `namespace ${name}`),
    ...names(join(execRoot, 'bundles/runc')).map((name) => `bundle ${name}`),
    ...names(join(execRoot, 'runtime/runc')).map((name) => `state ${name}`),
    ...names(join(execRoot, 'exits/runc')).map((name) => `exit ${name}`),
    ...names(join(execRoot, 'shm')).map((name) => `shm ${name}`),
  ];
}

/** Root file systems and records, of running containers or not. */
export function keptForContainers({ dataRoot }: TestDaemon): { records: number; roots: number } {
  return {
    records: names(join(dataRoot, 'containers')).length,
    roots: names(join(dataRoot, 'layers/roots')).length,
  };
}
