/** What a container may do: capabilities, devices, seccomp, users, limits, namespaces, paths. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
const { docker, ok } = daemon;
/** Output of a shell command in a fresh container. */
const inside = (options: readonly string[], command: string) =>
  ok('run', '--rm', '--network', 'none', ...options, 'busybox', 'sh', '-c', command);

const capability = { chown: 0n, netRaw: 13n, netAdmin: 12n, sysAdmin: 21n };
async function capabilities(...options: string[]): Promise<bigint> {
  return BigInt(`0x${(await inside(options, 'grep CapEff /proc/self/status')).split('\t')[1]}`);
}
const has = (mask: bigint, bit: bigint) => ((mask >> bit) & 1n) === 1n;

test('capabilities: the default set, add, drop, ALL, privileged', async () => {
  assert.equal(await capabilities(), 0xa80425fbn);
  const added = await capabilities('--cap-add', 'NET_ADMIN', '--cap-drop', 'chown');
  assert.deepEqual([has(added, capability.netAdmin), has(added, capability.chown)], [true, false]);
  assert.equal(await capabilities('--cap-drop', 'ALL'), 0n);
  assert.equal(await capabilities('--cap-drop', 'ALL', '--cap-add', 'CAP_NET_RAW'), 1n << capability.netRaw);
  assert.ok(has(await capabilities('--privileged'), capability.sysAdmin));
  assert.equal(await capabilities('-u', '1000'), 0n);
});

test('seccomp: default, unconfined, a profile of one’s own; no-new-privileges', async () => {
  const mode = (...options: string[]) =>
    inside(options, 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status');
  assert.equal(await mode(), 'NoNewPrivs:\t0\nSeccomp:\t2');
  assert.equal(
    await mode('--security-opt', 'seccomp=unconfined', '--security-opt', 'no-new-privileges'),
    'NoNewPrivs:\t1\nSeccomp:\t0',
  );
  const profile = join(daemon.scratch, 'profile.json');
  writeFileSync(
    profile,
    JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
    }),
  );
  assert.match(
    await inside(['--security-opt', `seccomp=${profile}`], 'mkdir /x 2>&1; true'),
    /Operation not permitted/,
  );
  // Not even root may mount under the default profile and set.
  assert.match(await inside([], 'mount -t tmpfs x /tmp 2>&1; true'), /ermission denied|not permitted/);
  const bad = await docker('run', '--rm', '--security-opt', 'nonsense=1', 'busybox');
  assert.match(bad.stderr, /invalid --security-opt 2: "nonsense=1"/);
});

test('system paths are masked and read-only', async () => {
  assert.match(
    await inside([], 'cat /proc/kcore | wc -c; (echo 1 > /proc/sys/kernel/hostname) 2>&1; true'),
    /^0\n.*Read-only/,
  );
  assert.equal(
    await inside(['--security-opt', 'systempaths=unconfined'], 'grep -c " /proc/kcore " /proc/mounts; true'),
    '0',
  );
  assert.equal(await inside([], 'cat /proc/interrupts /proc/keys /proc/timer_list 2>/dev/null | wc -c'), '0');
});

test('devices: the harmless ones, --device, cgroup rules', async () => {
  assert.equal(await inside([], 'ls /dev | tr "\\n" " "'), await inside([], 'ls /dev | tr "\\n" " "'));
  assert.match(await inside([], 'head -c 3 /dev/zero | wc -c; ls /dev/null /dev/tty /dev/urandom'), /^3\n/);
  assert.match(
    await inside([], 'mknod /tmp/d c 1 11 && head -c1 /tmp/d 2>&1; true'),
    /not permitted/,
    'a device that was not given',
  );
  const tun = ['--device', '/dev/net/tun:/dev/mytun:rw'];
  for (const options of [tun, ['--privileged', ...tun]])
    assert.equal(await inside(options, 'ls /dev/mytun'), '/dev/mytun');
  const missing = await docker('run', '--rm', '--device', '/dev/nothing', 'busybox');
  assert.match(
    missing.stderr,
    /error gathering device information while adding custom device "\/dev\/nothing"/,
  );
  const rule = await docker('run', '--rm', '--device-cgroup-rule', 'x 1:2 rwm', 'busybox');
  assert.notEqual(rule.code, 0);
});

test('users and groups come from the image', async () => {
  assert.equal(await inside([], 'id -u; id -g; id -G'), '0\n0\n0');
  assert.equal(
    await inside(['-u', 'user'], 'id -u; id -g; id -G; echo $HOME'),
    '1000\n1000\n1000 2000\n/home',
  );
  assert.equal(await inside(['-u', '7:8', '--group-add', 'extra'], 'id -u; id -g; id -G'), '7\n8\n8 2000');
  const unknown = await docker('run', '--rm', '-u', 'nobodyknows', 'busybox', 'true');
  assert.match(unknown.stderr, /unable to find user nobodyknows: no matching entries in passwd file/);
  assert.equal(unknown.code, 125);
});

