/**
 * Stats of containers as the API sends them: one sample, or one a second to all who follow a container.
 *
 * In: which container. Out: API: ContainerStats. May import: container types.
 */
import { readFile } from 'node:fs/promises';
import type { Container } from '../types.js';
import { type CpuStats, type GroupStats, parseGroups, readGroupStats } from './control-groups.js';
import { type InterfaceStats, parseInterfaces, parseMachineMemory, parseSystemCpu } from './host.js';

/** API: ContainerStats of API 1.41 and later; `name` has its slash. */
export interface ContainerStats extends GroupStats {
  id: string;
  name: string;
  os_type: 'linux';
  /** RFC 3339. */
  read: string;
  preread: string;
  num_procs: 0;
  storage_stats: Record<string, never>;
  precpu_stats: CpuStats;
  networks?: Record<string, InterfaceStats>;
}

const never = '0001-01-01T00:00:00Z';
const noCpu = (): CpuStats => ({
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
});

/** What dockerd sends for a container that does not run. */
export const emptyStats = (container: Container): ContainerStats => ({
  id: container.id,
  name: `/${container.name}`,
  os_type: 'linux',
  read: never,
  preread: never,
  pids_stats: {},
  blkio_stats: {
    io_service_bytes_recursive: null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  },
  num_procs: 0,
  storage_stats: {},
  cpu_stats: noCpu(),
  precpu_stats: noCpu(),
  memory_stats: {},
});

/** Now, RFC 3339 with nanoseconds. */
function now(): string {
  const fraction = String(process.hrtime.bigint() % 1_000_000n).padStart(6, '0');
  return new Date().toISOString().replace('Z', `${fraction}Z`);
}

/** A network namespace of its own, or another container's, is counted; the host's is not the container's. */
const hasOwnNetwork = ({ config, hostConfig }: Container): boolean =>
  config.NetworkDisabled !== true && hostConfig.NetworkMode !== 'host';

/** One sample of a running container; `before` fills what is compared with. */
export async function sampleStats(container: Container, before?: ContainerStats): Promise<ContainerStats> {
  const { pid } = container.state;
  if (pid === 0) return emptyStats(container);
  const text = (path: string) => readFile(path, 'utf8').catch(() => '');
  const [groupsText, memory] = await Promise.all([text(`/proc/${pid}/cgroup`), text('/proc/meminfo')]);
  if (groupsText === '') return emptyStats(container);
  const groups = parseGroups(groupsText);
  const [stats, system, interfaces] = await Promise.all([
    readGroupStats(groups, parseMachineMemory(memory)),
    text('/proc/stat').then(parseSystemCpu),
    hasOwnNetwork(container) ? text(`/proc/${pid}/net/dev`) : '',
  ]);
  return {
    ...emptyStats(container),
    read: now(),
    preread: before?.read ?? never,
    ...stats,
    cpu_stats: { ...stats.cpu_stats, system_cpu_usage: system.usageNs, online_cpus: system.cpus },
    precpu_stats: before?.cpu_stats ?? noCpu(),
    ...(hasOwnNetwork(container) ? { networks: parseInterfaces(interfaces) } : {}),
  };
}

/** As dockerd's collector. */
const intervalMs = 1000;

type Listener = (stats: ContainerStats) => void;

export interface StatsCollector {
  /** Calls `listener` at once and every second; a container that does not run gives empty samples. */
  follow(container: Container, listener: Listener): () => void;
}

/** One timer samples every container that somebody follows, once for all who do. */
export function createStatsCollector(): StatsCollector {
  const followed = new Map<Container, { listeners: Set<Listener>; last?: ContainerStats }>();
  let timer: NodeJS.Timeout | undefined;

  async function round(): Promise<void> {
    await Promise.all(
      [...followed].map(async ([container, entry]) => {
        const stats = await sampleStats(container, entry.last);
        if (stats.read === never) delete entry.last;
        else entry.last = stats;
        for (const listener of entry.listeners) listener(stats);
      }),
    );
    timer = followed.size > 0 ? setTimeout(() => void round(), intervalMs) : undefined;
  }

  return {
    follow(container, listener) {
      const entry = followed.get(container) ?? { listeners: new Set<Listener>() };
      followed.set(container, entry);
      entry.listeners.add(listener);
      if (timer === undefined) timer = setTimeout(() => void round(), 0);
      return () => {
        entry.listeners.delete(listener);
        if (entry.listeners.size === 0) followed.delete(container);
      };
    },
  };
}
