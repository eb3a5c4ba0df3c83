/**
 * AppArmor: which profile confines a container, and the text of the one that confines most of them.
 *
 * In: what was asked for, what the host has. Out: names, a profile in apparmor.d(5)'s language. May import: errors,
 * types and spec parts of containers.
 */
import { DaemonError } from '../../errors.js';
import { parseSecurityOptions } from '../spec/security.js';
import type { HostConfig } from '../types.js';

/** Docker's name: a profile of that name that is loaded already is taken as it is. */
export const defaultProfile = 'docker-default';
const unconfined = 'unconfined';

/**
 * The profile of a container's processes; undefined where the host has no AppArmor.
 * Throws when one is asked for that could not be applied there.
 */
export function profileOf(
  { Privileged, SecurityOpt }: Pick<HostConfig, 'Privileged' | 'SecurityOpt'>,
  usable: boolean,
): string | undefined {
  if (Privileged) return usable ? unconfined : undefined;
  const asked = parseSecurityOptions(SecurityOpt ?? []).appArmor;
  if (usable) return asked ?? defaultProfile;
  if (asked === undefined || asked === unconfined) return undefined;
  throw new DaemonError(
    'invalid',
    `AppArmor is not supported on this host, but the profile '${asked}' was specified`,
  );
}

/** Whether `profiles` of AppArmor's file system (lines `name (mode)`) has it. */
export const isLoaded = (profiles: string, name: string): boolean =>
  profiles.split('\n').some((line) => line.startsWith(`${name} (`));

/** The name in an attribute of a process, `name (mode)` or `unconfined`. */
export const labelOf = (attribute: string): string =>
  attribute.trim().replace(/ \([a-z]+\)$/, '') || unconfined;

export interface ProfileSurroundings {
  /** Whether apparmor.d has a file, such as `tunables/global`. */
  has(file: string): boolean;
  /** What confines the daemon. */
  daemonLabel: string;
}

/** Everything is allowed but what reaches the host past the namespaces (rules of moby/profiles, apparmor v0.1). */
export function defaultProfileText({ has, daemonLabel }: ProfileSurroundings): string {
  // From ABI 4.0 on, `network` would leave Unix sockets out.
  const abi = has('abi/3.0') ? 'abi <abi/3.0>,\n' : '';
  const tunables = has('tunables/global') ? '#include <tunables/global>' : '@{PROC}=/proc/';
  const base = has('abstractions/base') ? '  #include <abstractions/base>\n' : '';
  // Ubuntu confines the OCI runtimes themselves, by profiles of their names.
  const senders = [...new Set([unconfined, 'runc', 'crun', daemonLabel])];
  return `${abi}${tunables}
profile "${defaultProfile}" flags=(attach_disconnected, mediate_deleted) {
${base}  file,
  network,
  capability,
  umount,
  deny mount,

${senders.map((peer) => `  signal (receive) peer="${peer}",\n`).join('')}\
  signal (send, receive) peer="${defaultProfile}",
  ptrace (trace, tracedby, read, readby) peer="${defaultProfile}",

  # Of /proc only processes' own directories and sys/kernel/shm* may be written.
  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9/],[^1-9/][^0-9/],[^1-9s/][^0-9y/][^0-9s/],[^1-9/][^0-9/][^0-9/][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/{sysrq-trigger,kcore} rwklx,

  # Of /sys only fs/cgroup.
  deny /sys/{[^f]*,f[^s]*,fs/[^c]*,fs/c[^g]*,fs/cg[^r]*}/** wklx,
  deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,
}
`;
}
