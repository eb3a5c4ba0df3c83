/**
 * Checks of a create or update request that need no other object, and defaults dockerd fills in.
 *
 * In: ContainerConfig, HostConfig. Out: adapted HostConfig, warnings; or DaemonError with dockerd's text.
 * May import: container types, errors, spec parts.
 */

import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { DaemonError } from '../../errors.js';
import { checkRestartPolicy } from '../lifecycle/restart-policy.js';
import { checkCapabilities } from '../spec/capabilities.js';
import { parseDeviceRule } from '../spec/devices.js';
import type { Host } from '../spec/host.js';
import { checkUlimits, rlimitsOf } from '../spec/limits.js';
import { parseSecurityOptions } from '../spec/security.js';
import type { ContainerConfig, HostConfig } from '../types.js';
import { checkModes, containerOf, networkOfMode } from './modes.js';
import { signalNumber } from './signals.js';
import { checkHostTexts, checkProcessTexts } from './texts.js';

/** moby, daemon/daemon_unix.go: linuxMinMemory. */
const leastMemoryBytes = 6 * 2 ** 20;
const leastCpuShares = 2;
const mostCpuShares = 262_144;
const nanosecondsPerCpu = 1e9;

/** An update says only what changes. */
type Purpose = 'create' | 'update';

const invalid = (message: string): DaemonError => new DaemonError('invalid', message);

function checkMemory(
  host: HostConfig,
  target: Pick<Host, 'swapLimit'>,
  purpose: Purpose,
  warnings: string[],
): void {
  const { Memory = 0, MemorySwap = 0, MemoryReservation = 0, MemorySwappiness } = host;
  if (Memory !== 0 && Memory < leastMemoryBytes) throw invalid(`Minimum memory limit allowed is 6MB`);
  if (MemorySwap > 0 && Memory === 0 && purpose === 'create')
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory)
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (Memory > 0 && MemorySwap !== -1 && !target.swapLimit) {
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    );
    host.MemorySwap = -1;
  } else if (Memory > 0 && MemorySwap === 0 && purpose === 'create') host.MemorySwap = 2 * Memory;
  if (MemorySwappiness !== undefined && MemorySwappiness !== null && MemorySwappiness !== -1)
    if (MemorySwappiness < 0 || MemorySwappiness > 100)
      throw invalid(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  if (MemoryReservation !== 0 && MemoryReservation < leastMemoryBytes)
    throw invalid('Minimum memory reservation allowed is 6MB');
  if (Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation)
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage');
  if (host.KernelMemory)
    warnings.push('Specifying a kernel memory limit is deprecated and will be removed in a future release.');
}

