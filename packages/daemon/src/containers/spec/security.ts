/**
 * `--security-opt`. In: texts. Out: what they mean. May import: errors, seccomp.
 */
import { DaemonError } from '../../errors.js';
import { defaultSeccomp } from './default-seccomp.js';
import { parseSeccomp, type SeccompProfile } from './seccomp.js';

export interface SecurityOptions {
  /** Absent: as the daemon is configured. */
  noNewPrivileges?: boolean;
  /** The daemon's own profile (`default`), none, or a given one. */
  seccomp: 'default' | 'unconfined' | SeccompProfile;
  /** Name of an AppArmor profile, or `unconfined`. */
  appArmor?: string;
  /** `systempaths=unconfined`: nothing masked, nothing read-only. */
  systemPathsUnconfined: boolean;
}

/** `builtin` is ours even where the daemon is configured with another. */
function seccompOf(value: string): SecurityOptions['seccomp'] {
  if (value === 'unconfined') return value;
  if (value === '') return 'default';
  return value === 'builtin' ? defaultSeccomp : parseSeccomp(value);
}

/** `key=value`, the old `key:value`, or a bare word (moby, daemon_unix.go parseSecurityOpt). */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  const result: SecurityOptions = {
    seccomp: 'default',
    systemPathsUnconfined: false,
  };
  for (const option of options) {
    if (option === 'no-new-privileges') {
      result.noNewPrivileges = true;
      continue;
    }
    if (option === 'disable') continue;
    const match = /^([^=:]+)[=:]([\s\S]*)$/.exec(option);
    if (match === null) throw new DaemonError('invalid', `invalid --security-opt 1: "${option}"`);
    const [, key, value = ''] = match;
    switch (key) {
      case 'label':
        // SELinux is not driven; labels mean nothing where it is off.
        break;
      case 'apparmor':
        if (value === '') delete result.appArmor;
        else result.appArmor = value;
        break;
      case 'seccomp':
        result.seccomp = seccompOf(value);
        break;
      case 'no-new-privileges':
        if (!['true', 'false', '1', '0', 't', 'f'].includes(value.toLowerCase()))
          throw new DaemonError('invalid', `invalid --security-opt 2: "${option}"`);
        result.noNewPrivileges = ['true', '1', 't'].includes(value.toLowerCase());
        break;
      case 'systempaths':
        if (value === 'unconfined') result.systemPathsUnconfined = true;
        break;
      default:
        throw new DaemonError('invalid', `invalid --security-opt 2: "${option}"`);
    }
  }
  return result;
}