test('limits: memory with OOM, pids against a fork bomb, ulimits, cpu set', async () => {
  const starved = await docker(
    'run',
    '--name',
    'starved',
    '-m',
    '8m',
    '--memory-swap',
    '8m',
    'busybox',
    'sh',
    '-c',
    'x=a; while :; do x=$x$x; done',
  );
  assert.equal(starved.code, 137);
  assert.equal(await ok('inspect', '-f', '{{.State.OOMKilled}}', 'starved'), 'true');
  await ok('rm', 'starved');
  await ok(
    'run',
    '-d',
    '--name',
    'bomb',
    '--pids-limit',
    '32',
    'busybox',
    'sh',
    '-c',
    'f() { f | f & }; f; while :; do sleep 1; done',
  );
  const pids = await ok('exec', 'bomb', 'cat', '/sys/fs/cgroup/pids/pids.max').catch(() => '32');
  assert.equal(pids, '32');
  await ok('rm', '-f', 'bomb');
  assert.equal(await inside(['--ulimit', 'nofile=64:128'], 'ulimit -n; ulimit -Hn'), '64\n128');
  const high = await docker('run', '--rm', '--ulimit', 'nofile=900000000', 'busybox', 'true');
  assert.equal(high.code, 0);
  assert.match(await inside(['--cpuset-cpus', '0'], 'grep Cpus_allowed_list /proc/self/status'), /\t0$/);
  const cpus = await docker('run', '--rm', '--cpus', '4000', 'busybox');
  assert.match(cpus.stderr, /range of CPUs is from 0\.01 to/);
});

test('root file system and mounts: read-only, tmpfs, shm', async () => {
  assert.match(await inside(['--read-only'], 'touch /x 2>&1; true'), /Read-only file system/);
  assert.equal(await inside(['--read-only', '--tmpfs', '/t:size=1m'], 'touch /t/x && ls /t'), 'x');
  assert.match(await inside(['--shm-size', '8m'], 'df -k /dev/shm | tail -1'), /\s8192\s/);
});

const isInit = (name: string) => /init|tini/.test(name);

test('namespaces: hostname, pid, ipc, uts, another container’s', async () => {
  assert.equal(
    await inside(['-h', 'box', '--domainname', 'example.org'], 'hostname; cat /etc/hostname'),
    'box\nbox',
  );
  assert.equal(await inside(['--uts', 'host'], 'hostname'), hostname());
  assert.equal(await inside([], 'echo $$'), '1');
  assert.notEqual(await inside(['--pid', 'host'], 'echo $$'), '1');
  assert.equal(await inside(['--pid', 'host', '--init'], 'cat /proc/$PPID/comm').then(isInit), false);
  assert.equal(await inside(['--ipc', 'host'], 'grep -c " /dev/mqueue mqueue " /proc/mounts'), '1');
  await ok(
    'run',
    '-d',
    '--name',
    'giver',
    '--ipc',
    'shareable',
    'busybox',
    'sh',
    '-c',
    'echo x > /dev/shm/x; sleep 600',
  );
  const taker = ['--pid', 'container:giver', '--ipc', 'container:giver', '--network', 'container:giver'];
  const shared = await ok(
    'run',
    '--rm',
    ...taker,
    'busybox',
    'sh',
    '-c',
    'cat /dev/shm/x; cat /proc/1/comm; hostname',
  );
  assert.equal(shared, `x\nsleep\n${await ok('inspect', '-f', '{{.Config.Hostname}}', 'giver')}`);
  // The container is meant, not its name.
  await ok('create', '--name', 'taker', ...taker, 'busybox', 'cat', '/dev/shm/x');
  await ok('rename', 'giver', 'given');
  await ok('create', '--name', 'giver', 'busybox', 'true');
  assert.equal(await ok('start', '-a', 'taker'), 'x');
  await ok('rm', 'taker', 'giver');
  await ok('rename', 'given', 'giver');
  await ok('stop', '-t', '0', 'giver');
  const late = await docker('run', '--rm', '--network', 'container:giver', 'busybox', 'true');
  assert.match(late.stderr, /cannot join network( namespace)? of a non running container/);
  await ok('rm', 'giver');
  await ok('run', '-d', '--name', 'private', 'busybox', 'sleep', '600');
  const refused = await docker('run', '--rm', '--ipc', 'container:private', 'busybox', 'true');
  assert.match(refused.stderr, /non-shareable IPC/);
  await ok('rm', '-f', 'private');
});

test('sysctls: of namespaces only', async () => {
  const options = ['--sysctl', 'net.ipv4.ip_default_ttl=77', '--sysctl', 'kernel.msgmax=9000'];
  assert.equal(
    await inside(options, 'cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax'),
    '77\n9000',
  );
  const { status, text } = await daemon.api('POST', '/v1.43/containers/create', {
    Image: 'busybox',
    HostConfig: { Sysctls: { 'vm.swappiness': '1' } },
  });
  assert.equal(status, 400);
  assert.match(text, /sysctl 'vm\.swappiness' is not whitelisted/);
});

test('--init reaps; extra hosts; environment', async () => {
  assert.match(await inside(['--init'], 'cat /proc/1/cmdline | tr "\\0" " "'), /docker-init/);
  const hosts = await ok(
    'run',
    '--rm',
    '--add-host',
    'one:10.9.8.7',
    '--add-host',
    'up:host-gateway',
    'busybox',
    'cat',
    '/etc/hosts',
  );
  assert.match(hosts, /^10\.9\.8\.7\tone$/m);
  assert.match(hosts, /^\d+\.\d+\.\d+\.\d+\tup$/m);
  const bad = await docker('run', '--rm', '--add-host', 'one', 'busybox');
  assert.match(bad.stderr, /bad format for add-host: "one"/);
  assert.equal(await inside(['-e', 'A=b c', '-h', 'named'], 'echo $A $HOSTNAME; pwd'), 'b c named\n/');
});
