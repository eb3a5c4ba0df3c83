/** One tiny guest per property, booted by QEMU under TCG on the target's own boot code and drivers. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildTestGuest } from '../builder/vm.js';
import { type Vm, VmError, type VmOptions } from './machine.js';
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

const built = new Map<string, Promise<string>>();

async function start(guest: string, options: Partial<VmOptions> = {}): Promise<Vm> {
  if (!built.has(guest)) built.set(guest, buildTestGuest(guest));
  return startRuntime(await built.get(guest)!, options);
}

const run = async (guest: string, options: Partial<VmOptions> = {}): Promise<Finished> =>
  finish(await start(guest, options));

test('boots, writes to both streams and powers off with its exit code', async () => {
  assert.deepEqual(await run('boots'), { output: 'out\n', error: 'error\n', code: 42 });
});

const forbidden: [what: string, expected: RegExp][] = [
  ['write-text', /panic: forbidden write at 0x00000000002[0-9a-f]{5} .*\n {2}where platform\+0x/],
  ['write-text-directly', /panic: forbidden write at 0xffff8000002[0-9a-f]{5} .*\n {2}where platform\+0x/],
  ['write-constant', /panic: forbidden write at 0x00000000002[0-9a-f]{5} /],
  ['execute-data', /panic: execution of data at 0x00000000002[0-9a-f]{5} /],
  ['execute-stack', /panic: execution of data at 0x0000030000[0-9a-f]{6}, in stack /],
  ['null', /panic: forbidden read at 0x0000000000000000 /],
  ['low-memory', /panic: forbidden write at 0x0000000000007c00 /],
  ['beyond-memory', /panic: forbidden read at 0x0000000060010000, outside engine memory /],
  ['beyond-reservation', /panic: forbidden read at 0x00000011ffffffff, outside libos memory /],
  ['stack-overflow', /panic: stack overflow at 0x000002ff[0-9a-f]{8} /],
  ['divide', /panic: divide error \(vector 0, error 0\)/],
  ['panic', /panic: asked for\n {2}where platform\+0x/],
];
for (const [what, expected] of forbidden)
  test(`panics and says where: ${what}`, async () => {
    const { error, code } = await run('forbidden', { commandLine: [`try=${what}`] });
    assert.match(error, expected);
    assert.equal(code, 134);
  });

/** Processor time of a process in milliseconds (proc(5), stat fields 14 and 15 in ticks of 10 ms). */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

test('timers are kept, the wall clock is right, and an idle machine uses no processor', async () => {
  const vm = await start('timer');
  const output = text(vm.output);
  await until(() => output().includes('idle\n'), 'idle guest');
  const wallMs = Number(output().match(/wall_ms (\d+)/)?.[1]);
  // Right to some 20 ms on a quiet host; a busy one takes its time to start QEMU.
  assert.ok(Math.abs(Date.now() - wallMs) < 1500, `wall clock ${wallMs}, here ${Date.now()}`);
  const idleFromMs = performance.now();
  const usedBefore = processorMs(vm.pid);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const used = processorMs(vm.pid) - usedBefore;
  await until(() => output().includes('awake\n'), 'guest that wakes up');
  const sleptMs = performance.now() - idleFromMs;
  assert.deepEqual(await vm.exited, { code: 0 });
  assert.ok(used <= 20, `${used} ms of processor time while idle for 500 ms`);
  assert.ok(sleptMs > 570 && sleptMs < 900, `600 ms of guest time took ${sleptMs} ms`);
  for (const [, late] of output().matchAll(/late_us (\d+)/g)) assert.ok(Number(late) < 20_000, output());
});

test('two runs draw different random numbers', async () => {
  const outputs = await Promise.all([run('entropy'), run('entropy')]);
  const [one, two] = outputs.map(({ output }) => output);
  assert.match(one!, /^[0-9a-f]{128}\n$/);
  assert.notEqual(one, two);
});

