/**
 * Goodput over long and lossy paths against Linux with CUBIC, each direction: the unikernel's server and Linux's
 * server in turn through the same cable (`lossy-network.ts`), Linux on the far side of both.
 *
 * `NOOS_BENCH_PATH=250` runs only the rows whose name contains it; `NOOS_BENCH_ROUNDS` changes how many rounds.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buildImage, runtimeProcess } from './hello.js';
import {
  createSides,
  knowNeighbours,
  type LossyPath,
  openPath,
  type Path,
  removeSides,
} from './lossy-network.js';
import { compilePeer } from './peer.js';
import { report } from './report.js';
import { enterNamespace, guestAddress, hostAddress, tapArguments } from './tap-network.js';

const port = 5001;
const rounds = Number(process.env['NOOS_BENCH_ROUNDS'] ?? 3);
const only = process.env['NOOS_BENCH_PATH'] ?? '';
const wanted = 0.95;

interface Row {
  name: string;
  path: Path;
  seconds: number;
  /** Connections at once: where loss decides, one alone says little. */
  connections: number;
}

/** More than the largest window: nothing is dropped for want of room. */
const deepQueueBytes = 64 << 20;

const clean = (roundTripMs: number, seconds: number): Row => ({
  name: `${roundTripMs} ms, no loss`,
  path: { roundTripMs, rateMbit: 1000, queueBytes: deepQueueBytes, loss: 0, seed: 1 },
  seconds,
  connections: 1,
});

const lossy = (percent: number): Row => ({
  name: `20 ms, ${percent} % loss`,
  path: { roundTripMs: 20, rateMbit: 1000, queueBytes: deepQueueBytes, loss: percent / 100, seed: percent },
  seconds: 8,
  connections: 8,
});

const rows: Row[] = [
  clean(10, 4),
  clean(250, 8),
  {
    name: '50 ms, queue of half a round trip',
    path: { roundTripMs: 50, rateMbit: 100, queueBytes: 312_500, loss: 0, seed: 1 },
    seconds: 8,
    connections: 1,
  },
  ...[1, 2, 3, 5].map(lossy),
];

/** Mbit/s of one transfer; tries again until the other side listens. */
async function transfer(path: LossyPath, words: string[]): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const program = path.far(tcpBulk, ...words);
    let output = '';
    let complaint = '';
    program.stdout!.on('data', (part: Buffer) => (output += part.toString()));
    program.stderr!.on('data', (part: Buffer) => (complaint += part.toString()));
    await once(program, 'close');
    if (program.exitCode === 0) return (Number(output) * 8) / 1e6;
    if (attempt === 10) throw new Error(`tcp-bulk ${words.join(' ')}: ${complaint}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Mbit/s of all connections of a row together. */
async function together(path: LossyPath, row: Row, direction: string, address: string): Promise<number> {
  const words = [direction, address, String(port), String(row.seconds)];
  const each = await Promise.all(Array.from({ length: row.connections }, () => transfer(path, words)));
  return each.reduce((sum, one) => sum + one, 0);
}

async function measure(row: Row): Promise<void> {
  const path = await openPath(lossyBridge, row.path);
  knowNeighbours(guestAddress);
  for (const direction of ['receive', 'send']) {
    const figures: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++)
      for (const [side, address] of [guestAddress, hostAddress].entries())
        figures[side]!.push(await together(path, row, direction, address));
    report({
      figure: `${row.name}, ${direction === 'receive' ? 'sending' : 'receiving'}, Mbit/s`,
      ours: figures[0],
      peer: 'Linux (cubic)',
      theirs: figures[1],
      target: { relation: '>=', ratio: wanted },
    });
  }
  for (const [index, done] of (await path.end()).entries())
    console.log(
      `  cable ${index === 0 ? 'out' : 'in'}: ${done.delivered} frames, ${done.lost} lost, ${done.dropped} dropped, ` +
        `late by ${done.lateMeanUs} us on average, ${done.lateWorstUs} us at worst`,
    );
}

enterNamespace();
const tcpBulk = compilePeer('tcp-bulk');
const lossyBridge = compilePeer('lossy-bridge');
const image = buildImage('bench/apps/bulk.ts');
createSides();
const ours = spawn(runtimeProcess, tapArguments(image), { stdio: 'inherit' });
const theirs = spawn(tcpBulk, ['serve', String(port)], { stdio: 'inherit' });
try {
  for (const row of rows) if (row.name.includes(only)) await measure(row);
} finally {
  ours.kill('SIGKILL');
  theirs.kill('SIGKILL');
  removeSides();
}
