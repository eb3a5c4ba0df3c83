/**
 * Moving a process into a control group takes a lock of the whole kernel (`cgroup_threadgroup_rwsem`). Whoever takes it
 * first waits for an RCU grace period, 8 to 16 ms; whoever comes soon after does not. The OCI runtime takes it for each
 * container and each exec, some milliseconds after it was started: asked for at that start, the period runs meanwhile.
 *
 * In: /proc/self/cgroup. Out: a wait that has begun. May import: nothing.
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const mountPoint = '/sys/fs/cgroup';

/** `cgroup.procs` files of the process that `text`, a /proc/PID/cgroup (cgroups(7)), is of; the likelier ones first. */
export function membershipFiles(text: string): string[] {
  return text
    .split('\n')
    .map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line))
    .filter((match) => match !== null && !match[1]!.includes('='))
    .map((match) => join(mountPoint, match![1]!, match![2]!, 'cgroup.procs'));
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A function that asks for the lock by moving this process to where it is, which changes nothing. */
export function migrationLock(): () => void {
  const file = membershipFiles(readFileSync('/proc/self/cgroup', 'utf8')).find(writable);
  let asking = false;
  return () => {
    // Each waits on a thread of the pool; one at a time does for all.
    if (file === undefined || asking) return;
    asking = true;
    writeFile(file, '0')
      .catch(() => {})
      .finally(() => {
        asking = false;
      });
  };
}
