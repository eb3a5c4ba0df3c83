/** 100 containers started in parallel until all answer; memory of daemon and monitors, idle and with them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { report } from '../report.js';
import { alternate, type Engine, image, startEngines } from './engines.js';

const crowd = 100;
const engines = await startEngines();
await alternate(engines, 3, (engine) => engine.timed('run', '--rm', image, 'true'));

const memory = (figure: string, ours: number, theirs: number) =>
  report({
    figure: `memory ${figure}, PSS in MiB`,
    ours: [ours / 2 ** 20],
    theirs: [theirs / 2 ** 20],
    peer: 'dockerd and containerd',
    target: { relation: '<=', ratio: 0.7 },
  });

await sleep(5000);
memory('idle', engines.noos.memoryBytes(), engines.dockerd.memoryBytes());

/** Milliseconds until the last of the containers has said its word in its log. */
async function start(engine: Engine): Promise<number> {
  const began = performance.now();
  await Promise.all(
    Array.from({ length: crowd }, (_, number) =>
      engine.start('run', '-d', '--name', `c${number}`, image, 'sh', '-c', 'echo here; exec sleep 3600'),
    ),
  );
  for (let number = 0; number < crowd; number++)
    while (!engine.docker('logs', `c${number}`).includes('here')) await sleep(10);
  return performance.now() - began;
}

const ours = await start(engines.noos);
await sleep(3000);
const ourMemory = engines.noos.memoryBytes();
engines.noos.docker('rm', '-f', ...engines.noos.docker('ps', '-aq').trim().split('\n'));
const theirs = await start(engines.dockerd);
await sleep(3000);
const theirMemory = engines.dockerd.memoryBytes();
report({
  figure: `${crowd} containers in parallel, all answering, ms`,
  ours: [ours],
  theirs: [theirs],
  peer: 'dockerd',
  target: { relation: '<=', ratio: 0.5 },
});
memory(`with ${crowd} containers`, ourMemory, theirMemory);
await engines.stop();
