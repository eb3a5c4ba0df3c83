/**
 * Runs in a machine of its own (machine.ts): limits, devices and namespaces on a host with control groups of version 2
 * only, by runc and by crun, which refuses hybrid hosts.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { startDaemon, type TestDaemon } from '../daemon.js';
import { eventually } from '../eventually.js';
import { busyboxImage, loadImages } from '../images.js';
import { heldByContainers } from '../leftovers.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());

const inspect = (name: string, format: string): Promise<string> => daemon.ok('inspect', '-f', format, name);

/** Files of the container's group, as the host sees it. */
async function group(of: TestDaemon, name: string): Promise<(file: string) => string> {
  const pid = await of.ok('inspect', '-f', '{{.State.Pid}}', name);
  const path = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().replace(/^0::/, '');
  return (file) => readFileSync(`/sys/fs/cgroup${path}/${file}`, 'utf8').trim();
}

test('the engine knows where it is', async () => {
  const info = JSON.parse(await daemon.ok('info', '--format', '{{json .}}')) as {
    CgroupVersion: string;
    SecurityOptions: string[];
    Runtimes: object;
  };
  assert.equal(info.CgroupVersion, '2');
  assert.ok(info.SecurityOptions.includes('name=cgroupns'));
  assert.deepEqual(Object.keys(info.Runtimes).sort(), ['crun', 'io.containerd.runc.v2', 'runc']);
});

for (const runtime of ['runc', 'crun']) {
  const start = (name: string, ...words: string[]) =>
    daemon.ok('run', '-d', '--runtime', runtime, '--name', name, ...words);
  const run = (...words: string[]) => daemon.docker('run', '--rm', '--runtime', runtime, ...words);

  test(`${runtime}: limits reach the kernel, live changes too`, async () => {
    await start(
      `limits-${runtime}`,
      ...['-m', '64m', '--memory-swap', '96m', '--memory-reservation', '32m', '--cpus', '0.5'],
      ...['--cpu-shares', '512', '--pids-limit', '30', '--cpuset-cpus', '0', '--blkio-weight', '300'],
      ...['busybox', 'sleep', '3600'],
    );
    const file = await group(daemon, `limits-${runtime}`);
    assert.equal(file('memory.max'), String(64 * 2 ** 20));
    assert.equal(file('memory.swap.max'), String(32 * 2 ** 20));
    assert.equal(file('memory.low'), String(32 * 2 ** 20));
    assert.equal(file('cpu.max'), '50000 100000');
    assert.equal(file('cpu.weight'), '20');
    assert.equal(file('pids.max'), '30');
    assert.equal(file('cpuset.cpus'), '0');
    assert.match(file('io.weight'), /^default 2930/);
    await daemon.ok(
      ...['update', '-m', '48m', '--memory-swap', '48m', '--cpus', '0.25', '--pids-limit', '20'],
      `limits-${runtime}`,
    );
    assert.equal(file('memory.max'), String(48 * 2 ** 20));
    assert.equal(file('memory.swap.max'), '0');
    assert.equal(file('cpu.max'), '25000 100000');
    assert.equal(file('pids.max'), '20');
  });

  test(`${runtime}: exec joins the group and its namespace; stats, top and pause work`, async () => {
    const name = `limits-${runtime}`;
    assert.equal(await inspect(name, '{{.HostConfig.CgroupnsMode}}'), 'private');
    assert.equal(await daemon.ok('exec', name, 'cat', '/proc/self/cgroup'), '0::/');
    assert.equal(await daemon.ok('exec', name, 'cat', '/sys/fs/cgroup/memory.max'), String(48 * 2 ** 20));
    assert.match(
      await daemon.ok('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', name),
      /\/ 48MiB 1$/,
    );
    assert.match(await daemon.ok('top', name), /sleep 3600/);
    const file = await group(daemon, name);
    await daemon.ok('pause', name);
    assert.equal(file('cgroup.freeze'), '1');
    assert.equal(await inspect(name, '{{.State.Status}}'), 'paused');
    await daemon.ok('unpause', name);
    assert.equal(file('cgroup.freeze'), '0');
    const host = await run('--cgroupns', 'host', 'busybox', 'cat', '/proc/self/cgroup');
    assert.match(host.stdout, /^0::\/noos-[0-9a-f]{6}\/[0-9a-f]{64}$/m);
  });

  test(`${runtime}: what takes more memory than it may is killed, and that is told`, async () => {
    const name = `hungry-${runtime}`;
    await start(name, '-m', '16m', '--memory-swap', '16m', 'busybox', 'tail', '/dev/zero');
    assert.equal(await daemon.ok('wait', name), '137');
    await eventually('true 137', () => inspect(name, '{{.State.OOMKilled}} {{.State.ExitCode}}'));
  });

  test(`${runtime}: devices are those that were allowed`, async () => {
    // The machine's source of random numbers, which needs no capability to be read.
    const make = 'mknod /tmp/m c 10 183 && head -c 1 /tmp/m > /dev/null';
    assert.match((await run('busybox', 'sh', '-c', make)).stderr, /Operation not permitted/);
    assert.equal((await run('--device-cgroup-rule', 'c 10:183 rm', 'busybox', 'sh', '-c', make)).code, 0);
    assert.equal((await run('--privileged', 'busybox', 'sh', '-c', make)).code, 0);
  });
}

test('containers of both runtimes are found again after kill -9, and leave no group', async () => {
  await daemon.kill9();
  await daemon.restart();
  for (const runtime of ['runc', 'crun']) {
    assert.equal(await inspect(`limits-${runtime}`, '{{.State.Status}}'), 'running');
    assert.equal(await daemon.ok('exec', `limits-${runtime}`, 'echo', 'still'), 'still');
  }
  const ids = (await daemon.ok('ps', '-aq')).split('\n');
  await daemon.ok('rm', '-f', ...ids);
  assert.deepEqual(heldByContainers(daemon), []);
});
