/**
 * What of /proc and /sys a container cannot read, and what it cannot write (moby, oci/defaults.go).
 *
 * In: HostConfig, the host's processors. Out: paths. May import: container types, security.
 */
import { existsSync, readdirSync } from 'node:fs';
import type { HostConfig } from '../types.js';
import { parseSecurityOptions } from './security.js';

const masked = [
  ...[
    'acpi',
    'asound',
    'interrupts',
    'kcore',
    'keys',
    'latency_stats',
    'sched_debug',
    'scsi',
    'timer_list',
  ].map((name) => `/proc/${name}`),
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const readonly = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`);

const processors = '/sys/devices/system/cpu';
let throttling: string[] | undefined;

/** Counters of every processor that tell what others compute (GHSA-6fw5-f8r9-fgfm); looked up once. */
function throttlingPaths(): string[] {
  throttling ??= (existsSync(processors) ? readdirSync(processors) : [])
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `${processors}/${name}/thermal_throttle`)
    .filter((path) => existsSync(path));
  return throttling;
}

export interface SystemPaths {
  /** Null: nothing, as privileged containers have it. */
  masked: readonly string[] | null;
  readonly: readonly string[] | null;
}

/** Lists that the request itself names win, in privileged containers too. */
export function systemPaths({
  Privileged,
  SecurityOpt,
  MaskedPaths,
  ReadonlyPaths,
}: HostConfig): SystemPaths {
  const open = Privileged || parseSecurityOptions(SecurityOpt ?? []).systemPathsUnconfined;
  return {
    masked: MaskedPaths ?? (open ? null : [...masked, ...throttlingPaths()]),
    readonly: ReadonlyPaths ?? (open ? null : readonly),
  };
}
