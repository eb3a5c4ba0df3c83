/** runtime-vm.elf with tiny guests in the place of libos: turns, parameters, stop, panics, network, disks, bad images. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { buildGuest, type Guest } from '../testing/guest.js';
import type { Vm, VmOptions } from './machine.js';
import {
  ethernet,
  type Finished,
  finish,
  frames,
  sendFrame,
  start as startRuntime,
  text,
  until,
} from './testing/run.js';

let guest: Guest;
before(async () => {
  guest = await buildGuest('vm');
});

const start = (letter: string, options: Partial<VmOptions> = {}): Vm =>
  startRuntime(guest.runtime, { image: guest.image, parameters: `do=${letter}\n`, ...options });

const run = (letter: string, options: Partial<VmOptions> = {}): Promise<Finished> =>
  finish(start(letter, options));

const nets: VmOptions['nets'] = [{ kind: 'stream', mac: '02:00:00:00:00:01' }];

test('takes turns at its deadlines and powers off with its exit code', async () => {
  assert.deepEqual(await run('t'), { output: 'turn\nturn\nturn\n', error: '', code: 5 });
});

test('parameters: of the image, the device, the command line, the control channel; escapes as they are', async () => {
  const { output } = await run('p', {
    nets: [{ kind: 'stream', mac: '02:00:00:00:00:01', mtuBytes: 1400 }],
    commandLine: ['env.A=two%20words', 'env.B=%25%0A'],
    parameters: 'env.SECRET=token\ndo=p\n',
  });
  const device = 'net.0.mac=02:00:00:00:00:01\nnet.0.mtu=1400\nnet.0.features=0\n';
  assert.equal(output, `env.FROM=image\n${device}env.A=two words\nenv.B=%25%0A\nenv.SECRET=token\ndo=p\n`);
});

test('parameters of the control channel are not on a command line', async () => {
  const vm = start('i', { parameters: 'env.SECRET=token\ndo=i\n' });
  const ended = finish(vm);
  await until(() => vm.pid > 0, 'process');
  assert.doesNotMatch(readFileSync(`/proc/${vm.pid}/cmdline`, 'latin1'), /token/);
  vm.stop();
  assert.equal((await ended).code, 0);
});

test('QEMU itself has nothing: a user of its own, no capability, an empty root, a filter', async () => {
  assert.equal(process.getuid?.(), 0, 'this test needs root');
  const [one, other] = [start('i', { nets }), start('i', { nets })];
  const ended = [finish(one), finish(other)];
  const status = (vm: Vm): Map<string, string> =>
    new Map(
      readFileSync(`/proc/${vm.pid}/status`, 'utf8')
        .split('\n')
        .map((line) => line.split(/:\s*/, 2) as [string, string]),
    );
  const uid = (vm: Vm): number => Number(status(vm).get('Uid')!.split('\t')[0]);
  await until(() => uid(one) !== 0 && uid(other) !== 0, 'users other than root');
  assert.notEqual(uid(one), uid(other));
  for (const vm of [one, other]) {
    const now = status(vm);
    assert.deepEqual(
      ['Uid', 'Gid'].map((field) => now.get(field)),
      Array.from({ length: 2 }, () => Array(4).fill(uid(vm)).join('\t')),
    );
    assert.equal(now.get('CapEff'), '0000000000000000');
    assert.equal(now.get('NoNewPrivs'), '1');
    assert.equal(now.get('Seccomp'), '2');
    await until(() => !existsSync(`/proc/${vm.pid}/root/etc`), 'empty root');
    assert.doesNotMatch(
      readFileSync(`/proc/${vm.pid}/cmdline`, 'latin1'),
      /elevateprivileges=children|spawn=allow/,
    );
    vm.stop();
  }
  for (const { code } of await Promise.all(ended)) assert.equal(code, 0);
});

test('random bytes differ in every run', async () => {
  const [one, two] = await Promise.all([run('n'), run('n')]);
  assert.equal(one.output.length, 16);
  assert.notEqual(one.output, two.output);
});

test('grows memory', async () => assert.equal((await run('h')).code, 1));

test('stop is a turn event', async () => {
  const vm = start('i');
  const ended = finish(vm);
  vm.stop();
  assert.deepEqual(await ended, { output: 'stop\n', error: '', code: 0 });
});

