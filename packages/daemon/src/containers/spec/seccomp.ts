/**
 * Seccomp profiles of Docker's format as the OCI runtime takes them.
 *
 * In: a profile with conditions. Out: `linux.seccomp` of the OCI spec. May import: errors.
 */
import { DaemonError } from '../../errors.js';

interface Condition {
  caps?: string[] | null;
  arches?: string[] | null;
  minKernel?: string;
}

export interface ProfileRule {
  name?: string;
  names?: string[] | null;
  action: string;
  args?: object[] | null;
  errnoRet?: number;
  includes?: Condition;
  excludes?: Condition;
}

export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[] | null;
  archMap?: { architecture: string; subArchitectures?: string[] | null }[] | null;
  syscalls?: ProfileRule[] | null;
  flags?: string[];
  listenerPath?: string;
}

/** What conditions are checked against. */
export interface SeccompTarget {
  capabilities: readonly string[];
  /** Go's name: `amd64`, `arm64`, … */
  architecture: string;
  /** `uname -r`. */
  kernel: string;
  /** Architectures whose calls the kernel lacks: a filter for them costs a third of all and hinders nobody. */
  absent?: readonly string[];
}

/** Go's names → libseccomp's. */
const seccompArchitectures: Record<string, string> = {
  '386': 'SCMP_ARCH_X86',
  amd64: 'SCMP_ARCH_X86_64',
  arm: 'SCMP_ARCH_ARM',
  arm64: 'SCMP_ARCH_AARCH64',
  loong64: 'SCMP_ARCH_LOONGARCH64',
  mips64: 'SCMP_ARCH_MIPS64',
  mips64le: 'SCMP_ARCH_MIPSEL64',
  ppc64le: 'SCMP_ARCH_PPC64LE',
  s390x: 'SCMP_ARCH_S390X',
  riscv64: 'SCMP_ARCH_RISCV64',
};

/** libseccomp's name of the x32 ABI. */
export const x32 = 'SCMP_ARCH_X32';

/** True when `kernel` is at least `minimum` (`4.8`). */
export function kernelAtLeast(kernel: string, minimum: string): boolean {
  const numbers = (text: string) => text.split(/[.-]/, 2).map((part) => Number.parseInt(part, 10) || 0);
  const [major = 0, minor = 0] = numbers(kernel);
  const [wantedMajor = 0, wantedMinor = 0] = numbers(minimum);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function applies(rule: ProfileRule, target: SeccompTarget): boolean {
  const { includes = {}, excludes = {} } = rule;
  if (excludes.arches?.includes(target.architecture)) return false;
  if (excludes.caps?.some((name) => target.capabilities.includes(name))) return false;
  if (excludes.minKernel !== undefined && kernelAtLeast(target.kernel, excludes.minKernel)) return false;
  if (includes.arches?.length && !includes.arches.includes(target.architecture)) return false;
  if (includes.caps?.some((name) => !target.capabilities.includes(name))) return false;
  return includes.minKernel === undefined || kernelAtLeast(target.kernel, includes.minKernel);
}

/** Leaves only rules whose conditions hold (moby, profiles/seccomp/seccomp_linux.go). */
export function translateSeccomp(profile: SeccompProfile, target: SeccompTarget): object {
  const native = seccompArchitectures[target.architecture];
  const mapped = profile.archMap?.find(({ architecture }) => architecture === native);
  const wanted = profile.architectures?.length
    ? profile.architectures
    : mapped === undefined
      ? []
      : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  const architectures = wanted.filter((name) => !target.absent?.includes(name));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures.length > 0 ? { architectures } : {}),
    ...(profile.flags?.length ? { flags: profile.flags } : {}),
    ...(profile.listenerPath ? { listenerPath: profile.listenerPath } : {}),
    syscalls: (profile.syscalls ?? [])
      .filter((rule) => applies(rule, target))
      .map((rule) => ({
        names: rule.name === undefined ? (rule.names ?? []) : [rule.name],
        action: rule.action,
        ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
        ...(rule.args?.length ? { args: rule.args } : {}),
      })),
  };
}

/** Reads a custom profile (`--security-opt seccomp=<content>`: the CLI sends the file's text). */
export function parseSeccomp(text: string): SeccompProfile {
  let profile: unknown;
  try {
    profile = JSON.parse(text);
  } catch (error) {
    throw new DaemonError('invalid', `Decoding seccomp profile failed: ${(error as Error).message}`);
  }
  if (typeof profile !== 'object' || profile === null || !('defaultAction' in profile))
    throw new DaemonError('invalid', 'Decoding seccomp profile failed: defaultAction is missing');
  const checked = profile as SeccompProfile;
  if (checked.architectures?.length && checked.archMap?.length)
    throw new DaemonError(
      'invalid',
      'both architectures and archMap are specified in the seccomp profile, use either',
    );
  return checked;
}
