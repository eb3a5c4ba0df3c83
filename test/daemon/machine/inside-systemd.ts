/**
 * Runs in a machine of its own (machine.ts) whose first process is systemd: the daemon's units, as an administrator uses
 * them.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Outcome, runProgram } from '../daemon.js';
import { eventually } from '../eventually.js';
import { busyboxImage, dockerArchive } from '../images.js';

const socket = '/run/noos.sock';
const archive = '/run/images.tar';
const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: '/run/docker-config' };

async function ok(program: string, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, words, { env });
  assert.equal(code, 0, `${program} ${words.join(' ')}: ${stderr}${stdout}`);
  return stdout.trim();
}
const docker = (...words: string[]): Promise<string> => ok('docker', ...words);
const systemctl = (...words: string[]): Promise<Outcome> => runProgram('systemctl', words);
const property = (name: string): Promise<string> =>
  ok('systemctl', 'show', '--value', '-p', name, 'noos.service');
const pidOf = (name: string): Promise<string> => docker('inspect', '-f', '{{.State.Pid}}', name);

const monitors = (): string[] =>
  readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/comm`, 'utf8').trim() === 'conmon';
    } catch {
      return false;
    }
  });

test('the socket is there first, and the first request starts the service', async () => {
  await ok('systemctl', 'enable', '--now', 'noos.socket');
  assert.equal((await systemctl('is-active', 'noos.service')).stdout.trim(), 'inactive');
  assert.match(await docker('version', '--format', '{{.Server.Os}}'), /^linux$/);
  assert.equal(await property('ActiveState'), 'active');
  assert.equal(await ok('stat', '-c', '%a %U %G', socket), '660 root docker');
});

test('containers outlive a daemon that is killed; systemd starts the next', async () => {
  writeFileSync(archive, await dockerArchive(busyboxImage()));
  await docker('load', '-i', archive);
  await docker('run', '-d', '--name', 'always', '--restart', 'always', 'busybox', 'sleep', '3600');
  await docker('run', '-d', '--name', 'once', 'busybox', 'sleep', '3600');
  const before = await Promise.all(['always', 'once'].map(pidOf));
  const first = await property('MainPID');
  await ok('systemctl', 'kill', '--kill-whom=main', '-s', 'KILL', 'noos.service');
  await eventually('active', () => property('ActiveState'));
  assert.notEqual(await property('MainPID'), first);
  assert.deepEqual(await Promise.all(['always', 'once'].map(pidOf)), before);
  assert.equal(await docker('exec', 'once', 'echo', 'still'), 'still');
});

test('reload reads the configuration again', async () => {
  const pid = await property('MainPID');
  mkdirSync('/etc/noos', { recursive: true });
  writeFileSync('/etc/noos/daemon.json', '{"debug": true, "labels": ["place=test"]}');
  await ok('systemctl', 'reload', 'noos.service');
  await eventually('[place=test] true', () => docker('info', '-f', '{{.Labels}} {{.Debug}}'));
  assert.equal(await property('MainPID'), pid);
});

test('restart ends containers in order and starts those that are always to run', async () => {
  const before = await pidOf('always');
  await ok('systemctl', 'restart', 'noos.service');
  await eventually('running', () => docker('inspect', '-f', '{{.State.Status}}', 'always'));
  assert.notEqual(await pidOf('always'), before);
  assert.equal(await docker('inspect', '-f', '{{.State.Status}}', 'once'), 'exited');
});

test('stop leaves nothing', async () => {
  assert.ok(existsSync('/sys/class/net/noos0'));
  await ok('systemctl', 'stop', 'noos.socket', 'noos.service');
  assert.equal(await property('Result'), 'success');
  assert.deepEqual(monitors(), []);
  const left = [socket, '/run/noos.pid', '/sys/class/net/noos0'].filter((path) => existsSync(path));
  assert.deepEqual(left, []);
  assert.equal(await ok('nft', 'list', 'ruleset'), '');
});
