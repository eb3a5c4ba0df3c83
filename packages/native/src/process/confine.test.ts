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
  ...['write elsewhere', 'read standard input', 'write disk position', 'pread of the network'],
  ...['ioctl', 'fcntl', 'dup', 'prctl', 'seccomp', 'unshare', 'setuid', 'x32 write', '32-bit exit'],
];

for (const call of forbidden)
  test(`${call} is killed by SIGSYS`, () => assert.equal(spawnSync(binary, [call]).signal, 'SIGSYS'));

for (const call of [
  'write console',
  'write network',
  'pwrite disk',
  'getrandom',
  'grow engine',
  'grow libos',
])
  test(`${call} is allowed`, () => assert.equal(spawnSync(binary, [call]).status, 0));
