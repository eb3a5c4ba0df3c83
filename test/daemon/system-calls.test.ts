/** The default seccomp profile, call by call: programs in C inside real containers, whose EPERM is the filter's. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
const sources = join(import.meta.dirname, '../../../test/daemon/programs');

/** Compiles a program of `programs/`; returns the options that put it into a container. */
function program(name: string, ...flags: string[]): string[] {
  const built = join(daemon.scratch, name);
  execFileSync('gcc', ['-O1', '-static', ...flags, join(sources, `${name}.c`), '-o', built]);
  return ['-v', `${built}:/${name}:ro`];
}

const calls = program('system-calls', '-pthread');
/** Name of a call → what came of it. */
async function answers(...options: string[]): Promise<Map<string, string>> {
  const text = await daemon.ok('run', '--rm', ...calls, ...options, 'busybox', '/system-calls');
  return new Map(text.split('\n').map((line) => line.split(' ') as [string, string]));
}
const having = (results: Map<string, string>, wanted: string): string[] =>
  [...results].filter(([, result]) => result === wanted).map(([name]) => name);

/** Refused whatever the capabilities. */
const always = [
  ...['pivot_root', 'keyctl', 'add_key', 'io_uring_setup', 'personality_fixed_addresses'],
  ...['socket_vsock', 'socket_vsock_wide', 'socket_alg'],
];
const forAdministrators = [
  ...[
    'unshare_user',
    'unshare_nonsense',
    'clone_user',
    'clone_net',
    'setns',
    'mount',
    'umount2',
    'move_mount',
  ],
  ...['fsopen', 'open_tree', 'bpf'],
];
/** `syslog` an administrator may call, but the kernel itself asks for CAP_SYSLOG. */
const forOthers = ['syslog', 'get_mempolicy', 'pidfd_getfd', 'reboot', 'open_by_handle_at'];
const ordinary = [
  ...['thread', 'clone', 'process_vm_readv', 'personality', 'socket_unix', 'socket_inet6', 'chown', 'mknod'],
  'chroot',
];

test('without further capabilities: namespaces, mounts, keys and the like are refused; work continues', async () => {
  const results = await answers();
  assert.deepEqual(having(results, 'EPERM').sort(), [...always, ...forAdministrators, ...forOthers].sort());
  assert.deepEqual(having(results, 'ENOSYS'), ['clone3']);
  assert.deepEqual(having(results, 'OK'), ordinary);
});

test('a capability lets its calls through, and no others', async () => {
  const results = await answers('--cap-add', 'SYS_ADMIN');
  assert.deepEqual(having(results, 'EPERM').sort(), [...always, ...forOthers].sort());
  assert.equal(results.get('clone3'), 'EINVAL');
  assert.deepEqual(
    ['unshare_user', 'clone_user', 'clone_net'].map((name) => results.get(name)),
    ['OK', 'OK', 'OK'],
  );
  const each: readonly [capability: string, calls: string[]][] = [
    ['SYS_PTRACE', ['pidfd_getfd']],
    ['SYS_NICE', ['get_mempolicy']],
    ['SYSLOG', ['syslog']],
    ['SYS_BOOT', ['reboot']],
    ['DAC_READ_SEARCH', ['open_by_handle_at']],
  ];
  const base = [...always, ...forAdministrators, ...forOthers];
  for (const [capability, through] of each)
    assert.deepEqual(
      having(await answers('--cap-add', capability), 'EPERM').sort(),
      base.filter((name) => !through.includes(name)).sort(),
      capability,
    );
  const without = await answers('--cap-drop', 'SYS_CHROOT');
  assert.equal(without.get('chroot'), 'EPERM');
});

test('privileged and unconfined containers have no filter', async () => {
  assert.deepEqual(having(await answers('--privileged'), 'EPERM'), []);
  const unconfined = await answers('--security-opt', 'seccomp=unconfined');
  // What is still refused, the kernel refuses for want of a capability.
  for (const name of ['unshare_user', 'clone_user', 'keyctl', 'personality_fixed_addresses', 'get_mempolicy'])
    assert.notEqual(unconfined.get(name), 'EPERM', name);
  assert.equal(unconfined.get('clone3'), 'EINVAL');
  const builtin = await answers('--privileged', '--security-opt', 'seccomp=builtin');
  assert.deepEqual(having(builtin, 'EPERM').sort(), [...always].sort(), 'asked for by name');
});

test('an exec is confined as its container is', async () => {
  await daemon.ok('run', '-d', '--name', 'host', ...calls, 'busybox', 'sleep', '600');
  const inside = (...words: string[]) => daemon.docker('exec', ...words);
  assert.match((await inside('host', '/system-calls')).stdout, /^unshare_user EPERM$/m);
  // No capability comes with it: the filter was made with the container.
  assert.match((await inside('--privileged', 'host', '/system-calls')).stdout, /^unshare_user EPERM$/m);
  await daemon.ok('rm', '-f', 'host');
});

test('busybox: unshare and mount are refused, ping and chown are not', async () => {
  const shell = (...words: string[]) => daemon.docker('run', '--rm', 'busybox', ...words);
  for (const words of [
    ['unshare', '-U', 'true'],
    ['unshare', '-n', 'true'],
    ['mount', '-t', 'tmpfs', 'none', '/tmp'],
  ]) {
    const { code, stderr } = await shell(...words);
    assert.notEqual(code, 0, words.join(' '));
    assert.match(stderr, /Operation not permitted|permission denied/, words.join(' '));
  }
  const allowed = await shell(
    'sh',
    '-c',
    'ping -c1 127.0.0.1 && touch /f && chown 7:8 /f && (date | cat) && uname -a',
  );
  assert.equal(allowed.code, 0, allowed.stderr);
});

const on64BitX86 = process.arch === 'x64' ? test : undefined;
on64BitX86?.('32-bit programs run, under the same rules', async () => {
  const i386 = program('i386', '-m32', '-nostdlib', '-fno-pie', '-no-pie', '-fno-stack-protector');
  const run = (...options: string[]) => daemon.docker('run', '--rm', ...i386, ...options, 'busybox', '/i386');
  // Some hypervisors take the 32-bit entry away: then no program of that kind runs, in a container or not.
  if (!spawnSync(i386[1]!.split(':')[0]!, { encoding: 'utf8' }).stdout.startsWith('hello')) {
    assert.match((await run()).stderr, /exec format error/);
    return;
  }
  assert.deepEqual(await run(), { code: 7, stdout: 'hello BB\n', stderr: '' });
  assert.equal((await run('--cap-add', 'SYS_ADMIN')).stdout, 'hello AA\n');
});
