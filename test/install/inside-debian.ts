/**
 * Runs in a machine of its own (test/daemon/machine) whose first process is systemd and which has no Noos: the Debian
 * package as an administrator uses it.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { runProgram } from '../daemon/daemon.js';
import { busyboxImage, dockerArchive } from '../daemon/images.js';

/** Unpacking 148 MB, emulated on a busy machine. */
const patienceMs = 10 * 60_000;
const deb = process.env.NOOS_DEB ?? '';
const env = { DOCKER_HOST: 'unix:///run/noos.sock', DOCKER_CONFIG: '/run/docker-config' };

async function ok(program: string, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, words, { env, timeoutMs: patienceMs });
  assert.equal(code, 0, `${program} ${words.join(' ')}: ${stderr}${stdout}`);
  return stdout.trim();
}
const unit = (name: string): Promise<string> => ok('systemctl', 'show', '--value', '-p', 'ActiveState', name);

test('apt installs the package, with nothing started', async () => {
  assert.ok(!existsSync('/usr/bin/noos'));
  // What is recommended would come over the network, which this machine has not.
  await ok('apt-get', 'install', '-y', '--no-install-recommends', deb);
  assert.match(await ok('dpkg-query', '--status', 'noos'), /^Status: install ok installed$/m);
  assert.equal(await unit('noos.service'), 'inactive');
  assert.match(await ok('noos', '--help'), /Usage: noos/);
  assert.match(readFileSync('/usr/share/doc/noos/copyright', 'utf8'), /QuickJS-ng/);
});

test('systemctl start noos, then docker run answers', async () => {
  mkdirSync('/etc/noos', { recursive: true });
  writeFileSync('/etc/noos/daemon.json', '{"live-restore": true}');
  await ok('systemctl', 'start', 'noos');
  assert.equal(await unit('noos.service'), 'active');
  assert.equal(
    await ok('readlink', `/proc/${await ok('systemctl', 'show', '--value', '-p', 'MainPID', 'noos')}/exe`),
    '/usr/lib/noos/bin/node',
  );
  writeFileSync('/run/images.tar', await dockerArchive(busyboxImage()));
  await ok('docker', 'load', '-i', '/run/images.tar');
  assert.equal(await ok('docker', 'run', '--rm', 'busybox', 'echo', 'hello'), 'hello');
  await ok(
    'docker',
    'run',
    '-d',
    '--name',
    'web',
    '-p',
    '8081:80',
    'busybox',
    'sh',
    '-c',
    'echo page > /index.html; exec httpd -f -p 80 -h /',
  );
  assert.equal(await ok('docker', 'exec', 'web', 'echo', 'inside'), 'inside');
  assert.equal(
    await ok(
      'curl',
      '-s',
      '--retry',
      '20',
      '--retry-all-errors',
      '--retry-delay',
      '1',
      'http://127.0.0.1:8081/',
    ),
    'page',
  );
});

test('an upgrade restarts the engine; with live-restore containers continue', async () => {
  const pid = await ok('docker', 'inspect', '-f', '{{.State.Pid}}', 'web');
  const engine = await ok('systemctl', 'show', '--value', '-p', 'MainPID', 'noos');
  // The step of an upgrade that touches the engine (Debian Policy 6.5), without unpacking 148 MB again.
  await ok('/var/lib/dpkg/info/noos.postinst', 'configure', '0.0.9');
  assert.equal(await unit('noos.service'), 'active');
  assert.notEqual(await ok('systemctl', 'show', '--value', '-p', 'MainPID', 'noos'), engine);
  assert.equal(await ok('docker', 'inspect', '-f', '{{.State.Pid}}', 'web'), pid);
});

test('removed, it leaves neither processes nor files of its own', async () => {
  await ok('docker', 'rm', '-f', 'web');
  await ok('apt-get', 'remove', '-y', 'noos');
  for (const path of ['/usr/bin/noos', '/usr/lib/noos', '/run/noos.sock', '/sys/class/net/noos0'])
    assert.ok(!existsSync(path), path);
  assert.equal(await unit('noos.service'), 'inactive');
});
