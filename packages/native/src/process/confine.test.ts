/** The confinement, proven call by call: everything but the few calls of the turn loop ends in SIGSYS. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { before, test } from 'node:test';
import { compile, runTool } from '../builder/compiler.js';
import { paths } from '../builder/paths.js';
import { kernelHeaders } from '../builder/process.js';
import { commonFlags, strictFlags } from '../builder/shared.js';

const binary = `${paths.build}/testing/forbidden`;

before(async () => {
  mkdirSync(`${paths.build}/testing`, { recursive: true });
  mkdirSync(paths.objects, { recursive: true });
  const objects = await Promise.all(
    ['testing/forbidden', 'confine', 'fail'].map((name) =>
      compile(
        {
          source: `${paths.source}/process/${name}.c`,
          flags: [...commonFlags, ...strictFlags, ...kernelHeaders],
          includes: [`${paths.source}/process`, `${paths.source}/common`],
          compiler: 'musl-gcc',
        },
        paths.objects,
      ),
    ),
  );
  await runTool('musl-gcc', ['-static', '-no-pie', ...objects, '-o', binary]);
});

const forbidden = [
  ...['open', 'openat', 'stat', 'unlink', 'socket', 'connect', 'sendmsg'],
  ...['execve', 'fork', 'clone', 'clone3', 'ptrace', 'kill'],
  ...['mmap', 'mmap data', 'mprotect executable', 'mprotect writable executable'],
  ...['mprotect below the memories', 'mprotect above the memories'],
  ...['madvise elsewhere', 'madvise otherwise'],
  ...['write elsewhere', 'read standard input', 'write disk position', 'pread of the network'],
  ...['ioctl', 'fcntl', 'dup', 'prctl', 'seccomp', 'unshare', 'setuid', 'x32 write'],
];

for (const call of forbidden)
  test(`${call} is killed by SIGSYS`, () => assert.equal(spawnSync(binary, [call]).signal, 'SIGSYS'));

test('a call through the 32-bit entry is killed by SIGSYS, where the machine has that entry', () => {
  const without = spawnSync(binary, ['32-bit exit without a filter']);
  // Some hypervisors have none for 64-bit programs: then the instruction itself is the fault.
  const expected = without.signal === null ? 'SIGSYS' : 'SIGSEGV';
  assert.equal(spawnSync(binary, ['32-bit exit']).signal, expected);
});

for (const call of [
  'write console',
  'write network',
  'pwrite disk',
  'getrandom',
  'grow engine',
  'grow libos',
  'release pages',
])
  test(`${call} is allowed`, () => assert.equal(spawnSync(binary, [call]).status, 0));

test('memory grows no further than the image was given', () => {
  const { status, signal } = spawnSync(binary, ['grow beyond the limit']);
  assert.deepEqual({ status, signal }, { status: 1, signal: null });
});

test('of all calls, those that need no right name are these', () => {
  const { status, stdout } = spawnSync(binary, ['every call'], { encoding: 'utf8' });
  assert.equal(status, 0);
  // poll's arguments name no file, and rt_sigreturn ends a process that has no signal to return from.
  const allowed = {
    rt_sigreturn: 15,
    restart_syscall: 219,
    clock_gettime: 228,
    exit_group: 231,
    ppoll: 271,
    getrandom: 318,
  };
  // Linux 6.14 and 6.18 let uretprobe and uprobe pass every filter; only the kernel's own trampolines can use them.
  const unfiltered = [335, 336];
  const numbers = stdout.trim().split('\n').map(Number);
  assert.deepEqual(
    numbers.filter((number) => !unfiltered.includes(number)),
    Object.values(allowed),
  );
});
