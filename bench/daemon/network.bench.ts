/**
 * TCP between containers over a user-defined bridge, and from another machine through a published port.
 *
 * iperf3 at both ends, in the engines' containers and in a network namespace that stands for the other machine. Each
 * engine has a namespace too: on one host together, packets of one would pass the rules of the other as well.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { report } from '../report.js';
import { alternate, type Engine, namespaceOf, startEngines } from './engines.js';

const image = 'bench/iperf3:latest';
const port = '15201';
const seconds = '2';
const rounds = 7;
const machine = 'noos-bench';
/** Address of the engine's host and of the machine on the cable between them. */
const cables = {
  noos: { host: '198.18.77.1', machine: '198.18.77.2' },
  dockerd: { host: '198.18.78.1', machine: '198.18.78.2' },
} as const;

const run = (program: string, ...words: string[]): string =>
  execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** iperf3 with the libraries it is linked to, as a tar. */
function iperfTar(): string {
  const tree = fs.mkdtempSync(join(tmpdir(), 'noos-iperf-'));
  const program = '/usr/bin/iperf3';
  const libraries = [...run('ldd', program).matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map((match) => match[1]!);
  for (const path of [program, '/bin/busybox', ...libraries]) {
    fs.mkdirSync(dirname(join(tree, path)), { recursive: true });
    fs.copyFileSync(fs.realpathSync(path), join(tree, path));
  }
  fs.mkdirSync(join(tree, 'tmp'));
  run('tar', '-C', tree, '-cf', `${tree}.tar`, '.');
  fs.rmSync(tree, { recursive: true });
  return `${tree}.tar`;
}

const gigabits = (output: string): number => {
  const { end } = JSON.parse(output) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e9;
};

const client = (address: string, at: string): string[] => [
  '/usr/bin/iperf3',
  '-c',
  address,
  '-p',
  at,
  '-t',
  seconds,
  '-J',
];

function prepare(engine: Engine, tar: string): void {
  engine.docker('import', tar, image);
  engine.docker('network', 'create', 'bench');
  const server = ['--network', 'bench', image, '/usr/bin/iperf3', '-s', '-p', '5201'];
  engine.docker('run', '-d', '--name', 'server', '-p', `${port}:5201`, ...server);
  engine.docker(
    'run',
    '-d',
    '--name',
    'client',
    '--network',
    'bench',
    image,
    '/bin/busybox',
    'sleep',
    '3600',
  );
}

/** A cable between the engine's host and the machine. */
function connect({ name }: Engine): void {
  const namespace = namespaceOf(name);
  const link = `to-${name}`;
  run(
    ...(['ip', '-n', namespace, 'link', 'add', 'eth0', 'type', 'veth'] as const),
    ...['peer', 'name', link, 'netns', machine],
  );
  for (const [where, device, address] of [
    [namespace, 'eth0', cables[name].host],
    [machine, link, cables[name].machine],
  ] as const) {
    run('ip', '-n', where, 'addr', 'add', `${address}/24`, 'dev', device);
    run('ip', '-n', where, 'link', 'set', device, 'up');
  }
}

const inside = (namespace: string, ...words: string[]): string =>
  run('ip', 'netns', 'exec', namespace, ...words);

const engines = await startEngines({ apart: true });
const tar = iperfTar();
try {
  run('ip', 'netns', 'add', machine);
  for (const engine of [engines.noos, engines.dockerd]) {
    connect(engine);
    prepare(engine, tar);
  }

  const bridge = await alternate(engines, rounds, (engine) =>
    gigabits(engine.docker('exec', 'client', ...client('server', '5201'))),
  );
  const published = await alternate(engines, rounds, (engine) =>
    gigabits(inside(machine, ...client(cables[engine.name].host, port))),
  );
  const local = await alternate(engines, rounds, (engine) =>
    gigabits(inside(namespaceOf(engine.name), ...client('127.0.0.1', port))),
  );
  const target = { relation: '>=', ratio: 1 } as const;
  const lines = [
    ['TCP between containers over a user-defined bridge, Gbit/s', bridge],
    ['TCP from another machine through a published port, Gbit/s', published],
    ['TCP from localhost through a published port, Gbit/s', local],
  ] as const;
  for (const [figure, figures] of lines) report({ figure, ...figures, peer: 'dockerd', target });
} finally {
  fs.rmSync(tar, { force: true });
  spawnSync('ip', ['netns', 'del', machine]);
  await engines.stop();
}
