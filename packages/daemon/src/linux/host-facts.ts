/**
 * What `docker info` tells about the host: kernel, system, memory, control groups.
 *
 * In: files of /proc, /sys, /etc. Out: facts, and warnings for what is missing. May import: nothing of the daemon.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { arch, cpus, hostname, release, totalmem } from 'node:os';

export interface CgroupFacts {
  version: '1' | '2';
  memory: boolean;
  swap: boolean;
  oomKillDisable: boolean;
  cpuCfsPeriod: boolean;
  cpuCfsQuota: boolean;
  cpuShares: boolean;
  cpuset: boolean;
  pids: boolean;
  blkio: boolean;
}

export interface HostFacts {
  kernelVersion: string;
  operatingSystem: string;
  osVersion: string;
  /** As uname says: x86_64. */
  machine: string;
  /** As Go says: amd64. */
  goArchitecture: string;
  cpus: number;
  /** Bytes. */
  memory: number;
  name: string;
  cgroups: CgroupFacts;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const machines: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', arm: 'armv7l' };
const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** Go's name of this processor, which images and seccomp profiles use. */
export const goArchitecture = (): string => goArchitectures[arch()] ?? arch();

/** NAME=value lines of os-release(5). */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^([A-Z_]+)=(?:"([^"]*)"|'([^']*)'|(.*))$/gm)].map((match) => [
      match[1]!,
      match[2] ?? match[3] ?? match[4] ?? '',
    ]),
  );
}

const cgroupRoot = '/sys/fs/cgroup';

/** Directory of a v1 controller that has `file` in some group: the root group lacks files of limits. */
function hasFile(controller: string, file: string): boolean {
  const directory = `${cgroupRoot}/${controller}`;
  if (existsSync(`${directory}/${file}`)) return true;
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .some((entry) => existsSync(`${directory}/${entry.name}/${file}`));
  } catch {
    return false;
  }
}

/** What limits the kernel's control groups offer (a hybrid host counts as v1: its controllers are there). */
export function readCgroupFacts(): CgroupFacts {
  if (existsSync(`${cgroupRoot}/cgroup.controllers`)) {
    const controllers = new Set(read(`${cgroupRoot}/cgroup.controllers`).trim().split(/\s+/));
    const cpu = controllers.has('cpu');
    return {
      version: '2',
      memory: controllers.has('memory'),
      swap: controllers.has('memory') && hasFile('.', 'memory.swap.max'),
      oomKillDisable: false,
      cpuCfsPeriod: cpu,
      cpuCfsQuota: cpu,
      cpuShares: cpu,
      cpuset: controllers.has('cpuset'),
      pids: controllers.has('pids'),
      blkio: controllers.has('io'),
    };
  }
  return {
    version: '1',
    memory: hasFile('memory', 'memory.limit_in_bytes'),
    swap: hasFile('memory', 'memory.memsw.limit_in_bytes'),
    oomKillDisable: hasFile('memory', 'memory.oom_control'),
    cpuCfsPeriod: hasFile('cpu', 'cpu.cfs_period_us'),
    cpuCfsQuota: hasFile('cpu', 'cpu.cfs_quota_us'),
    cpuShares: hasFile('cpu', 'cpu.shares'),
    cpuset: hasFile('cpuset', 'cpuset.cpus'),
    pids: existsSync(`${cgroupRoot}/pids`),
    blkio: hasFile('blkio', 'blkio.throttle.read_bps_device'),
  };
}

export function readHostFacts(): HostFacts {
  const system = parseOsRelease(read('/etc/os-release') || read('/usr/lib/os-release'));
  return {
    kernelVersion: release(),
    operatingSystem: system.get('PRETTY_NAME') ?? 'Linux',
    osVersion: system.get('VERSION_ID') ?? '',
    machine: machines[arch()] ?? arch(),
    goArchitecture: goArchitecture(),
    cpus: cpus().length,
    memory: totalmem(),
    name: hostname(),
    cgroups: readCgroupFacts(),
  };
}

export const forwardsIPv4 = (): boolean => read('/proc/sys/net/ipv4/ip_forward').trim() === '1';

/** dockerd's warnings (daemon/info_unix.go). */
export function limitWarnings(cgroups: CgroupFacts, forwarding: boolean): string[] {
  const missing: [boolean, string][] = [
    [cgroups.memory, 'No memory limit support'],
    [cgroups.swap, 'No swap limit support'],
    [cgroups.oomKillDisable || cgroups.version === '2', 'No oom kill disable support'],
    [cgroups.cpuCfsQuota, 'No cpu cfs quota support'],
    [cgroups.cpuCfsPeriod, 'No cpu cfs period support'],
    [cgroups.cpuShares, 'No cpu shares support'],
    [cgroups.cpuset, 'No cpuset support'],
    [cgroups.pids, 'No pids limit support'],
    [forwarding, 'IPv4 forwarding is disabled'],
  ];
  return missing.filter(([is]) => !is).map(([, text]) => `WARNING: ${text}`);
}
