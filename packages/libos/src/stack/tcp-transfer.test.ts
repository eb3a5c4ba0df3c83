// Bulk transfers between two stacks over links that lose, duplicate and reorder; a failure names its seed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertNothingHeld,
  collect,
  createTcpPair,
  randomBytes,
  rightAddress,
  sendAll,
  type TcpPairOptions,
} from '../testing/tcp-pair.js';

/** Sends `bytes` each way at once and closes; returns virtual milliseconds until both have all. */
async function transferBothWays(options: TcpPairOptions, bytes: number, limitMs: number): Promise<number> {
  const { simulation, left, right } = await createTcpPair(options);
  const up = randomBytes(options.seed, bytes);
  const down = randomBytes(options.seed + 1, bytes);
  let atServer: ReturnType<typeof collect> | undefined;
  right.tcpListen({ port: 80 }, (connection) => {
    atServer = collect(connection, bytes);
    connection.onReadable();
    sendAll(connection, down);
  });
  const client = left.tcpConnect(rightAddress, 80);
  const atClient = collect(client, bytes);
  client.onConnected = () => sendAll(client, up);
  const startNs = simulation.nowNs();
  const what = `seed ${options.seed}`;
  simulation.runUntil(() => atServer?.finished === true && atClient.finished, limitMs, what);
  const elapsedMs = Number(simulation.nowNs() - startNs) / 1e6;
  simulation.run(400_000);
  assert.deepEqual([atServer?.closed, atClient.closed], [0, 0], what);
  assert.ok(Buffer.compare(atServer!.bytes, up) === 0 && Buffer.compare(atClient.bytes, down) === 0, what);
  assertNothingHeld(left, `left, ${what}`);
  assertNothingHeld(right, `right, ${what}`);
  return elapsedMs;
}

test('bulk both ways on a clean link', async () => {
  await transferBothWays({ seed: 1, delayMs: 1 }, 8 << 20, 10_000);
});

for (const loss of [0.01, 0.05, 0.1, 0.2])
  test(`bulk both ways with ${loss * 100} % loss, duplication and reordering`, async () => {
    for (const seed of [1, 2, 3])
      await transferBothWays(
        { seed, delayMs: 2, faults: { loss, duplicate: loss, reorder: loss, corrupt: loss / 10 } },
        300_000,
        3_000_000,
      );
  });
