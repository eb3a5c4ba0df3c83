/** Look-up of another container's name on a user-defined network, as the container sees it, beside dockerd. */
import { execFileSync } from 'node:child_process';
import { report } from '../report.js';
import { alternate, type Engine, image, startEngines } from './engines.js';

/** Asks 127.0.0.11 for `target`, one question after the other; prints the median in microseconds. */
const client = `
const query = Buffer.from('\\0\\x07\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0\\x06target\\0\\0\\x01\\0\\x01', 'latin1');
const socket = require('dgram').createSocket('udp4');
const times = [];
let sent;
const ask = () => { sent = process.hrtime.bigint(); socket.send(query); };
socket.on('message', (reply) => {
  if (reply.readUInt16BE(6) !== 1) throw new Error('no answer');
  times.push(Number(process.hrtime.bigint() - sent) / 1000);
  if (times.length < 3000) return ask();
  console.log(times.slice(500).sort((a, b) => a - b)[1250]);
  socket.close();
});
socket.connect(53, '127.0.0.11', ask);
`;

const engines = await startEngines();
for (const engine of [engines.noos, engines.dockerd]) {
  engine.docker('network', 'create', 'names');
  for (const name of ['target', 'client'])
    engine.docker('run', '-d', '--network', 'names', '--name', name, image, 'sleep', '3600');
}

function lookUp(engine: Engine): number {
  const pid = engine.docker('inspect', '--format', '{{.State.Pid}}', 'client').trim();
  const words = ['--target', pid, '--net', process.execPath, '-e', client];
  return Number(execFileSync('nsenter', words, { encoding: 'utf8' }));
}

await alternate(engines, 1, lookUp);
report({
  figure: 'look-up of another container, us',
  ...(await alternate(engines, 7, lookUp)),
  peer: 'dockerd',
  target: { relation: '<=', ratio: 1 },
});
for (const engine of [engines.noos, engines.dockerd]) {
  engine.docker('rm', '-f', 'target', 'client');
  engine.docker('network', 'rm', 'names');
}
await engines.stop();
