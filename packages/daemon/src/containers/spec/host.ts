/**
 * What this host offers containers: read once when the daemon starts.
 *
 * In: /proc, /sys. Out: values. May import: linux, spec parts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { execMonitorPath } from '@noos/linux';
import { ConfigError } from '../../config/error.js';
import { systemErrorText } from '../../errors.js';
import { findProgram } from '../../linux/find-program.js';
import { goArchitecture } from '../../linux/host-facts.js';
import { capabilitiesOfMask } from './capabilities.js';
import { defaultSeccomp } from './default-seccomp.js';
import { parseLimits } from './limits.js';
import { parseSeccomp, type SeccompProfile } from './seccomp.js';

export type ControlGroups = 'v1' | 'v2' | 'hybrid';

export interface Host {
  readonly capabilities: readonly string[];
  readonly limits: ReadonlyMap<string, number>;
  readonly controlGroups: ControlGroups;
  /** Go's name of the processor. */
  readonly architecture: string;
  readonly kernel: string;
  readonly swapLimit: boolean;
  readonly blkioWeight: boolean;
  /** NUMA nodes, counted from 0. */
  readonly memoryNodes: number;
  /** Absolute path of docker-init or tini. */
  readonly init: string | undefined;
  /** For containers that do not say; undefined where it is `unconfined`. */
  readonly seccomp: SeccompProfile | undefined;
  /** For containers that do not say. */
  readonly noNewPrivileges: boolean;
  /** The kernel has the x32 system calls; hardly any does. */
  readonly x32: boolean;
}

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
  if (setting === 'builtin') return defaultSeccomp;
  let text: string;
  try {
    text = readFileSync(setting, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `opening seccomp profile (${setting}) failed: open ${setting}: ${systemErrorText(error)}`,
    );
  }
  return parseSeccomp(text);
}

const nodesPath = '/sys/devices/system/node/online';

/** `0-1`, or `0`; a kernel without NUMA has one node and no such file. */
function memoryNodesOf(path: string): number {
  if (!existsSync(path)) return 1;
  return Number(/(\d+)\s*$/.exec(readFileSync(path, 'latin1'))?.[1] ?? 0) + 1;
}

export function readHost({ initPath, noNewPrivileges, seccompProfile }: HostSettings): Host {
  const status = readFileSync('/proc/self/status', 'latin1');
  const controlGroups = controlGroupsOf(readFileSync('/proc/self/mounts', 'latin1'));
  return {
    capabilities: capabilitiesOfMask(/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'),
    limits: parseLimits(readFileSync('/proc/self/limits', 'latin1')),
    controlGroups,
    architecture: goArchitecture(),
    kernel: release(),
    swapLimit: controlGroups === 'v2' || existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes'),
    blkioWeight: controlGroups === 'v2' || existsSync('/sys/fs/cgroup/blkio/blkio.weight'),
    memoryNodes: memoryNodesOf(nodesPath),
    init: existsSync(initPath)
      ? initPath
      : (findProgram('docker-init') ?? findProgram('tini-static') ?? findProgram('tini')),
    noNewPrivileges,
    x32: spawnSync(execMonitorPath, ['--x32'], { stdio: 'ignore' }).status === 0,
    seccomp: profileOf(seccompProfile),
  };
}