test('image pages are mapped; all memory of the map is usable, none twice; running out is refused', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-vm-memory-'));
  const image = join(directory, 'image');
  writeFileSync(
    image,
    Buffer.from(Array.from({ length: 3 * 4096 }, (_, index) => ((index % 4096) * 3) & 255)),
  );
  for (const [memoryMib, least, most] of [
    [32, 10, 16],
    [160, 136, 144],
  ] as const) {
    const { output, code } = await run('memory', { memoryMib, image });
    assert.equal(code, 0);
    const mib = Number(output.match(/^(\d+) MiB/)?.[1]);
    assert.ok(mib >= least && mib <= most, `${mib} MiB of ${memoryMib}`);
  }
  rmSync(directory, { recursive: true });
});

test('stops when the host asks, with its own exit code', async () => {
  const vm = await start('stop');
  const output = text(vm.output);
  await until(() => output() === 'waiting\n', 'waiting guest');
  vm.stop();
  assert.deepEqual(await vm.exited, { code: 7 });
});

test('network: every frame comes back, with the device of the command line', async () => {
  const vm = await start('echo', { nets: [{ kind: 'stream', mac: '02:00:00:00:00:01' }] });
  const socket = vm.nets[0]!;
  const received = frames(socket);
  const output: Buffer[] = [];
  vm.output.on('data', (chunk: Buffer) => output.push(chunk));
  await until(() => output.length > 0, 'guest');
  assert.equal(Buffer.concat(output).toString('hex'), '020000000001');
  const sizes = Array.from({ length: 1000 }, (_, index) => 46 + ((index * 31) % 1455));
  for (const size of sizes) sendFrame(socket, ethernet(0x88b5, size));
  await until(() => received.length === sizes.length, 'echo of all frames');
  for (const [index, frame] of received.entries()) {
    assert.equal(frame.toString('hex', 0, 14), '02000000000202000000000188b5');
    assert.deepEqual(frame.subarray(14), ethernet(0, sizes[index]!).subarray(14));
  }
  sendFrame(socket, ethernet(0x88b6, 46));
  assert.deepEqual(await vm.exited, { code: 0 });
});

test('block: write, flush, read back; refusals; the bytes are in the file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-vm-block-'));
  try {
    const paths = ['one', 'two, with comma'].map((name) => join(directory, name));
    for (const path of paths) writeFileSync(path, Buffer.alloc(16 * 512));
    const blocks = [{ path: paths[0]! }, { path: paths[1]!, readOnly: true }];
    assert.equal((await run('block', { blocks })).code, 0);
    const expected = Buffer.from(Array.from({ length: 1024 }, (_, index) => (index * 7) & 255));
    assert.deepEqual(readFileSync(paths[0]!).subarray(3 * 512, 5 * 512), expected);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("QEMU's refusal is an error in its words, and so are too many devices", async () => {
  const vm = await start('boots', { nets: [{ kind: 'tap', interface: 'vm-none', mac: 'nonsense' }] });
  await assert.rejects(vm.exited, (error: VmError) => {
    return error instanceof VmError && error.code === 'qemu-failed' && /^QEMU failed: .+/.test(error.message);
  });
  const blocks = Array.from({ length: 7 }, () => ({ path: '/dev/null' }));
  await assert.rejects(start('boots', { blocks }), { code: 'too-many-devices' });
});

test('a console that nobody reads does not hold up the unikernel', async () => {
  const vm = await start('flood');
  const startedMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 700));
  vm.output.resume();
  vm.error.resume();
  assert.deepEqual(await vm.exited, { code: 3 });
  assert.ok(performance.now() - startedMs < 3000);
});

test('killed: exit code 137', async () => {
  const vm = await start('stop');
  const output = text(vm.output);
  await until(() => output() === 'waiting\n', 'waiting guest');
  vm.kill();
  assert.deepEqual(await vm.exited, { code: 137 });
});
