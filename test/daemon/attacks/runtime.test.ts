/** Attack: a container that reaches for the runtime, the monitor and the host below it (runc's and Docker's advisories). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startDaemon } from '../daemon.js';
import { busyboxImage, loadImages } from '../images.js';

process.env.NOOS_TEST_SECRET = 'hunter2';
const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
const digestOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

test('a process has its three streams and no other descriptor, in starts, execs and health checks', async () => {
  const list = 'ls /proc/$$/fd; true';
  const standard = ['0', '1', '2'];
  assert.deepEqual(lines(await daemon.ok('run', '--rm', 'busybox', 'sh', '-c', list)), standard);
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'fds',
    '--health-cmd',
    `(${list}) > /fds`,
    '--health-interval',
    '200ms',
    'busybox',
    'sleep',
    '1000',
  );
  assert.deepEqual(lines(await daemon.ok('exec', 'fds', 'sh', '-c', list)), standard);
  for (const end = Date.now() + 20_000; ; ) {
    const found = lines(await daemon.ok('exec', 'fds', 'sh', '-c', 'cat /fds 2>/dev/null; true'));
    if (found.length > 0) {
      assert.deepEqual(found, standard);
      break;
    }
    assert.ok(Date.now() < end, 'no health check');
  }
  await daemon.ok('rm', '-f', 'fds');
});

test('no descriptor of the runtime serves as a working directory (CVE-2024-21626)', async () => {
  writeFileSync(join(daemon.scratch, 'secret'), 'hunter2');
  await daemon.ok('run', '-d', '--name', 'cwd', 'busybox', 'sleep', '1000');
  const script = `cat ${'../'.repeat(12)}${join(daemon.scratch, 'secret').slice(1)}; ls ${'../'.repeat(12)}`;
  for (let fd = 3; fd < 16; fd++)
    for (const directory of [
      `/proc/self/fd/${fd}`,
      `/proc/self/fd/${fd}/../..`,
      `/proc/thread-self/fd/${fd}`,
    ])
      for (const words of [
        ['run', '--rm', '--network', 'none', '-w', directory, 'busybox'],
        ['exec', '-w', directory, 'cwd'],
      ]) {
        if (words[0] === 'run' && directory !== `/proc/self/fd/${fd}`) continue;
        const { stdout } = await daemon.docker(...words, 'sh', '-c', script);
        assert.doesNotMatch(stdout, /hunter2/, words.join(' '));
      }
  await daemon.ok('rm', '-f', 'cwd');
});

test('the runtime’s program cannot be overwritten from a container (CVE-2019-5736)', async () => {
  const runc = realpathSync('/usr/sbin/runc');
  const before = digestOf(runc);
  await daemon.ok(
    ...['run', '-d', '--name', 'overwriter', 'busybox', 'sh', '-c'],
    'while :; do for exe in /proc/[0-9]*/exe; do case "$(readlink $exe)" in *busybox) ;; *) (echo evil >> $exe) 2>>/errors && echo $exe >> /won;; esac; done; done',
  );
  for (let round = 0; round < 25; round++) await daemon.ok('exec', 'overwriter', 'true');
  // The program that is itself the trick: /proc/self/exe of the runtime as the interpreter.
  await daemon.ok('exec', 'overwriter', 'sh', '-c', "printf '#!/proc/self/exe\\n' > /trick; chmod +x /trick");
  await daemon.docker('exec', 'overwriter', '/trick');
  assert.equal(await daemon.ok('exec', 'overwriter', 'sh', '-c', 'cat /won 2>/dev/null; true'), '');
  assert.equal(digestOf(runc), before);
  await daemon.ok('rm', '-f', 'overwriter');
});

/** Processes whose parents lead to the daemon's containers: the monitors. */
const monitorOf = (pid: number): number =>
  Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

