/** runtime-process with tiny guests: turns, parameters, signals, faults, disks. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { buildGuest, type Guest } from '../testing/guest.js';

let guest: Guest;
before(async () => {
  guest = await buildGuest();
});

function start(letter: string, ...options: string[]): ChildProcess {
  return spawn(guest.runtime, [guest.image, ...options, '--param', `do=${letter}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function finish(child: ChildProcess): Promise<{ code: number | null; out: Buffer; error: string }> {
  const out: Buffer[] = [];
  const error: Buffer[] = [];
  child.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => error.push(chunk));
  const [code] = await once(child, 'close');
  return { code, out: Buffer.concat(out), error: Buffer.concat(error).toString() };
}

const run = (letter: string, ...options: string[]): ReturnType<typeof finish> =>
  finish(start(letter, ...options));

test('takes turns at its deadlines and exits with its code', async () => {
  const { code, out } = await run('t');
  assert.equal(out.toString(), 'turn\nturn\nturn\n');
  assert.equal(code, 5);
});

test('gives parameters: of the image first, of the command line after, special bytes encoded', async () => {
  const { out } = await run('p', '--memory', '64M', '--param', 'env.TEXT=1%\n2');
  assert.equal(out.toString(), 'env.FROM=image\nmemory.engine=67108864\nenv.TEXT=1%25%0A2\ndo=p\n');
});

test('gives random bytes, different in every run', async () => {
  const first = await run('n');
  const second = await run('n');
  assert.equal(first.out.length, 16);
  assert.notDeepEqual(first.out, second.out);
});

test('grows memory under the filter', async () => {
  assert.equal((await run('h')).code, 1);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test(`${signal} is a stop event`, async () => {
    const child = start('i');
    setTimeout(() => child.kill(signal), 100);
    const { code, out } = await finish(child);
    assert.equal(out.toString(), 'stop\n');
    assert.equal(code, 0);
  });

for (const [signal, expected] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)
  test(`a second ${signal} ends a guest that hangs`, async () => {
    const child = start('l');
    child.stdout!.once('data', () => child.kill(signal));
    setTimeout(() => child.kill(signal), 100);
    assert.equal((await finish(child)).code, expected);
  });

for (const [letter, what, text] of [
  [
    'm',
    'an access outside memory',
    /^panic: access outside libos memory, at its address 0x7fff0000, instruction 0x/,
  ],
  ['r', 'endless recursion', /^panic: native stack overflow \(\d+ MiB\), instruction 0x/],
  ['u', 'an unreachable instruction', /^panic: unreachable instruction\n$/],
  ['b', 'a panic', /^panic: boom\n$/],
  ['g', 'a range outside memory', /^panic: a range handed out lies outside its memory\n$/],
] as const)
  test(`${what} is a panic with exit code 134`, async () => {
    const { code, error } = await run(letter);
    assert.match(error, text);
    assert.equal(code, 134);
  });

test('writes, flushes and reads a disk; completions come in a later turn', async () => {
  const disk = `${guest.image}.disk`;
  writeFileSync(disk, Buffer.alloc(4096));
  const { code } = await run('d', '--disk', disk);
  assert.equal(code, 'b'.charCodeAt(0));
  assert.equal(readFileSync(disk).subarray(512, 516).toString(), 'boom');
  writeFileSync(disk, Buffer.alloc(4096));
  // The write is refused (4), so the first completion is another's: the guest sees it and stops.
  assert.equal((await run('d', '--disk', `${disk}:ro`)).code, 134);
  assert.equal(
    readFileSync(disk).every((byte) => byte === 0),
    true,
  );
  assert.equal((await run('k', '--disk', disk)).code, 32);
  rmSync(disk);
});

test('values of parameters do not stay in the command line', async () => {
  const child = start('i', '--param', 'env.TOKEN=secret');
  await new Promise((resolve) => setTimeout(resolve, 100));
  const commandLine = readFileSync(`/proc/${child.pid}/cmdline`, 'latin1').split('\0');
  child.kill();
  await finish(child);
  assert.ok(commandLine.includes('env.TOKEN=******'));
});

test('no page of a running unikernel is writable and executable', async () => {
  const child = start('i');
  await new Promise((resolve) => setTimeout(resolve, 100));
  const maps = readFileSync(`/proc/${child.pid}/maps`, 'utf8');
  child.kill();
  await finish(child);
  assert.match(maps, /^60003000-60004000 rw-p/m);
  assert.doesNotMatch(maps, / .wx. /);
});
