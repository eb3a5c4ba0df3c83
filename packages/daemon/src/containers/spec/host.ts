/**
 * What this host offers containers: read once when the daemon starts.
 *
 * In: /proc, /sys. Out: values. May import: linux, spec parts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { arch, release } from 'node:os';
import { execMonitorPath } from '@noos/linux';
import { ConfigError } from '../../config/error.js';
import { systemErrorText } from '../../errors.js';
import { findProgram } from '../../linux/find-program.js';
import { capabilitiesOfMask } from './capabilities.js';
import { parseLimits } from './limits.js';
import { parseSeccomp, type SeccompProfile } from './seccomp.js';

/** Where Debian's golang-github-containers-common keeps Docker's profile. */
const seccompPath = '/usr/share/containers/seccomp.json';

export type ControlGroups = 'v1' | 'v2' | 'hybrid';

export interface Host {
  readonly capabilities: readonly string[];
  readonly limits: ReadonlyMap<string, number>;
  readonly controlGroups: ControlGroups;
  /** Go's name of the processor. */
  readonly architecture: string;
  readonly kernel: string;
  readonly swapLimit: boolean;
  /** Absolute path of docker-init or tini. */
  readonly init: string | undefined;
  readonly seccomp: SeccompProfile | undefined;
  /** For containers that do not say. */
  readonly noNewPrivileges: boolean;
  /** The kernel has the x32 system calls; hardly any does. */
  readonly x32: boolean;
}

const goArchitectures: Record<string, string> = { x64: 'amd64', ia32: '386', arm64: 'arm64', arm: 'arm' };

/** Which hierarchy a mount table shows; hybrid is v1 controllers with a v2 hierarchy beside them. */
export function controlGroupsOf(mountTable: string): ControlGroups {
  const types = mountTable
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, target = '']) => target === '/sys/fs/cgroup' || target.startsWith('/sys/fs/cgroup/'));
  const unified = types.some(([, , type]) => type === 'cgroup2');
  const legacy = types.some(([, , type]) => type === 'cgroup');
  return unified ? (legacy ? 'hybrid' : 'v2') : 'v1';
}

/** What the configuration says about it. */
export interface HostSettings {
  initPath: string;
  noNewPrivileges: boolean;
  /** A path, `builtin` or `unconfined`. */
  seccompProfile: string;
}

function profileOf(setting: string): SeccompProfile | undefined {
  if (setting === 'unconfined') return undefined;
  const path = setting === '' || setting === 'builtin' ? seccompPath : setting;
  if (path === seccompPath && !existsSync(path)) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `opening seccomp profile (${path}) failed: open ${path}: ${systemErrorText(error)}`,
    );
  }
  return parseSeccomp(text);
}

export function readHost({ initPath, noNewPrivileges, seccompProfile }: HostSettings): Host {
  const status = readFileSync('/proc/self/status', 'latin1');
  const controlGroups = controlGroupsOf(readFileSync('/proc/self/mounts', 'latin1'));
  return {
    capabilities: capabilitiesOfMask(/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'),
    limits: parseLimits(readFileSync('/proc/self/limits', 'latin1')),
    controlGroups,
    architecture: goArchitectures[arch()] ?? arch(),
    kernel: release(),
    swapLimit: controlGroups === 'v2' || existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes'),
    init: existsSync(initPath)
      ? initPath
      : (findProgram('docker-init') ?? findProgram('tini-static') ?? findProgram('tini')),
    noNewPrivileges,
    x32: spawnSync(execMonitorPath, ['--x32'], { stdio: 'ignore' }).status === 0,
    seccomp: profileOf(seccompProfile),
  };
}
