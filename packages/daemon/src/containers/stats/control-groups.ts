/**
 * What the kernel counts for a control group: version 1, version 2 and both side by side (hybrid).
 *
 * In: /proc/<pid>/cgroup, files of the groups. Out: API: ContainerStats, without times and interfaces.
 * May import: nothing.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface BlkioEntry {
  major: number;
  minor: number;
  op: string;
  value: number;
}

export interface CpuUsage {
  total_usage: number;
  percpu_usage?: number[];
  usage_in_kernelmode: number;
  usage_in_usermode: number;
}

/** CPU times in nanoseconds. */
export interface CpuStats {
  cpu_usage: CpuUsage;
  system_cpu_usage?: number;
  online_cpus?: number;
  throttling_data: { periods: number; throttled_periods: number; throttled_time: number };
}

export interface MemoryStats {
  usage?: number;
  max_usage?: number;
  stats?: Record<string, number>;
  failcnt?: number;
  limit?: number;
}

export interface GroupStats {
  pids_stats: { current?: number; limit?: number };
  blkio_stats: Record<string, BlkioEntry[] | null>;
  cpu_stats: CpuStats;
  memory_stats: MemoryStats;
}

/** Directory of each controller's group; `unified` is version 2's. */
export type Groups = ReadonlyMap<string, string>;

const mountPoint = '/sys/fs/cgroup';

/**
 * Where the groups of a process lie. Version 1 has a hierarchy a controller (`5:memory:/a`); version 2 has one
 * (`0::/a`), at the mount point itself or, beside version 1, below `unified`.
 */
export function parseGroups(text: string, mount = mountPoint): Groups {
  const hybrid = /^\d+:[^:]+:/m.test(text);
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, controllers, path] = match as unknown as [string, string, string];
    if (controllers === '') groups.set('unified', join(mount, hybrid ? 'unified' : '', path));
    else
      for (const controller of controllers.split(','))
        groups.set(controller.replace(/^name=/, ''), join(mount, controllers.replace(/^name=/, ''), path));
  }
  return groups;
}

/** Text of a file of a group; undefined when the controller or file does not exist. */
type Read = (controller: string, file: string) => string | undefined;

/** `key value` lines. */
export function parseFlat(text: string | undefined): Record<string, number> {
  const values: Record<string, number> = {};
  for (const line of (text ?? '').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) values[line.slice(0, space)] = Number(line.slice(space + 1));
  }
  return values;
}

/** A number, or undefined for `max` and missing files. */
const parseNumber = (text: string | undefined): number | undefined =>
  text === undefined || text.trim() === 'max' || text.trim() === '' ? undefined : Number(text);

/** Version 1 io lines: `8:0 Read 4096`; the `Total` lines without a device are left out. */
export function parseBlkio(text: string | undefined): BlkioEntry[] {
  return (text ?? '').split('\n').flatMap((line) => {
    const match = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line);
    return match === null
      ? []
      : [{ major: Number(match[1]), minor: Number(match[2]), op: match[3] ?? '', value: Number(match[4]) }];
  });
}

/** Version 2 io.stat: `8:0 rbytes=1 wbytes=2 rios=3 …`. */
export function parseIoStat(text: string | undefined): BlkioEntry[] {
  return (text ?? '').split('\n').flatMap((line) => {
    const match = /^(\d+):(\d+) (.*)$/.exec(line);
    if (match === null) return [];
    const values = new Map(match[3]!.split(' ').map((pair) => pair.split('=') as [string, string]));
    return (['read', 'write'] as const).map((op) => ({
      major: Number(match[1]),
      minor: Number(match[2]),
      op,
      value: Number(values.get(op === 'read' ? 'rbytes' : 'wbytes') ?? 0),
    }));
  });
}

/** Clock ticks a second (sysconf(_SC_CLK_TCK) on Linux). */
const ticksPerSecond = 100;
export const nsPerTick = 1e9 / ticksPerSecond;
const nsPerUs = 1000;

