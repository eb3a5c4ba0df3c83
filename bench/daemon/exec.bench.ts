/** `docker exec … true`, and how fast much output reaches an attached client, beside dockerd. */
import { spawn } from 'node:child_process';
import { report } from '../report.js';
import { alternate, type Engine, image, startEngines } from './engines.js';

const outputBytes = 100_000_000;
const lines = `yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c ${outputBytes}`;

const engines = await startEngines();
for (const engine of [engines.noos, engines.dockerd])
  engine.docker('run', '-d', '--name', 'target', image, 'sleep', '3600');

const exec = ['exec', 'target', 'true'];
await alternate(engines, 3, (engine) => engine.timed(...exec));
report({
  figure: 'docker exec true, ms',
  ...(await alternate(engines, 25, (engine) => engine.timed(...exec))),
  peer: 'dockerd',
  target: { relation: '<=', ratio: 0.8 },
});

/** MB/s of output that the CLI takes and throws away. */
function throughput(engine: Engine, ...words: string[]): Promise<number> {
  const began = performance.now();
  const child = spawn('docker', words, {
    stdio: 'ignore',
    env: { ...process.env, DOCKER_HOST: `unix://${engine.socket}` },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve(outputBytes / 1000 / (performance.now() - began))
        : reject(new Error(`docker ${words.join(' ')} on ${engine.name} ended with ${code}`)),
    );
  });
}

for (const [figure, words] of [
  ['output of an exec, MB/s', ['exec', 'target', 'sh', '-c', lines]],
  [
    'output of an attached run without log, MB/s',
    ['run', '--rm', '--log-driver', 'none', image, 'sh', '-c', lines],
  ],
  ['output of an attached run with log, MB/s', ['run', '--rm', image, 'sh', '-c', lines]],
] as const)
  report({
    figure,
    ...(await alternate(engines, 5, (engine) => throughput(engine, ...words))),
    peer: 'dockerd',
    target: { relation: '>=', ratio: 1 },
  });

for (const engine of [engines.noos, engines.dockerd]) {
  engine.docker('run', '-d', '--name', 'talker', image, 'sh', '-c', `${lines} >&2`);
  engine.docker('wait', 'talker');
}
report({
  figure: 'docker logs, MB/s',
  ...(await alternate(engines, 5, (engine) => throughput(engine, 'logs', 'talker'))),
  peer: 'dockerd',
  target: { relation: '>=', ratio: 1 },
});
await engines.stop();
