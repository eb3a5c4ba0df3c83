/**
 * Limits of memory, processors, processes and block devices, as the OCI runtime takes them for either kind of
 * control groups.
 *
 * In: HostConfig. Out: `linux.resources`. May import: container types, devices.
 */
import { statSync } from 'node:fs';
import { DaemonError } from '../../errors.js';
import type { HostConfig } from '../types.js';
import { majorOf, minorOf } from './devices.js';

/** CFS period that `--cpus` counts in; microseconds (moby, daemon_unix.go). */
const cpuPeriodUs = 100_000;
const nanosecondsPerCpu = 1e9;

/** Drops what is undefined, so that the runtime leaves those files alone. */
function defined<T extends object>(object: T): Partial<T> | undefined {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Partial<T>);
}

const positive = (value: number | null | undefined): number | undefined => (value ? value : undefined);

function deviceNumbers(path: string): { major: number; minor: number } {
  try {
    const { rdev } = statSync(path);
    return { major: majorOf(rdev), minor: minorOf(rdev) };
  } catch {
    throw new DaemonError('invalid', `no such device: "${path}"`);
  }
}

const throttles = (list: readonly { Path: string; Rate: number }[] | null | undefined) =>
  list?.length ? list.map(({ Path, Rate }) => ({ ...deviceNumbers(Path), rate: Rate })) : undefined;

export function resourcesOf(host: HostConfig): Record<string, unknown> {
  const swap = host.MemorySwap
    ? host.MemorySwap
    : host.Memory && host.Memory > 0
      ? host.Memory * 2
      : undefined;
  const memory = defined({
    limit: positive(host.Memory),
    reservation: positive(host.MemoryReservation),
    swap,
    swappiness:
      host.MemorySwappiness === undefined || host.MemorySwappiness === null || host.MemorySwappiness < 0
        ? undefined
        : host.MemorySwappiness,
    disableOOMKiller: host.OomKillDisable ? true : undefined,
  });
  const cpu = defined({
    shares: positive(host.CpuShares),
    period: host.NanoCpus ? cpuPeriodUs : positive(host.CpuPeriod),
    quota: host.NanoCpus
      ? Math.round((host.NanoCpus / nanosecondsPerCpu) * cpuPeriodUs)
      : positive(host.CpuQuota),
    realtimePeriod: positive(host.CpuRealtimePeriod),
    realtimeRuntime: positive(host.CpuRealtimeRuntime),
    cpus: host.CpusetCpus || undefined,
    mems: host.CpusetMems || undefined,
  });
  const blockIO = defined({
    weight: positive(host.BlkioWeight),
    weightDevice: host.BlkioWeightDevice?.length
      ? host.BlkioWeightDevice.map(({ Path, Weight }) => ({ ...deviceNumbers(Path), weight: Weight }))
      : undefined,
    throttleReadBpsDevice: throttles(host.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttles(host.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttles(host.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttles(host.BlkioDeviceWriteIOps),
  });
  const pids = host.PidsLimit && host.PidsLimit !== 0 ? { limit: host.PidsLimit } : undefined;
  return defined({ memory, cpu, blockIO, pids }) ?? {};
}
