import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilitiesOfMask, capabilityNames, capabilitySet, defaultCapabilities } from './capabilities.js';
import { defaultSeccomp } from './default-seccomp.js';
import { devicesOf, majorOf, minorOf, parseDeviceRule } from './devices.js';
import { containerEnvironment, overlayEnvironment } from './environment.js';
import { controlGroupsOf } from './host.js';
import { checkUlimits, parseLimits, rlimitsOf } from './limits.js';
import { orderMounts, systemMounts } from './mounts.js';
import { resourcesOf } from './resources.js';
import { kernelAtLeast, parseSeccomp, translateSeccomp } from './seccomp.js';
import { parseSecurityOptions } from './security.js';
import { systemPaths } from './system-paths.js';
import { lookUpUser } from './users.js';

test('capabilities: never more than the daemon has', () => {
  const set = (add: string[], drop: string[], privileged = false, available = capabilityNames) =>
    capabilitySet({ privileged, add, drop }, available);
  assert.deepEqual(new Set(set([], [])), new Set(defaultCapabilities));
  assert.ok(set(['net_admin'], ['CAP_CHOWN']).includes('CAP_NET_ADMIN'));
  assert.ok(!set(['net_admin'], ['CAP_CHOWN']).includes('CAP_CHOWN'));
  assert.deepEqual(set([], ['all']), []);
  assert.deepEqual(set(['KILL'], ['ALL']), ['CAP_KILL']);
  assert.equal(set(['ALL'], ['KILL']).length, capabilityNames.length - 1);
  const poor = capabilityNames.filter((name) => name !== 'CAP_SYS_RESOURCE');
  assert.deepEqual(set([], [], true, poor), poor);
  assert.ok(!set(['SYS_RESOURCE'], [], false, poor).includes('CAP_SYS_RESOURCE'));
  assert.throws(() => set(['nonsense'], []), /unknown capability: "CAP_NONSENSE"/);
  assert.deepEqual(capabilitiesOfMask('21'), ['CAP_CHOWN', 'CAP_KILL']);
});

test('seccomp: only rules whose conditions hold', () => {
  const profile = {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [] },
      { names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 1, excludes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['arm'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['arm'] } },
      { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
      { names: ['late'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '99.1' } },
    ],
  };
  const translated = translateSeccomp(profile, {
    capabilities: [],
    architecture: 'amd64',
    kernel: '6.1.0-9',
  });
  assert.deepEqual(translated, {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
      { names: ['ptrace'], action: 'SCMP_ACT_ALLOW' },
    ],
  });
  const narrow = translateSeccomp(profile, {
    ...{ capabilities: [], architecture: 'amd64', kernel: '6.1' },
    absent: ['SCMP_ARCH_X86'],
  });
  assert.deepEqual((narrow as { architectures: string[] }).architectures, ['SCMP_ARCH_X86_64']);
  assert.deepEqual(
    [kernelAtLeast('4.8', '4.8'), kernelAtLeast('4.7.9', '4.8'), kernelAtLeast('10.0-rc1', '4.8')],
    [true, false, true],
  );
  assert.throws(() => parseSeccomp('{'), /Decoding seccomp profile failed/);
  assert.throws(() => parseSeccomp('{}'), /defaultAction is missing/);
});

test('security options in all their spellings', () => {
  assert.deepEqual(parseSecurityOptions(['no-new-privileges', 'seccomp=unconfined', 'label:disable']), {
    noNewPrivileges: true,
    seccomp: 'unconfined',
    systemPathsUnconfined: false,
  });
  assert.equal(parseSecurityOptions(['no-new-privileges:false']).noNewPrivileges, false);
  assert.equal(parseSecurityOptions([]).noNewPrivileges, undefined, 'as the daemon is configured');
  assert.equal(parseSecurityOptions(['seccomp=builtin']).seccomp, defaultSeccomp);
  const appArmor = (...options: string[]) => parseSecurityOptions(options).appArmor;
  assert.deepEqual([appArmor('apparmor=mine'), appArmor('apparmor:mine')], ['mine', 'mine']);
  assert.equal(appArmor('apparmor=mine', 'apparmor='), undefined);
  assert.throws(() => parseSecurityOptions(['odd']), { message: 'invalid --security-opt 1: "odd"' });
  assert.throws(() => parseSecurityOptions(['odd=1']), { message: 'invalid --security-opt 2: "odd=1"' });
});

test('users: names before numbers, groups by membership', () => {
  const files = {
    passwd: 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n7:x:77:77::/:/bin/sh\n',
    group: 'root:x:0:root\nuser:x:1000:\nextra:x:2000:user,root\n',
  };
  const look = (text: string, extra: string[] = []) => {
    const { uid, gid, additionalGids } = lookUpUser(text, files, extra);
    return [uid, gid, ...additionalGids];
  };
  assert.deepEqual(look(''), [0, 0, 0, 2000]);
  assert.deepEqual(look('user'), [1000, 1000, 1000, 2000]);
  assert.deepEqual(look('1000'), [1000, 1000, 1000, 2000]);
  assert.deepEqual(look('user:root'), [1000, 0, 0]);
  assert.deepEqual(look('7'), [77, 77, 77]);
  assert.deepEqual(look('5:6', ['extra', '9']), [5, 6, 6, 2000, 9]);
  assert.throws(() => look('none'), /unable to find user none: no matching entries in passwd file/);
  assert.throws(() => look('user:none'), /unable to find group none/);
  assert.throws(() => look('4294967295'), /range 0-2147483647/);
});

