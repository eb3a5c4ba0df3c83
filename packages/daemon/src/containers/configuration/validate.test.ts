import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedHostConfig } from '../lifecycle/update.js';
import type { HostConfig } from '../types.js';
import { checkConfig, checkHostConfig } from './validate.js';

const host = {
  swapLimit: true,
  blkioWeight: true,
  memoryNodes: 1,
  limits: new Map(),
  capabilities: [],
} as never;
const check = (request: HostConfig) => checkHostConfig(request, host).warnings;

test('contradictions and bad values have dockerd’s texts', () => {
  for (const [request, text] of [
    [{ Memory: 1 }, 'Minimum memory limit allowed is 6MB'],
    [{ MemorySwap: 1 }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
    [
      { Memory: 2 ** 25, MemorySwap: 1 },
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    ],
    [{ NanoCpus: 1, CpuPeriod: 1000 }, 'Conflicting options: Nano CPUs and CPU Period cannot both be set'],
    [
      { CpuPeriod: 1 },
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    ],
    [{ CpusetCpus: 'a' }, 'Invalid value a for cpuset cpus: invalid format: a'],
    [{ BlkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
    [{ CpusetMems: '1' }, 'Requested memory nodes are not available - requested 1, available: 0'],
    [{ OomScoreAdj: 2000 }, 'Invalid value 2000, range for oom score adj is [-1000, 1000]'],
    [{ PidMode: 'odd' }, 'invalid PID mode: odd'],
    [{ IpcMode: 'container:' }, 'invalid IPC mode: container:'],
    [{ Sysctls: { 'vm.overcommit': '1' } }, "sysctl 'vm.overcommit' is not whitelisted"],
    [
      { NetworkMode: 'host', Sysctls: { 'net.core.somaxconn': '1' } },
      "sysctl 'net.core.somaxconn' not allowed in host network namespace",
    ],
  ] as const)
    assert.throws(() => check(request as HostConfig), { kind: 'invalid', message: text });
});

test('values are clamped and warned about', () => {
  const request: HostConfig = { CpuShares: 300_000 };
  assert.deepEqual(check(request), []);
  assert.equal(request.CpuShares, 262_144);
  const noSwap: HostConfig = { Memory: 2 ** 25 };
  const { warnings } = checkHostConfig(noSwap, {
    swapLimit: false,
    limits: new Map(),
    capabilities: [],
  } as never);
  assert.match(warnings[0]!, /does not support swap limit/);
  assert.equal(noSwap.MemorySwap, -1);
  const doubled: HostConfig = { Memory: 2 ** 25 };
  check(doubled);
  assert.equal(doubled.MemorySwap, 2 ** 26);
  assert.deepEqual(checkHostConfig({ MemorySwap: 2 ** 26 }, host, 'update').warnings, []);
  const weight: HostConfig = { BlkioWeight: 5 };
  assert.match(
    checkHostConfig(weight, { ...(host as object), blkioWeight: false } as never).warnings[0]!,
    /Weight discarded/,
  );
  assert.equal(weight.BlkioWeight, 0);
});

test('a container’s own configuration', () => {
  const refused = (config: object, request: HostConfig, text: RegExp) =>
    assert.throws(() => checkConfig({ Image: 'x', ...config }, request), { kind: 'invalid', message: text });
  refused({ WorkingDir: 'a' }, {}, /needs to be an absolute path/);
  refused({ Env: ['=x'] }, {}, /invalid environment variable: =x/);
  refused({ StopSignal: 'NOPE' }, {}, /Invalid signal: NOPE/);
  refused({ Healthcheck: { Interval: 5 } }, {}, /Interval in Healthcheck cannot be less than 1ms/);
  refused({}, { ExtraHosts: ['x'] }, /bad format for add-host/);
  refused({}, { ExtraHosts: ['x:y'] }, /invalid IP address in add-host: "y"/);
  refused({ Hostname: 'h' }, { NetworkMode: 'container:a' }, /hostname and the network mode/);
  refused({}, { PortBindings: { 'x/tcp': [] } }, /invalid port specification/);
  checkConfig({ Image: 'x', Env: ['A='] }, { ExtraHosts: ['a:::1', 'b:host-gateway'] });
});

test('update changes what it names and refuses contradictions', () => {
  const current: HostConfig = { Memory: 2 ** 26, MemorySwap: 2 ** 27, CpuShares: 5, AutoRemove: true };
  assert.deepEqual(changedHostConfig(current, { Memory: 2 ** 25, CpuShares: 0 }), {
    ...current,
    Memory: 2 ** 25,
  });
  assert.throws(() => changedHostConfig(current, { Memory: 2 ** 28 }), { kind: 'conflict' });
  assert.throws(() => changedHostConfig(current, { RestartPolicy: { Name: 'always' } }), {
    kind: 'conflict',
  });
  assert.throws(() => changedHostConfig({}, { Memory: 2 ** 25 }), {
    kind: 'conflict',
    message: /update the memoryswap at the same time/,
  });
  assert.throws(() => changedHostConfig({ NanoCpus: 1 }, { CpuPeriod: 1000 }), {
    message: 'Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set',
  });
  assert.throws(() => changedHostConfig({ CpuQuota: 1 }, { NanoCpus: 1 }), { kind: 'conflict' });
});
