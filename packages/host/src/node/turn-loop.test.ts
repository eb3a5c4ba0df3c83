import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { turnEvents, type Unikernel } from '@noos/abi';
import { frameCable } from '@noos/libos';
import { openBlockFile } from './block-file.js';
import { createNodePlatform, type NodePlatform, type NodePlatformOptions } from './node-platform.js';
import { formatParameters } from './parameters.js';
import { runTurns } from './turn-loop.js';

const never = 2n ** 64n - 1n;
const quiet: NodePlatformOptions = { parameters: new Map(), devices: [], disks: [], console() {} };

/** A unikernel made of two functions. */
const machine = (
  start: (nowNs: bigint) => bigint,
  turn: (events: number, nowNs: bigint) => bigint,
): Unikernel => ({
  allocate: () => 0,
  evaluate: () => 0,
  evaluateAtStart: () => {},
  start,
  turn: (nowNs, _wall, events) => turn(events, nowNs),
});

/** Turns that add up their events until `exit`. */
const exitAfter = (node: () => NodePlatform, count: number, code = 0) => {
  let turns = 0;
  return (): bigint => {
    if (++turns === count) node().platform.exit(code);
    return never;
  };
};

test('frames that arrive together share a turn and come in order behind a zero header', async () => {
  const [end, device] = frameCable();
  const node = createNodePlatform({ ...quiet, devices: [device] });
  const seen: number[] = [];
  const turns: number[] = [];
  const running = runTurns(
    machine(
      () => never,
      (events) => {
        turns.push(events);
        const buffer = new Uint8Array(2000).fill(0xff);
        for (let length = node.platform.netReceive(0, buffer); length > 0; ) {
          assert.deepEqual([...buffer.subarray(0, 12)], new Array(12).fill(0));
          assert.equal(length, 72);
          seen.push(buffer[12]!);
          length = node.platform.netReceive(0, buffer);
        }
        if (seen.length === 4) node.platform.exit(7);
        return never;
      },
    ),
    node,
  );
  const frame = new Uint8Array(60);
  for (const value of [1, 2, 3]) end.transmit(frame.fill(value));
  setTimeout(() => end.transmit(frame.fill(4)), 20);
  assert.equal(await running.exited, 7);
  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.deepEqual(turns, [turnEvents.receiveReady, turnEvents.receiveReady]);
});

test('a deadline brings a turn at its time, never before, and no deadline brings none', async () => {
  const node = createNodePlatform(quiet);
  let deadline = 0n;
  const running = runTurns(
    machine(
      (now) => {
        deadline = now + 25_000_000n;
        return deadline;
      },
      (events, now) => {
        assert.equal(events, 0);
        assert.ok(now >= deadline, `${deadline - now} ns early`);
        assert.ok(now < deadline + 200_000_000n, 'late');
        node.platform.exit(0);
        return never;
      },
    ),
    node,
  );
  assert.equal(await running.exited, 0);
});

test('stop is an event of one turn; kill ends without one', async () => {
  const node = createNodePlatform(quiet);
  let events = 0;
  const stopped = runTurns(
    machine(
      () => never,
      (bits) => {
        events = bits;
        node.platform.exit(3);
        return never;
      },
    ),
    node,
  );
  node.requestStop();
  assert.equal(await stopped.exited, 3);
  assert.equal(events, turnEvents.stop);
  const killed = runTurns(
    machine(
      () => never,
      () => never,
    ),
    createNodePlatform(quiet),
  );
  killed.kill();
  assert.equal(await killed.exited, 137);
});

test('panic and trap end with 134 and a message', async () => {
  for (const [fail, message] of [
    [
      (node: NodePlatform) => node.platform.panic(new TextEncoder().encode('out of pages')),
      /panic: out of pages/,
    ],
    [
      () => new WebAssembly.Instance(new WebAssembly.Module(trapModule)).exports,
      /panic: trap: .*unreachable/,
    ],
  ] as const) {
    let text = '';
    const node = createNodePlatform({
      ...quiet,
      console: (_, bytes) => {
        text += Buffer.from(bytes);
      },
    });
    const running = runTurns(
      machine(
        () => 0n,
        () => {
          fail(node);
          return never;
        },
      ),
      node,
    );
    assert.equal(await running.exited, 134);
    assert.match(text, message);
  }
});