test('environment: over each other, removal by a bare name', () => {
  assert.deepEqual(overlayEnvironment(['A=1', 'B=2'], ['B=3', 'C=4', 'A']), ['B=3', 'C=4']);
  assert.deepEqual(containerEnvironment({ hostname: 'h', terminal: true, env: ['TERM=vt', 'X=1'] }), [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOSTNAME=h',
    'TERM=vt',
    'X=1',
  ]);
});

test('ulimits: lowered with a warning where the daemon may not raise', () => {
  const own = parseLimits('Max open files            1024                 4096                 files\n');
  assert.equal(own.get('nofile'), 4096);
  const ask = (Soft: number, Hard: number, mayRaise: boolean) =>
    rlimitsOf([{ Name: 'nofile', Soft, Hard }], own, mayRaise);
  assert.deepEqual(ask(10, 20, false), {
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
    warnings: [],
  });
  const lowered = ask(10_000, -1, false);
  assert.deepEqual(lowered.rlimits, [{ type: 'RLIMIT_NOFILE', soft: 4096, hard: 4096 }]);
  assert.equal(lowered.warnings.length, 1);
  assert.deepEqual(ask(10_000, -1, true).rlimits, [
    { type: 'RLIMIT_NOFILE', soft: 10_000, hard: 'unlimited' },
  ]);
  assert.throws(() => checkUlimits([{ Name: 'odd', Soft: 1, Hard: 1 }]), /invalid ulimit type: odd/);
  assert.throws(() => checkUlimits([{ Name: 'core', Soft: 2, Hard: 1 }]), /soft limit must be less/);
});

test('resources: swap doubles memory, cpus become a quota, zero is absent', () => {
  assert.deepEqual(resourcesOf({}), {});
  assert.deepEqual(resourcesOf({ Memory: 100, NanoCpus: 1.5e9, PidsLimit: 5, CpuShares: 0 }), {
    memory: { limit: 100, swap: 200 },
    cpu: { period: 100_000, quota: 150_000 },
    pids: { limit: 5 },
  });
  assert.deepEqual(resourcesOf({ Memory: 100, MemorySwap: -1 }), { memory: { limit: 100, swap: -1 } });
  assert.throws(() => resourcesOf({ BlkioDeviceReadBps: [{ Path: '/none', Rate: 1 }] }), /no such device/);
});

test('devices: numbers, rules', () => {
  // makedev(10, 200) and makedev(259, 300) of sys/sysmacros.h
  assert.deepEqual([majorOf(0xac8), minorOf(0xac8)], [10, 200]);
  const large = 0x110032c;
  assert.deepEqual([majorOf(large), minorOf(large)], [3, 4396]);
  assert.deepEqual(parseDeviceRule('c *:5 rm'), { allow: true, type: 'c', minor: 5, access: 'rm' });
  for (const text of ['x 1:2 r', 'c 1 r', 'c 1:2', 'c 1:2 q'])
    assert.throws(() => parseDeviceRule(text), { kind: 'invalid' });
});

test('system paths: masked by default, open where privileged or asked for, as the request says them', () => {
  const { masked, readonly } = systemPaths({});
  for (const path of ['/proc/kcore', '/proc/keys', '/proc/interrupts', '/sys/firmware'])
    assert.ok(masked!.includes(path), path);
  assert.ok(readonly!.includes('/proc/sysrq-trigger'));
  const open = { masked: null, readonly: null };
  assert.deepEqual(systemPaths({ Privileged: true }), open);
  assert.deepEqual(systemPaths({ SecurityOpt: ['systempaths=unconfined'] }), open);
  const named = { MaskedPaths: ['/proc/x'], ReadonlyPaths: [] };
  assert.deepEqual(systemPaths(named), { masked: ['/proc/x'], readonly: [] });
  assert.deepEqual(systemPaths({ ...named, Privileged: true }), { masked: ['/proc/x'], readonly: [] });
});

test('devices of privileged containers: all of the host, and those under other names', () => {
  const asked = { PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' };
  const { devices, rules } = devicesOf({ privileged: true, devices: [asked], rules: [] });
  const numbers = (path: string) =>
    devices.filter((device) => device.path === path).map(({ major, minor }) => [major, minor]);
  assert.deepEqual([numbers('/dev/null'), numbers('/dev/x')], [[[1, 3]], [[1, 3]]]);
  assert.deepEqual(rules, [{ allow: true, access: 'rwm' }]);
});

test('mounts: parents first, the user’s replace the system’s', () => {
  const system = systemMounts({ privileged: false, shm: { bytes: 1024 } });
  assert.ok(system.find(({ destination }) => destination === '/sys')?.options.includes('ro'));
  const mount = (destination: string) => ({ destination, type: 'bind', source: '/x', options: [] });
  const ordered = orderMounts(system, [mount('/a/b'), mount('/a'), mount('/dev/shm')]);
  const places = ordered.map(({ destination }) => destination);
  assert.equal(places.filter((place) => place === '/dev/shm').length, 1);
  assert.ok(places.indexOf('/a') < places.indexOf('/a/b'));
  const withOwnDev = orderMounts(system, [mount('/dev/')]).map(({ destination }) => destination);
  assert.deepEqual(
    withOwnDev.filter((place) => place.startsWith('/dev')),
    ['/dev/'],
  );
});

test('which control groups a mount table shows', () => {
  const v1 = 'cgroup /sys/fs/cgroup/memory cgroup rw 0 0\n';
  const v2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n';
  const beside = 'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n';
  assert.deepEqual(
    [controlGroupsOf(v1), controlGroupsOf(v2), controlGroupsOf(v1 + beside)],
    ['v1', 'v2', 'hybrid'],
  );
});