for (const [letter, what, expected] of [
  [
    'm',
    'an access outside memory',
    /^noos: panic: forbidden write at 0x000000107fff0000, outside libos memory .*\n {2}where libos\+0x/,
  ],
  ['r', 'endless recursion', /^noos: panic: stack overflow at 0x000002ff[0-9a-f]{8} .*\n {2}where libos\+0x/],
  ['u', 'an unreachable instruction', /^noos: panic: unreachable instruction\n(.*\n)*.*libos\+0x/],
  ['b', 'a panic', /^noos: panic: boom\n/],
  ['g', 'a range outside memory', /^noos: panic: a range handed out lies outside its memory\n/],
] as const)
  test(`${what} is a panic that says where, with exit code 134`, async () => {
    const { error, code } = await run(letter);
    assert.match(error, expected);
    assert.equal(code, 134);
  });

/** Sends frames until one comes back: QEMU drops those that come before the driver is ready. */
async function untilEchoed(vm: Vm, received: Buffer[]): Promise<void> {
  const timer = setInterval(() => sendFrame(vm.nets[0]!, ethernet(0x88b5, 46)), 20);
  await until(() => received.length > 0, 'echo').finally(() => clearInterval(timer));
  await new Promise((resolve) => setTimeout(resolve, 100));
  received.length = 0;
}

test('frames go in and out; a full queue is told when it takes frames again', async () => {
  const vm = start('e', { nets });
  const received = frames(vm.nets[0]!);
  const ended = finish(vm);
  await untilEchoed(vm, received);
  const sizes = Array.from({ length: 500 }, (_, index) => 46 + ((index * 37) % 1455));
  for (const size of sizes) sendFrame(vm.nets[0]!, ethernet(0x88b5, size));
  await until(() => received.length === sizes.length, 'echo of all frames');
  assert.deepEqual(
    received.map((frame) => frame.length - 14),
    sizes,
  );
  vm.stop();
  assert.equal((await ended).code, 0);
  const full = start('f', { nets: [{ kind: 'stream', mac: '02:00:00:00:00:01', mtuBytes: 40_000 }] });
  full.nets[0]!.resume();
  assert.deepEqual(await finish(full), { output: 'full\n', error: '', code: 0 });
});

test('a disk that is too small and one that is missing have their codes', async () => {
  const path = `${guest.image}.disk`;
  writeFileSync(path, Buffer.alloc(4096));
  assert.equal((await run('k', { blocks: [{ path }] })).code, 32);
  rmSync(path);
});

test('an image that is damaged, of another runtime, or missing: one line, exit code 1, nothing started', async () => {
  const image = `${guest.image}.bad`;
  const good = readFileSync(guest.image);
  const refused = async (bytes: Buffer | undefined, why: RegExp): Promise<void> => {
    if (bytes !== undefined) writeFileSync(image, bytes);
    const { output, error, code } = await run('t', bytes === undefined ? {} : { image });
    assert.equal(output, '');
    assert.match(error, why);
    assert.equal(error.trim().split('\n').length, 1);
    assert.equal(code, 1);
  };
  const flipped = Buffer.from(good);
  flipped[flipped.length - 1]! ^= 1;
  await refused(flipped, /^noos: the image is damaged \(its digest does not match\)/);
  const foreign = Buffer.from(good);
  foreign[60]! ^= 1;
  await refused(foreign, /^noos: .*another libos\.wasm/);
  await refused(Buffer.from('#!/bin/sh\n'), /^noos: .*not a Noos image/);
  rmSync(image);
  const { error, code } = await finish(startRuntime(guest.runtime, { parameters: '' }));
  assert.match(error, /^noos: no image/);
  assert.equal(code, 1);
});

test('prints the guest time before its first packet when asked to', async () => {
  const vm = start('e', { nets, commandLine: ['noos.report=start'] });
  const error = text(vm.error);
  vm.output.resume();
  await untilEchoed(vm, frames(vm.nets[0]!));
  await until(() => error().includes('guest\n'), 'report');
  assert.match(error(), /^noos: first packet after \d+ us in the guest\n$/);
  vm.stop();
  assert.deepEqual(await vm.exited, { code: 0 });
});

test('too little memory is said', async () => {
  const { error, code } = await run('t', { memoryMib: 12 });
  assert.match(error, /panic: not enough memory for the stack: give the machine more/);
  assert.equal(code, 134);
});
