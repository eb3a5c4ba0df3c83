/** Under systemd: the units, sockets that are handed over, and what the manager is told. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram, startDaemon } from './daemon.js';
import { eventually } from './eventually.js';
import { importProgramImage } from './program-image.js';

const packages = join(import.meta.dirname, '../../../packages');
const bin = join(packages, 'cli/bin/noos.mjs');
const directory = mkdtempSync(join(tmpdir(), 'noos-systemd-'));
const file = (name: string): string => join(directory, name);
after(() => rmSync(directory, { recursive: true }));

async function appears(path: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!existsSync(path)) {
    assert.ok(Date.now() < deadline, `${path} does not appear`);
    await sleep(20);
  }
}

test('the units are ones that systemd takes', async () => {
  const units = ['noos.service', 'noos.socket'].map((name) => join(packages, 'daemon/systemd', name));
  const { code, stdout, stderr } = await runProgram('systemd-analyze', ['verify', ...units]);
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
});

test('sockets handed over by systemd', async (t) => {
  const socket = file('activated.sock');
  const roots = ['--data-root', file('data'), '--exec-root', file('run'), '--pidfile', file('pid')];
  const child = spawn(
    'systemd-socket-activate',
    ['-l', socket, process.execPath, bin, 'daemon', '--host', 'fd://', '--bridge', 'none', ...roots],
    { stdio: 'ignore' },
  );
  t.after(() => child.kill('SIGKILL'));
  await appears(socket);
  const { code, stdout, stderr } = await runProgram('docker', ['version', '--format', '{{.Server.Os}}'], {
    env: { DOCKER_HOST: `unix://${socket}` },
  });
  assert.deepEqual([code, stdout.trim()], [0, 'linux'], stderr);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  assert.ok(existsSync(socket), 'the socket is systemd’s to remove');
});

test('no socket handed over: a clear end', async () => {
  const roots = ['--data-root', file('data'), '--exec-root', file('run'), '--pidfile', file('pid')];
  const { code, stderr } = await runProgram(process.execPath, [
    ...[bin, 'daemon', '--host', 'fd://', '--bridge', 'none', ...roots],
  ]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /no sockets found via socket activation: make sure the service was started by systemd/,
  );
});

test('the manager hears READY and STOPPING; containers do not inherit its socket', async (t) => {
  const [socket, heard] = [file('notify'), file('heard')];
  const manager = spawn('socat', ['-u', `UNIX-RECV:${socket}`, `CREATE:${heard}`], { stdio: 'ignore' });
  t.after(() => manager.kill('SIGKILL'));
  await appears(socket);
  const messages = async () => (existsSync(heard) ? readFileSync(heard, 'utf8').trim() : '');
  const daemon = await startDaemon(t, { env: { NOTIFY_SOCKET: socket } });
  await eventually('READY=1', messages);
  await importProgramImage(daemon, { name: 'plain' });
  const { code, stdout, stderr } = await daemon.docker('run', '--rm', '--network', 'none', 'plain', 'env');
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /NOTIFY_SOCKET/);
  process.kill(daemon.pid, 'SIGTERM');
  await daemon.ended();
  await eventually('READY=1STOPPING=1', messages);
});