const blkioKinds = [
  'io_service_bytes_recursive',
  'io_serviced_recursive',
  'io_queue_recursive',
  'io_service_time_recursive',
  'io_wait_time_recursive',
  'io_merged_recursive',
  'io_time_recursive',
  'sectors_recursive',
] as const;

function blkioStats(
  entries: Partial<Record<(typeof blkioKinds)[number], BlkioEntry[]>>,
): GroupStats['blkio_stats'] {
  return Object.fromEntries(blkioKinds.map((kind) => [kind, entries[kind] ?? null]));
}

function pidsStats(read: Read, controller: string): GroupStats['pids_stats'] {
  const current = parseNumber(read(controller, 'pids.current'));
  const limit = parseNumber(read(controller, 'pids.max'));
  return { ...(current === undefined ? {} : { current }), ...(limit === undefined ? {} : { limit }) };
}

function version1(read: Read, machineMemoryBytes: number): GroupStats {
  const ticks = parseFlat(read('cpuacct', 'cpuacct.stat'));
  const throttled = parseFlat(read('cpu', 'cpu.stat'));
  const perCpu = read('cpuacct', 'cpuacct.usage_percpu')?.trim().split(/\s+/).map(Number);
  const limit = parseNumber(read('memory', 'memory.limit_in_bytes'));
  const first = (...files: string[]) => {
    for (const file of files) {
      const entries = parseBlkio(read('blkio', file));
      if (entries.length > 0) return entries;
    }
    return [];
  };
  return {
    pids_stats: pidsStats(read, 'pids'),
    blkio_stats: blkioStats({
      io_service_bytes_recursive: first(
        'blkio.throttle.io_service_bytes_recursive',
        'blkio.throttle.io_service_bytes',
      ),
      io_serviced_recursive: first('blkio.throttle.io_serviced_recursive', 'blkio.throttle.io_serviced'),
      io_queue_recursive: [],
      io_service_time_recursive: [],
      io_wait_time_recursive: [],
      io_merged_recursive: [],
      io_time_recursive: [],
      sectors_recursive: [],
    }),
    cpu_stats: {
      cpu_usage: {
        total_usage: parseNumber(read('cpuacct', 'cpuacct.usage')) ?? 0,
        ...(perCpu === undefined ? {} : { percpu_usage: perCpu }),
        usage_in_kernelmode: (ticks.system ?? 0) * nsPerTick,
        usage_in_usermode: (ticks.user ?? 0) * nsPerTick,
      },
      throttling_data: {
        periods: throttled.nr_periods ?? 0,
        throttled_periods: throttled.nr_throttled ?? 0,
        throttled_time: throttled.throttled_time ?? 0,
      },
    },
    memory_stats: {
      usage: parseNumber(read('memory', 'memory.usage_in_bytes')) ?? 0,
      max_usage: parseNumber(read('memory', 'memory.max_usage_in_bytes')) ?? 0,
      stats: parseFlat(read('memory', 'memory.stat')),
      failcnt: parseNumber(read('memory', 'memory.failcnt')) ?? 0,
      limit: Math.min(limit ?? machineMemoryBytes, machineMemoryBytes),
    },
  };
}

/** Keys of memory.stat that dockerd passes on (moby daemon/stats_unix.go, statsV2). */
const memoryKeys = (
  'anon file kernel_stack slab sock shmem file_mapped file_dirty file_writeback anon_thp inactive_anon active_anon ' +
  'inactive_file active_file unevictable slab_reclaimable slab_unreclaimable pgfault pgmajfault workingset_refault ' +
  'workingset_activate workingset_nodereclaim pgrefill pgscan pgsteal pgactivate pgdeactivate pglazyfree pglazyfreed ' +
  'thp_fault_alloc thp_collapse_alloc'
).split(' ');

