/**
 * Linux capabilities of a container (capabilities(7)).
 *
 * In: `--cap-add`, `--cap-drop`, what the daemon has. Out: the set. May import: errors.
 */
import { DaemonError } from '../../errors.js';

/** By number, lowest first (linux/capability.h). */
export const capabilityNames = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...[
    'LINUX_IMMUTABLE',
    'NET_BIND_SERVICE',
    'NET_BROADCAST',
    'NET_ADMIN',
    'NET_RAW',
    'IPC_LOCK',
    'IPC_OWNER',
  ],
  ...[
    'SYS_MODULE',
    'SYS_RAWIO',
    'SYS_CHROOT',
    'SYS_PTRACE',
    'SYS_PACCT',
    'SYS_ADMIN',
    'SYS_BOOT',
    'SYS_NICE',
  ],
  ...[
    'SYS_RESOURCE',
    'SYS_TIME',
    'SYS_TTY_CONFIG',
    'MKNOD',
    'LEASE',
    'AUDIT_WRITE',
    'AUDIT_CONTROL',
    'SETFCAP',
  ],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF'],
  'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

/** What every container gets (moby, oci/caps/defaults.go). */
export const defaultCapabilities = [
  ...[
    'CHOWN',
    'DAC_OVERRIDE',
    'FSETID',
    'FOWNER',
    'MKNOD',
    'NET_RAW',
    'SETGID',
    'SETUID',
    'SETFCAP',
    'SETPCAP',
  ],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
].map((name) => `CAP_${name}`);

/** `CapBnd` of /proc/self/status as names. */
export function capabilitiesOfMask(hexadecimal: string): string[] {
  const mask = BigInt(`0x${hexadecimal}`);
  return capabilityNames.filter((_, number) => (mask >> BigInt(number)) & 1n);
}

const all = 'ALL';

/** `net_admin`, `CAP_NET_ADMIN` → `CAP_NET_ADMIN`; throws for unknown ones. */
function normalize(option: 'CapAdd' | 'CapDrop', names: readonly string[]): string[] {
  return names.map((name) => {
    const upper = name.toUpperCase();
    if (upper === all) return all;
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!capabilityNames.includes(full))
      throw new DaemonError('invalid', `invalid ${option}: unknown capability: "${full}"`);
    return full;
  });
}

export interface CapabilityRequest {
  privileged: boolean;
  add: readonly string[];
  drop: readonly string[];
}

/** The container's set, limited to `available`: what the daemon lacks, nobody can be given. */
export function capabilitySet(request: CapabilityRequest, available: readonly string[]): string[] {
  if (request.privileged) return [...available];
  const add = normalize('CapAdd', request.add);
  const drop = normalize('CapDrop', request.drop);
  const base = add.includes(all)
    ? available.filter((name) => !drop.includes(name))
    : drop.includes(all)
      ? []
      : defaultCapabilities.filter((name) => !drop.includes(name));
  const wanted = new Set([...base, ...add.filter((name) => name !== all)]);
  return capabilityNames.filter((name) => wanted.has(name) && available.includes(name));
}

/** Throws what `capabilitySet` would for unknown names. */
export function checkCapabilities(add: readonly string[], drop: readonly string[]): void {
  normalize('CapAdd', add);
  normalize('CapDrop', drop);
}
