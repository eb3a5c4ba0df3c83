/**
 * hello with many connections in use at once: `process` over TAP against `node server.mjs` on loopback, requests a second
 * by number of connections (wrk -t1, each connection kept and used again at once). An error of wrk ends the run.
 */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { type Started, startServer } from './first-answer.js';
import { buildImage, guestPort, nodePort, nodeServer, runtimeProcess } from './hello.js';
import { report } from './report.js';
import { createTap, enterNamespace, guestAddress, tapArguments, tapName } from './tap-network.js';

const counts = [32, 1000, 1500, 5000, 10_000];
const rounds = Number(process.env.NOOS_BENCH_ROUNDS ?? 3);
const loadSeconds = 5;
/** For a connection's first answer: all of them are opened at once. */
const timeoutSeconds = 20;

async function load(count: number, address: string, port: number): Promise<number> {
  const { stdout } = await promisify(execFile)('wrk', [
    '-t1',
    `-c${count}`,
    `-d${loadSeconds}s`,
    '--timeout',
    `${timeoutSeconds}s`,
    `http://${address}:${port}/`,
  ]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${count} connections to ${address}:\n${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}

enterNamespace();
createTap();
execFileSync('ip', ['link', 'set', tapName, 'txqueuelen', '10000']);
execFileSync('sysctl', ['-qw', 'net.ipv4.ip_local_port_range=2000 65000']);
const image = buildImage('examples/hello');
const sides: [string, number, () => Promise<Started>][] = [
  [guestAddress, guestPort, () => startServer(runtimeProcess, tapArguments(image), guestAddress, guestPort)],
  [
    '127.0.0.1',
    nodePort,
    () => startServer(process.execPath, [nodeServer, String(nodePort)], '127.0.0.1', nodePort),
  ],
];
for (const count of counts) {
  const rates: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++)
    for (const [side, [address, port, start]] of sides.entries()) {
      const started = await start();
      try {
        rates[side]!.push(await load(count, address, port));
      } finally {
        await started.stop();
      }
    }
  report({
    figure: `requests per second over ${count} connections`,
    ours: rates[0],
    peer: 'node server.mjs',
    theirs: rates[1],
    target: { relation: '>=', ratio: 1 },
  });
}