function checkCpu(host: HostConfig, target: Pick<Host, 'memoryNodes'>): void {
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, CpuShares = 0 } = host;
  if (NanoCpus !== 0 && CpuPeriod !== 0)
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (NanoCpus !== 0 && CpuQuota !== 0)
    throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  const cpus = availableParallelism();
  if (NanoCpus < 0 || NanoCpus > cpus * nanosecondsPerCpu)
    throw invalid(`range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000))
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (CpuQuota > 0 && CpuQuota < 1000) throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (CpuShares < 0) host.CpuShares = leastCpuShares;
  if (CpuShares > mostCpuShares) host.CpuShares = mostCpuShares;
  checkList(host.CpusetCpus, 'cpus', cpus - 1);
  checkList(host.CpusetMems, 'mems', target.memoryNodes - 1);
}

/** `0-2,7` */
function checkList(text: string | undefined, name: 'cpus' | 'mems', last: number): void {
  if (text === undefined || text === '') return;
  const bad = () => invalid(`Invalid value ${text} for cpuset ${name}: invalid format: ${text}`);
  const wanted: number[] = [];
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) throw bad();
    const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (to < from) throw bad();
    wanted.push(from, to);
  }
  const what = name === 'cpus' ? 'CPUs' : 'memory nodes';
  if (Math.max(...wanted) > last)
    throw invalid(
      `Requested ${what} are not available - requested ${text}, available: ${last === 0 ? '0' : `0-${last}`}`,
    );
}

function checkNetworking(host: HostConfig, config: ContainerConfig): void {
  for (const text of host.ExtraHosts ?? []) {
    const at = /[:=]/.exec(text)?.index;
    const address = at === undefined ? '' : text.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
    if (at === undefined || at === 0) throw invalid(`bad format for add-host: "${text}"`);
    if (address !== 'host-gateway' && isIP(address) === 0)
      throw invalid(`invalid IP address in add-host: "${address}"`);
  }
  const other = containerOf(host.NetworkMode);
  const isHost = networkOfMode(host.NetworkMode) === 'host';
  const published = Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts;
  if (other !== undefined) {
    if (config.Hostname) throw invalid('conflicting options: hostname and the network mode');
    if (host.Links?.length)
      throw invalid(
        "conflicting options: container type network can't be used with links. This would result in undefined behavior",
      );
    if (host.Dns?.length) throw invalid('conflicting options: dns and the network mode');
    if (host.ExtraHosts?.length)
      throw invalid('conflicting options: custom host-to-IP mapping and the network mode');
    if (published) throw invalid('conflicting options: port publishing and the container type network mode');
    if (Object.keys(config.ExposedPorts ?? {}).length > 0)
      throw invalid('conflicting options: port exposing and the container type network mode');
  }
  if (isHost && host.Links?.length)
    throw invalid(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  if (host.UTSMode === 'host' && config.Hostname)
    throw invalid('conflicting options: hostname and the UTS mode');
  for (const [port, bindings] of Object.entries(host.PortBindings ?? {})) {
    const match = /^(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(port);
    if (match === null || Number(match[1]) > 65_535) throw invalid(`invalid port specification: "${port}"`);
    for (const { HostPort = '' } of bindings ?? [])
      if (HostPort !== '' && !/^\d+(-\d+)?$/.test(HostPort))
        throw invalid(`invalid port specification: "${HostPort}"`);
  }
}

export interface Checked {
  warnings: string[];
}

/** Adapts `host` in place (clamped and defaulted values) as dockerd's adaptContainerSettings. */
export function checkHostConfig(host: HostConfig, target: Host, purpose: Purpose = 'create'): Checked {
  const warnings: string[] = [];
  checkMemory(host, target, purpose, warnings);
  checkCpu(host, target);
  if (host.BlkioWeightDevice?.length && !target.blkioWeight) {
    warnings.push(
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
    );
    host.BlkioWeightDevice = [];
  }
  if (host.BlkioWeight && !target.blkioWeight) {
    warnings.push(
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    );
    host.BlkioWeight = 0;
  }
  if (host.BlkioWeight && (host.BlkioWeight < 10 || host.BlkioWeight > 1000))
    throw invalid('Range of blkio weight is from 10 to 1000');
  if (host.OomScoreAdj !== undefined && (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000))
    throw invalid(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  if (host.ShmSize !== undefined && host.ShmSize < 0) throw invalid('SHM size can not be less than 0');
  if (host.OomKillDisable && !host.Memory)
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  checkModes(host);
  checkRestartPolicy(host.RestartPolicy ?? { Name: 'no' }, host.AutoRemove ?? false);
  checkCapabilities(host.CapAdd ?? [], host.CapDrop ?? []);
  parseSecurityOptions(host.SecurityOpt ?? []);
  for (const rule of host.DeviceCgroupRules ?? []) parseDeviceRule(rule);
  if (host.DeviceRequests?.length)
    throw invalid('could not select device driver "" with capabilities: [[gpu]]');
  checkUlimits(host.Ulimits ?? []);
  warnings.push(
    ...rlimitsOf(host.Ulimits ?? [], target.limits, target.capabilities.includes('CAP_SYS_RESOURCE'))
      .warnings,
  );
  for (const name of Object.keys(host.Sysctls ?? {})) checkSysctl(name, host);
  if (networkOfMode(host.NetworkMode) === 'host' && Object.keys(host.PortBindings ?? {}).length > 0)
    warnings.push('Published ports are discarded when using host network mode');
  if (host.Isolation && host.Isolation !== 'default')
    throw invalid(`Invalid isolation: "${host.Isolation}" - linux only supports 'default'`);
  if (host.StorageOpt && Object.keys(host.StorageOpt).length > 0)
    throw invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  return { warnings };
}

const ipcSysctls = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel.${name}`,
  ),
);

function checkSysctl(name: string, host: HostConfig): void {
  const dotted = name.replaceAll('/', '.');
  if (dotted.startsWith('net.')) {
    if (networkOfMode(host.NetworkMode) === 'host')
      throw invalid(`sysctl '${name}' not allowed in host network namespace`);
    return;
  }
  if (ipcSysctls.has(dotted) || dotted.startsWith('fs.mqueue.')) {
    if (host.IpcMode === 'host') throw invalid(`sysctl '${name}' not allowed in host ipc namespace`);
    return;
  }
  if (dotted === 'kernel.domainname') return;
  throw invalid(`sysctl '${name}' is not whitelisted`);
}

/** What the engine itself acts on, whoever said it: a request, or an image that came from anywhere. */
export function checkEngineSettings(config: ContainerConfig): void {
  checkProcessTexts(config);
  if (config.WorkingDir && !config.WorkingDir.startsWith('/'))
    throw invalid(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  if (config.StopSignal) signalNumber(config.StopSignal);
  const health = config.Healthcheck;
  if (health !== undefined) {
    const least = 1_000_000;
    for (const [label, value] of [
      ['Interval', health.Interval],
      ['Timeout', health.Timeout],
      ['StartPeriod', health.StartPeriod],
      ['StartInterval', health.StartInterval],
    ] as const)
      if (value !== undefined && value !== 0 && value < least)
        throw invalid(`${label} in Healthcheck cannot be less than 1ms`);
    if (health.Retries !== undefined && health.Retries < 0)
      throw invalid('Retries in Healthcheck cannot be negative');
  }
}

/** The request itself, before anything is looked up. */
export function checkConfig(config: ContainerConfig, host: HostConfig): void {
  checkEngineSettings(config);
  for (const entry of config.Env ?? [])
    if (entry === '' || entry.startsWith('=')) throw invalid(`invalid environment variable: ${entry}`);
  checkHostTexts(config, host);
  checkNetworking(host, config);
}
