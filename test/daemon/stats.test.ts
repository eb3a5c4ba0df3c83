import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, test } from 'node:test';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
await daemon.ok(
  'run',
  '-d',
  '--name',
  'busy',
  '-m',
  '64m',
  '--pids-limit',
  '50',
  'busybox',
  'sh',
  '-c',
  'while true; do :; done',
);
await daemon.ok('run', '-d', '--name', 'calm', '--network', 'none', 'busybox', 'sleep', '3600');

test('docker stats computes with what it gets', async () => {
  const line = await daemon.ok(
    ...[
      'stats',
      '--no-stream',
      '--format',
      '{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.PIDs}}|{{.NetIO}}',
      'busy',
    ],
  );
  const [name, cpu, memory, pids, net] = line.split('|');
  assert.equal(name, 'busy');
  const percent = Number(cpu!.replace('%', ''));
  assert.ok(percent > 1 && percent < 210, cpu);
  assert.match(memory!, /\/ 64MiB$/);
  assert.equal(pids, '1');
  assert.match(net!, /^\d/);
  const all = await daemon.ok('stats', '--no-stream', '--format', '{{.Name}}');
  assert.deepEqual(all.split('\n').sort(), ['busy', 'calm']);
});

const once = async (name: string, query: string) =>
  JSON.parse((await daemon.api('GET', `/v1.41/containers/${name}/stats?${query}`)).text);

test('one sample, two samples, a container that does not run', async () => {
  const single = await once('busy', 'stream=false&one-shot=true');
  assert.equal(single.name, '/busy');
  assert.equal(single.precpu_stats.cpu_usage.total_usage, 0);
  assert.ok(single.cpu_stats.system_cpu_usage > 0 && single.cpu_stats.online_cpus > 0);
  assert.equal(single.memory_stats.limit, 64 * 2 ** 20);
  assert.ok('eth0' in single.networks && !('lo' in single.networks));
  assert.ok(single.pids_stats.current >= 1);
  const double = await once('busy', 'stream=false');
  assert.ok(double.cpu_stats.cpu_usage.total_usage > double.precpu_stats.cpu_usage.total_usage);
  assert.ok(Date.parse(double.read) > Date.parse(double.preread));
  await daemon.ok('create', '--name', 'idle', 'busybox');
  const idle = await once('idle', 'stream=false');
  assert.deepEqual(
    [idle.name, idle.read, idle.cpu_stats.cpu_usage.total_usage],
    ['/idle', '0001-01-01T00:00:00Z', 0],
  );
  await daemon.ok('rm', 'idle');
  assert.equal((await daemon.api('GET', '/v1.41/containers/ghost/stats')).status, 404);
});

test('the stream brings a sample a second', { timeout: 20_000 }, async () => {
  const samples: {
    cpu_stats: { cpu_usage: { total_usage: number } };
    precpu_stats: { cpu_usage: { total_usage: number } };
  }[] = [];
  await new Promise<void>((resolve, reject) => {
    const call = request({ socketPath: daemon.socket, path: '/v1.41/containers/busy/stats' }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const lines = text.split('\n');
        text = lines.pop()!;
        samples.push(...lines.map((line) => JSON.parse(line)));
        if (samples.length >= 3) {
          call.destroy();
          resolve();
        }
      });
    });
    call.on('error', reject);
    call.end();
  });
  assert.equal(samples[0]!.precpu_stats.cpu_usage.total_usage, 0);
  assert.equal(samples[2]!.precpu_stats.cpu_usage.total_usage, samples[1]!.cpu_stats.cpu_usage.total_usage);
});

test('top: processes with arguments of ps', async () => {
  const [head, ...rows] = (await daemon.ok('top', 'busy')).split('\n');
  assert.match(head!, /^UID +PID +PPID +C +STIME +TTY +TIME +CMD$/);
  assert.equal(rows.length, 1);
  assert.match(rows[0]!, /sh -c while true; do :; done$/);
  assert.match(await daemon.ok('top', 'calm', '-o', 'pid,args'), /^PID +COMMAND\n\d+ +sleep 3600$/);
  assert.match(
    (await daemon.docker('top', 'calm', '-o', 'args')).stderr,
    /Couldn't find PID field in ps output/,
  );
  await daemon.ok('create', '--name', 'idle', 'busybox');
  assert.match((await daemon.docker('top', 'idle')).stderr, /container [0-9a-f]{64} is not running/);
});
