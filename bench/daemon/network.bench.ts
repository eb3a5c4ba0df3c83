/**
 * TCP between containers over a user-defined bridge, and from another machine through a published port.
 *
 * iperf3 at both ends, in the engines' containers and in a network namespace that stands for the other machine.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { report } from '../report.js';
import { alternate, type Engine, startEngines } from './engines.js';

const image = 'bench/iperf3:latest';
const port = { noos: '15201', dockerd: '15202' } as const;
const seconds = '2';
const rounds = 7;
const machine = {
  namespace: 'noos-bench',
  outside: 'noosbenchx',
  address: '198.18.77.2',
  host: '198.18.77.1',
};

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
  engine.docker('run', '-d', '--name', 'server', '-p', `${port[engine.name]}:5201`, ...server);
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

const engines = await startEngines();
const tar = iperfTar();
try {
  run('ip', 'netns', 'add', machine.namespace);
  run(
    'ip',
    ...['link', 'add', machine.outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', machine.namespace],
  );
  run('ip', 'addr', 'add', `${machine.host}/24`, 'dev', machine.outside);
  run('ip', 'link', 'set', machine.outside, 'up');
  run('ip', '-n', machine.namespace, 'addr', 'add', `${machine.address}/24`, 'dev', 'eth0');
  run('ip', '-n', machine.namespace, 'link', 'set', 'eth0', 'up');
  for (const engine of [engines.noos, engines.dockerd]) prepare(engine, tar);

  const bridge = await alternate(engines, rounds, (engine) =>
    gigabits(engine.docker('exec', 'client', ...client('server', '5201'))),
  );
  const published = await alternate(engines, rounds, (engine) =>
    gigabits(run('ip', 'netns', 'exec', machine.namespace, ...client(machine.host, port[engine.name]))),
  );
  const local = await alternate(engines, rounds, (engine) =>
    gigabits(run('/usr/bin/iperf3', ...client('127.0.0.1', port[engine.name]).slice(1))),
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
  run('ip', 'netns', 'del', machine.namespace);
  for (const engine of [engines.noos, engines.dockerd]) {
    engine.docker('rm', '-f', 'server', 'client');
    engine.docker('network', 'rm', 'bench');
  }
  await engines.stop();
}
