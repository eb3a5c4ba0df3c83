/**
 * `process` target over TAP against `node server.mjs` on loopback: start to first HTTP 200, resident memory under load,
 * requests per second (wrk -t1 -c32).
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Started, startServer } from './first-answer.js';
import { buildImage, guestPort, nodePort, nodeServer, runtimeProcess } from './hello.js';
import { report } from './report.js';
import { createTap, enterNamespace, guestAddress, tapArguments } from './tap-network.js';

const rounds = 5;
const startRounds = 15;
const loadSeconds = 3;

/** Resident set in MiB now (proc(5), VmRSS). */
function residentMib(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`no VmRSS of process ${pid}`);
  return Number(match[1]) / 1024;
}

async function load(started: Started, address: string, port: number): Promise<{ rate: number; mib: number }> {
  const wrk = promisify(execFile)('wrk', ['-t1', '-c32', `-d${loadSeconds}s`, `http://${address}:${port}/`]);
  await new Promise((resolve) => setTimeout(resolve, loadSeconds * 800));
  const mib = residentMib(started.child.pid!);
  const { stdout } = await wrk;
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk saw errors:\n${stdout}`);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]), mib };
}

enterNamespace();
createTap();
const image = buildImage('examples/hello');
const startOurs = (): Promise<Started> =>
  startServer(runtimeProcess, tapArguments(image), guestAddress, guestPort);
const startTheirs = (): Promise<Started> =>
  startServer(process.execPath, [nodeServer, String(nodePort)], '127.0.0.1', nodePort);

const figures = { start: [[], []], mib: [[], []], rate: [[], []] } as Record<string, [number[], number[]]>;
for (let round = 0; round < startRounds; round++)
  for (const [side, start] of [startOurs, startTheirs].entries()) {
    const started = await start();
    figures.start![side]!.push(started.firstAnswerMs);
    await started.stop();
  }
for (let round = 0; round < rounds; round++)
  for (const side of [0, 1]) {
    const started = await [startOurs, startTheirs][side]!();
    const { rate, mib } = await load(
      started,
      side === 0 ? guestAddress : '127.0.0.1',
      side === 0 ? guestPort : nodePort,
    );
    figures.rate![side]!.push(rate);
    figures.mib![side]!.push(mib);
    await started.stop();
  }

const peer = 'node server.mjs';
const compare = (figure: string, key: string, relation: '<=' | '>=', ratio: number): void =>
  report({ figure, ours: figures[key]![0], peer, theirs: figures[key]![1], target: { relation, ratio } });
compare('start to first HTTP 200 in ms', 'start', '<=', 0.15);
compare('resident memory under load in MiB', 'mib', '<=', 0.2);
compare('hello requests per second', 'rate', '>=', 1);
