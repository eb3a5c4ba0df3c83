import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  parseBlkio,
  parseGroups,
  parseIoStat,
  readGroupProcesses,
  readGroupStats,
} from './control-groups.js';
import { parseInterfaces, parseMachineMemory, parseSystemCpu } from './host.js';

test('groups of version 1, 2 and both', () => {
  const one = parseGroups('5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n1:name=systemd:/y\n0::/docker/x\n');
  assert.deepEqual(Object.fromEntries(one), {
    cpu: '/sys/fs/cgroup/cpu,cpuacct/docker/x',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct/docker/x',
    memory: '/sys/fs/cgroup/memory/docker/x',
    systemd: '/sys/fs/cgroup/systemd/y',
    unified: '/sys/fs/cgroup/unified/docker/x',
  });
  assert.deepEqual(Object.fromEntries(parseGroups('0::/docker/x\n')), {
    unified: '/sys/fs/cgroup/docker/x',
  });
});

async function tree(t: TestContext, files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'noos-stats-'));
  t.after(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

test('version 1', async (t) => {
  const root = await tree(t, {
    'cpuacct/x/cpuacct.usage': '5000000\n',
    'cpuacct/x/cpuacct.usage_percpu': '2000000 3000000 \n',
    'cpuacct/x/cpuacct.stat': 'user 3\nsystem 1\n',
    'cpu/x/cpu.stat': 'nr_periods 7\nnr_throttled 2\nthrottled_time 99\n',
    'memory/x/memory.usage_in_bytes': '4096\n',
    'memory/x/memory.max_usage_in_bytes': '8192\n',
    'memory/x/memory.limit_in_bytes': '9223372036854771712\n',
    'memory/x/memory.stat': 'cache 10\ntotal_inactive_file 5\n',
    'pids/x/pids.current': '3\n',
    'pids/x/pids.max': 'max\n',
    'blkio/x/blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Write 0\nTotal 4096\n',
    'pids/x/cgroup.procs': '10\n',
    'pids/x/sub/cgroup.procs': '11\n12\n',
  });
  const groups = new Map(
    ['cpuacct', 'cpu', 'memory', 'pids', 'blkio'].map((name) => [name, join(root, name, 'x')]),
  );
  const stats = await readGroupStats(groups, 1_000_000);
  assert.deepEqual(stats.cpu_stats, {
    cpu_usage: {
      total_usage: 5_000_000,
      percpu_usage: [2_000_000, 3_000_000],
      usage_in_kernelmode: 10_000_000,
      usage_in_usermode: 30_000_000,
    },
    throttling_data: { periods: 7, throttled_periods: 2, throttled_time: 99 },
  });
  assert.deepEqual(stats.memory_stats, {
    usage: 4096,
    max_usage: 8192,
    stats: { cache: 10, total_inactive_file: 5 },
    failcnt: 0,
    limit: 1_000_000,
  });
  assert.deepEqual(stats.pids_stats, { current: 3 });
  assert.deepEqual(stats.blkio_stats.io_service_bytes_recursive, [
    { major: 8, minor: 0, op: 'Read', value: 4096 },
    { major: 8, minor: 0, op: 'Write', value: 0 },
  ]);
  assert.deepEqual((await readGroupProcesses(groups)).sort(), [10, 11, 12]);
});

test('version 2', async (t) => {
  const root = await tree(t, {
    'cpu.stat': 'usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 1\nnr_throttled 1\nthrottled_usec 4\n',
    'memory.current': '4096\n',
    'memory.max': '8192\n',
    'memory.stat': 'anon 1\ninactive_file 2\nnew_key 3\n',
    'memory.events': 'low 0\noom 2\n',
    'pids.current': '1\n',
    'pids.max': '100\n',
    'io.stat': '8:0 rbytes=10 wbytes=20 rios=1 wios=2\n',
  });
  const stats = await readGroupStats(new Map([['unified', root]]), 1_000_000);
  assert.equal(stats.cpu_stats.cpu_usage.total_usage, 5000);
  assert.equal(stats.cpu_stats.cpu_usage.percpu_usage, undefined);
  assert.equal(stats.cpu_stats.throttling_data.throttled_time, 4000);
  assert.equal(stats.memory_stats.stats?.inactive_file, 2);
  assert.equal(stats.memory_stats.stats?.new_key, undefined);
  assert.deepEqual([stats.memory_stats.limit, stats.memory_stats.failcnt], [8192, 2]);
  assert.deepEqual(stats.pids_stats, { current: 1, limit: 100 });
  assert.deepEqual(stats.blkio_stats.io_serviced_recursive, null);
});

test('devices', () => {
  assert.deepEqual(parseBlkio('Total 0\n'), []);
  assert.deepEqual(parseIoStat('259:0 rbytes=1 wbytes=2\n\n'), [
    { major: 259, minor: 0, op: 'read', value: 1 },
    { major: 259, minor: 0, op: 'write', value: 2 },
  ]);
});

test('host', () => {
  assert.deepEqual(parseSystemCpu('cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1\ncpu1 1 1\nintr 5\n'), {
    usageNs: 280_000_000,
    cpus: 2,
  });
  assert.equal(parseMachineMemory('MemTotal:       1000 kB\nMemFree: 1 kB\n'), 1_024_000);
  const text = `Inter-|   Receive\n face |bytes\n    lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n  eth0:1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n`;
  assert.deepEqual(parseInterfaces(text), {
    eth0: {
      rx_bytes: 1,
      rx_packets: 2,
      rx_errors: 3,
      rx_dropped: 4,
      tx_bytes: 5,
      tx_packets: 6,
      tx_errors: 7,
      tx_dropped: 8,
    },
  });
});