/** (module (func unreachable) (start 0)) */
const trapModule = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 5, 1, 3, 0, 0, 11,
]);

test('a full device refuses, and says when it takes frames again', async () => {
  const [, device] = frameCable();
  let full = true;
  const node = createNodePlatform({ ...quiet, devices: [{ ...device, transmit: () => !full }] });
  const frame = new Uint8Array(72);
  const events: number[] = [];
  const running = runTurns(
    machine(
      () => {
        assert.equal(node.platform.netTransmit(0, frame), 0);
        full = false;
        return never;
      },
      (bits) => {
        events.push(bits);
        assert.equal(node.platform.netTransmit(0, frame), 1);
        node.platform.exit(0);
        return never;
      },
    ),
    node,
  );
  assert.equal(await running.exited, 0);
  assert.deepEqual(events, [turnEvents.transmitReady]);
});

test('entropy differs, parameters escape, unknown devices answer', () => {
  const node = createNodePlatform({ ...quiet, parameters: new Map([['env.A', 'x%\ny']]) });
  const [one, two] = [new Uint8Array(100_000), new Uint8Array(100_000)];
  node.platform.entropyRead(one);
  node.platform.entropyRead(two);
  assert.notDeepEqual(one, two);
  assert.ok(one.subarray(65_536).some((byte) => byte !== 0));
  const target = new Uint8Array(64);
  const length = node.platform.parametersRead(target);
  assert.equal(Buffer.from(target.subarray(0, length)).toString(), 'env.A=x%25%0Ay\n');
  assert.equal(node.platform.parametersRead(new Uint8Array(3)), length);
  assert.equal(formatParameters(new Map()), '');
  assert.equal(node.platform.blockSubmit(0, 0, 1, 0n, 1, new Uint8Array(0)), 2);
  assert.equal(node.platform.netReceive(5, target), 0);
});

test('a block file writes, flushes and reads back; ranges and the end are checked', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-block-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'disk');
  writeFileSync(path, new Uint8Array(8 * 512));
  let wake = (): void => {};
  const disk = await openBlockFile(path, () => wake());
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  assert.equal(disk.sectors, 8n);
  const node = createNodePlatform({ ...quiet, disks: [disk] });
  const data = new Uint8Array(1024).fill(9);
  assert.equal(node.platform.blockSubmit(0, 1, 11, 6n, 2, data), 0);
  data.fill(0);
  await next();
  assert.equal(node.platform.blockComplete(0, data), 11n);
  assert.equal(node.platform.blockSubmit(0, 2, 12, 0n, 0, data.subarray(0, 0)), 0);
  await next();
  assert.equal(node.platform.blockComplete(0, data), 12n);
  assert.equal(node.platform.blockSubmit(0, 0, 13, 7n, 1, data.subarray(0, 0)), 0);
  await next();
  assert.equal(node.platform.blockComplete(0, data), 13n);
  assert.deepEqual(data.subarray(0, 512), new Uint8Array(512).fill(9));
  assert.equal(node.platform.blockComplete(0, data), never);
  assert.equal(node.platform.blockSubmit(0, 0, 14, 7n, 2, data.subarray(0, 0)), 3);
  assert.equal(node.platform.blockSubmit(0, 1, 15, 0n, 1, data.subarray(0, 100)), 3);
  await disk.close();
  await assert.rejects(
    openBlockFile(join(directory, 'none'), () => {}),
    { code: 'disk-unreadable' },
  );
});

test('an exit asked for in start ends without a turn', async () => {
  const node = createNodePlatform(quiet);
  const running = runTurns(
    machine(
      () => {
        node.platform.exit(300);
        return 0n;
      },
      exitAfter(() => node, 1, 99),
    ),
    node,
  );
  assert.equal(await running.exited, 300 & 255);
});
