/**
 * Mounts every container has, and in which order all of them are made.
 *
 * In: what kind of container. Out: OCI mounts. May import: volume types.
 */
import type { OciMount } from '../../volumes/types.js';

/** Docker's default; bytes (moby, daemon/config). */
export const defaultShmBytes = 64 * 2 ** 20;

export interface SystemMounts {
  privileged: boolean;
  /** `--read-only` leaves these writable. */
  shm: { bytes: number } | { bind: string } | 'none';
}

/** /proc, /dev, /sys and below (moby, oci/defaults.go). */
export function systemMounts({ privileged, shm }: SystemMounts): OciMount[] {
  const access = privileged ? 'rw' : 'ro';
  const mounts: OciMount[] = [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'noexec', 'nodev', access],
    },
    // Shows the queues of the container's IPC namespace, whose ever it is.
    {
      destination: '/dev/mqueue',
      type: 'mqueue',
      source: 'mqueue',
      options: ['nosuid', 'noexec', 'nodev'],
    },
  ];
  if (shm !== 'none')
    mounts.push(
      'bytes' in shm
        ? {
            destination: '/dev/shm',
            type: 'tmpfs',
            source: 'shm',
            options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${shm.bytes}`],
          }
        : { destination: '/dev/shm', type: 'bind', source: shm.bind, options: ['rbind', 'rprivate'] },
    );
  return mounts;
}

const normal = (path: string): string => `/${path.split('/').filter(Boolean).join('/')}`;

/** The user's mounts replace system mounts at the same place, one of /dev all below it; parents before children. */
export function orderMounts(system: readonly OciMount[], user: readonly OciMount[]): OciMount[] {
  const taken = new Set(user.map(({ destination }) => normal(destination)));
  const depth = ({ destination }: OciMount) => normal(destination).split('/').length;
  return [
    ...system.filter(
      ({ destination }) => !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/')),
    ),
    ...[...user].sort((a, b) => depth(a) - depth(b)),
  ];
}
