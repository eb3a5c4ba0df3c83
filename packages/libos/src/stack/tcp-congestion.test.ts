// Growth and reduction of the congestion window, seen on the wire: slow start, CUBIC and Reno (RFC 9438, RFC 5681).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect, createTcpPair, rightAddress, sendAll } from '../testing/tcp-pair.js';

const roundTripMs = 100;

/** Data segments sent in each round trip; the segment number `lost` of the whole run is lost once. */
async function segmentsPerRound(algorithm: 0 | 1, lost: number, rounds: number): Promise<number[]> {
  const counts: number[] = [];
  let sent = 0;
  let startNs = 0n;
  const { simulation, left, right } = await createTcpPair({
    seed: 7,
    delayMs: roundTripMs / 2,
    wrap(device, side, { nowNs }) {
      if (side === 1) return device;
      const transmit = device.transmit.bind(device);
      device.transmit = (frame) => {
        if (frame.length < 200) return transmit(frame);
        if (sent === 0) startNs = nowNs();
        // Pacing spreads a round's segments over its time; a little before the boundaries, so that its first ones count.
        const round = Math.floor((Number(nowNs() - startNs) / 1e6 + 1) / roundTripMs);
        while (counts.length <= round) counts.push(0);
        counts[round]!++;
        return ++sent === lost ? true : transmit(frame);
      };
      return device;
    },
  });
  right.tcpListen({ port: 80 }, (connection) => {
    collect(connection, 64 << 20);
    connection.onReadable();
  });
  const client = left.tcpConnect(rightAddress, 80);
  client.onConnected = () => {
    // The only connection: index 1, whatever its generation.
    for (let generation = 0; generation < 4; generation++)
      left.exports.tcpSetCongestion((generation << 16) | 1, algorithm);
    sendAll(client, new Uint8Array(32 << 20), false);
  };
  simulation.run((rounds + 2) * roundTripMs);
  return counts.slice(0, rounds);
}

test('slow start begins with ten segments (RFC 6928) and doubles', async () => {
  const counts = await segmentsPerRound(0, 0, 5);
  assert.equal(counts[0], 10);
  // The last of a paced round may fall into the next one.
  for (const [round, count] of counts.slice(1).entries())
    assert.ok(count >= 1.7 * counts[round]! && count <= 2.1 * counts[round]!, String(counts));
});

test('Reno halves and grows by one segment a round trip', async () => {
  const counts = await segmentsPerRound(1, 120, 30);
  // A few rounds after the loss the pauses of the recovery have closed.
  const reduced = counts.slice(12);
  const steps = reduced.slice(1).map((count, index) => count - reduced[index]!);
  assert.ok(reduced[0]! >= 50 && reduced[0]! <= 110, `halved: ${counts}`);
  assert.ok(
    steps.every((step) => step === 0 || step === 1 || step === 2),
    `one a round: ${counts}`,
  );
  const growth = reduced.at(-1)! - reduced[0]!;
  assert.ok(growth >= steps.length - 2 && growth <= steps.length + 2, `${counts}`);
});

test('CUBIC reduces to 0.7, comes back to where it was, flat there, and faster beyond', async () => {
  const counts = await segmentsPerRound(0, 120, 90);
  const reno = await segmentsPerRound(1, 120, 90);
  // The loss shows in the fifth round, when slow start has let the window grow to about 128.
  const peak = 128;
  const reduced = counts[8]!;
  assert.ok(reduced >= peak * 0.6 && reduced <= peak * 0.75, `0.7 of ${peak}: ${counts}`);
  // K = cbrt(W_max * 0.3 / 0.4) seconds (RFC 9438 §4.2).
  const periodRounds = Math.round((Math.cbrt((peak * 0.3) / 0.4) * 1000) / roundTripMs) + 6;
  const plateau = counts[periodRounds]!;
  assert.ok(
    Math.abs(plateau - peak) <= peak * 0.1,
    `plateau near ${peak} in round ${periodRounds}: ${counts}`,
  );
  const step = (round: number): number => counts[round + 3]! - counts[round]!;
  assert.ok(step(9) > step(periodRounds - 2), `concave first: ${counts}`);
  assert.ok(step(86) > step(periodRounds), `convex later: ${counts}`);
  assert.ok(counts[40]! > reno[40]!, `sooner back than Reno: ${counts[40]} and ${reno[40]}`);
});