test('what a monitor inherits: no descriptor of the engine, none of its environment, no directory of anyone', async () => {
  await daemon.ok('run', '-d', '--name', 'watched', 'busybox', 'sleep', '1000');
  const pid = Number(await daemon.ok('inspect', '-f', '{{.State.Pid}}', 'watched'));
  const monitor = monitorOf(pid);
  assert.match(readFileSync(`/proc/${monitor}/comm`, 'utf8'), /conmon/);
  const environment = readFileSync(`/proc/${monitor}/environ`, 'utf8').split('\0');
  assert.ok(!environment.some((entry) => /hunter2|DOCKER_|NODE_/.test(entry)), environment.join(' '));
  assert.equal(readlinkSync(`/proc/${monitor}/cwd`), '/');
  const engine = new Set(
    readdirSync(`/proc/${daemon.pid}/fd`).flatMap((fd) => {
      try {
        const target = readlinkSync(`/proc/${daemon.pid}/fd/${fd}`);
        return /^(socket|anon_inode):\[?\d|^socket:/.test(target) ? [target] : [];
      } catch {
        return [];
      }
    }),
  );
  for (const fd of readdirSync(`/proc/${monitor}/fd`))
    assert.ok(
      !engine.has(readlinkSync(`/proc/${monitor}/fd/${fd}`)),
      `descriptor ${fd} is a socket of the engine`,
    );
  assert.ok(!readFileSync(`/proc/${pid}/environ`, 'utf8').includes('hunter2'));
  await daemon.ok('rm', '-f', 'watched');
});

test('masked and read-only paths hold against writes, links and mounts of the container', async () => {
  const masked = [
    '/proc/kcore',
    '/proc/keys',
    '/proc/timer_list',
    '/proc/latency_stats',
    '/proc/sched_debug',
    '/sys/firmware',
  ];
  const script = [
    ...masked.map(
      (path) =>
        `test ! -e ${path} || test ! -s ${path} && test -z "$(ls -A ${path} 2>/dev/null | grep -v ${path})" || cat ${path} | head -c 1`,
    ),
    'for path in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/panic_on_oom /proc/irq/default_smp_affinity; do (echo x > $path) 2>/dev/null && echo wrote $path; done',
    '(umount /proc/kcore || mount -o remount,rw /proc/sys || mount --bind /proc /mnt) 2>/dev/null && echo mounted',
    'true',
  ].join('\n');
  assert.equal(await daemon.ok('run', '--rm', 'busybox', 'sh', '-c', script), '');
});

test('an image’s /dev/null, /proc or /dev/console that is a link leads no mask and no write to the host', async () => {
  // The shapes of CVE-2025-31133, -52565 and -52881 that need no race: what the runtime opens is the image's link.
  const outside = join(daemon.scratch, 'untouched');
  mkdirSync(outside);
  writeFileSync(join(outside, 'file'), 'as it was');
  for (const script of [
    `rm -rf /dev/null; ln -s /proc/sys/kernel/core_pattern /dev/null`,
    `rm -rf /proc; ln -s ${outside} /proc`,
    `rm -rf /dev/console /dev/pts; ln -s /proc/sysrq-trigger /dev/console; ln -s ${outside} /dev/pts`,
    `rm -rf /sys; ln -s ${outside} /sys`,
  ]) {
    await daemon.ok('create', '--name', 'made', 'busybox', 'true');
    await daemon.ok('rm', 'made');
    const corePattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
    const [path, target] = [/ln -s (\S+) (\S+)/.exec(script)![2]!, /ln -s (\S+) (\S+)/.exec(script)![1]!];
    const { layers, config } = busyboxImage();
    await loadImages(daemon, {
      tags: ['links:1'],
      config: config ?? {},
      layers: [...layers, { [path.slice(1)]: { type: 'symlink', linkname: target } }],
    });
    await daemon.docker('run', '--rm', '-t', 'links:1', 'sh', '-c', 'echo x > /dev/null; ls /proc /sys');
    assert.equal(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), corePattern, script);
    assert.deepEqual(readdirSync(outside), ['file'], script);
    assert.equal(readFileSync(join(outside, 'file'), 'utf8'), 'as it was');
    await daemon.ok('rmi', '-f', 'links:1');
  }
});