function version2(read: Read, machineMemoryBytes: number): GroupStats {
  const cpu = parseFlat(read('unified', 'cpu.stat'));
  const memory = parseFlat(read('unified', 'memory.stat'));
  const limit = parseNumber(read('unified', 'memory.max'));
  return {
    pids_stats: pidsStats(read, 'unified'),
    blkio_stats: blkioStats({ io_service_bytes_recursive: parseIoStat(read('unified', 'io.stat')) }),
    cpu_stats: {
      cpu_usage: {
        total_usage: (cpu.usage_usec ?? 0) * nsPerUs,
        usage_in_kernelmode: (cpu.system_usec ?? 0) * nsPerUs,
        usage_in_usermode: (cpu.user_usec ?? 0) * nsPerUs,
      },
      throttling_data: {
        periods: cpu.nr_periods ?? 0,
        throttled_periods: cpu.nr_throttled ?? 0,
        throttled_time: (cpu.throttled_usec ?? 0) * nsPerUs,
      },
    },
    memory_stats: {
      usage: parseNumber(read('unified', 'memory.current')) ?? 0,
      stats: Object.fromEntries(memoryKeys.map((key) => [key, memory[key] ?? 0])),
      failcnt: parseFlat(read('unified', 'memory.events')).oom ?? 0,
      limit: Math.min(limit ?? machineMemoryBytes, machineMemoryBytes),
    },
  };
}

const filesOfVersion1: readonly [string, string][] = [
  ['cpuacct', 'cpuacct.usage'],
  ['cpuacct', 'cpuacct.usage_percpu'],
  ['cpuacct', 'cpuacct.stat'],
  ['cpu', 'cpu.stat'],
  ['memory', 'memory.usage_in_bytes'],
  ['memory', 'memory.max_usage_in_bytes'],
  ['memory', 'memory.limit_in_bytes'],
  ['memory', 'memory.failcnt'],
  ['memory', 'memory.stat'],
  ['pids', 'pids.current'],
  ['pids', 'pids.max'],
  ['blkio', 'blkio.throttle.io_service_bytes_recursive'],
  ['blkio', 'blkio.throttle.io_service_bytes'],
  ['blkio', 'blkio.throttle.io_serviced_recursive'],
  ['blkio', 'blkio.throttle.io_serviced'],
];
const filesOfVersion2: readonly [string, string][] = [
  'cpu.stat',
  'memory.current',
  'memory.max',
  'memory.stat',
  'memory.events',
  'pids.current',
  'pids.max',
  'io.stat',
].map((file) => ['unified', file]);

/** Which kernel interface counts for the group: version 1 wherever a memory controller of it is there. */
const isVersion1 = (groups: Groups): boolean => groups.has('memory') || groups.has('cpuacct');

/** Reads and parses; files that do not exist count as zero. */
export async function readGroupStats(groups: Groups, machineMemoryBytes: number): Promise<GroupStats> {
  const old = isVersion1(groups);
  const texts = new Map<string, string>();
  await Promise.all(
    (old ? filesOfVersion1 : filesOfVersion2).map(async ([controller, file]) => {
      const directory = groups.get(controller);
      if (directory === undefined) return;
      const text = await readFile(join(directory, file), 'utf8').catch(() => undefined);
      if (text !== undefined) texts.set(`${controller}/${file}`, text);
    }),
  );
  const read: Read = (controller, file) => texts.get(`${controller}/${file}`);
  return old ? version1(read, machineMemoryBytes) : version2(read, machineMemoryBytes);
}

/** All processes of the group and the groups below it. */
export async function readGroupProcesses(groups: Groups): Promise<number[]> {
  const directory = groups.get('pids') ?? groups.get('memory') ?? groups.get('unified');
  if (directory === undefined) return [];
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.name === 'cgroup.procs');
  const texts = await Promise.all(
    files.map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8').catch(() => '')),
  );
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map(Number),
  );
}
