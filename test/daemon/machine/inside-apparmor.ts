/**
 * Runs in a machine of its own (machine.ts): a kernel with AppArmor, which confines containers of both runtimes.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync } from 'node:fs';
import { after, test } from 'node:test';
import { startDaemon } from '../daemon.js';
import { eventually } from '../eventually.js';
import { busyboxImage, loadImages } from '../images.js';
import { heldByContainers } from '../leftovers.js';

const parser = '/usr/sbin/apparmor_parser';
const feed = (option: string, profile: string): string =>
  execFileSync(parser, [option], { input: profile, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
const loaded = (): string => readFileSync('/sys/kernel/security/apparmor/profiles', 'utf8');

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());

const inspect = (name: string, format: string): Promise<string> => daemon.ok('inspect', '-f', format, name);
const label = ['cat', '/proc/self/attr/current'];
const confined = 'docker-default (enforce)';

test('the profile is loaded when the daemon starts, and info names it', async () => {
  assert.match(loaded(), /^docker-default \(enforce\)$/m);
  const options = JSON.parse(await daemon.ok('info', '-f', '{{json .SecurityOptions}}')) as string[];
  assert.equal(options[0], 'name=apparmor');
});

for (const runtime of ['runc', 'crun']) {
  const run = (...words: string[]) => daemon.docker('run', '--rm', '--runtime', runtime, ...words);
  const start = (name: string, ...words: string[]) =>
    daemon.ok('run', '-d', '--runtime', runtime, '--name', name, ...words);
  const sh = (script: string, ...words: string[]) => run(...words, 'busybox', 'sh', '-c', script);
  const of = async (...words: string[]) => (await run(...words, 'busybox', ...label)).stdout.trim();

  test(`${runtime}: a container and what is executed in it are confined`, async () => {
    const name = `confined-${runtime}`;
    await daemon.ok('create', '--runtime', runtime, '--name', name, '--init', 'busybox', 'sleep', '3600');
    assert.equal(await inspect(name, '{{.AppArmorProfile}}'), '', 'not yet decided');
    await daemon.ok('start', name);
    assert.equal(await inspect(name, '{{.AppArmorProfile}}'), 'docker-default');
    assert.equal(await daemon.ok('exec', name, 'cat', '/proc/1/attr/current'), confined);
    assert.equal(await daemon.ok('exec', name, ...label), confined);
    assert.equal(await daemon.ok('exec', '--privileged', name, ...label), confined, 'as dockerd has it');
    await daemon.ok('rm', '-f', name);
  });

  test(`${runtime}: what reaches the host is refused, and only by AppArmor`, async () => {
    const attempts = [
      'mount -t tmpfs tmpfs /m',
      'mount --bind /etc /m',
      'echo other > /proc/sys/kernel/hostname',
      'cat /proc/sys/vm/swappiness > /proc/sys/vm/swappiness',
      'echo h > /proc/sysrq-trigger',
      'true < /proc/kcore',
      'echo 4000 > /proc/sys/kernel/shmmni',
    ];
    const script = `mkdir /m; ${attempts.map((attempt) => `(${attempt}) && echo yes || echo no`).join('; ')}`;
    const rights = [
      '--cap-add',
      'SYS_ADMIN',
      '--cap-add',
      'SYS_RAWIO',
      '--security-opt',
      'systempaths=unconfined',
    ];
    const refused = await sh(script, ...rights);
    assert.equal(refused.stdout, 'no\nno\nno\nno\nno\nno\nyes\n', 'shared memory is its own');
    assert.equal(refused.stderr.match(/permission denied/gi)?.length, 6, refused.stderr);
    const open = await sh(script, ...rights, '--security-opt', 'apparmor=unconfined');
    assert.equal(open.stdout, 'yes\n'.repeat(attempts.length), open.stderr);
  });

  test(`${runtime}: network, files, signals, ptrace and health checks work`, async () => {
    const server = `server-${runtime}`;
    const program = 'trap "exit 7" TERM; echo hello > /srv/page; httpd -h /srv; while :; do sleep 1; done';
    await start(
      server,
      ...[
        '-v',
        '/srv',
        '--tmpfs',
        '/x',
        '--health-cmd',
        'wget -qO- localhost/page',
        '--health-interval',
        '1s',
      ],
      ...['busybox', 'sh', '-c', program],
    );
    const address = await inspect(server, '{{.NetworkSettings.IPAddress}}');
    await eventually('healthy', () => inspect(server, '{{.State.Health.Status}}'));
    assert.equal(
      (await sh(`wget -qO- ${address}/page && ping -c 1 ${address} > /dev/null`)).stdout,
      'hello\n',
    );
    assert.match(await daemon.ok('exec', server, 'cat', '/proc/1/environ'), /PATH=/);
    await daemon.ok('stop', '-t', '30', server);
    assert.equal(await inspect(server, '{{.State.ExitCode}}'), '7');
    await daemon.ok('start', server);
    await daemon.ok('kill', server);
    assert.equal(await daemon.ok('wait', server), '137');
    await daemon.ok('rm', '-v', server);
    assert.equal((await sh('sleep 1000 & kill $!; wait $!; echo $?')).stdout, '143\n');
    const programs = ['/usr', '/lib', '/lib64'].flatMap((path) => ['-v', `${path}:${path}:ro`]);
    const traced = await sh(
      '/usr/bin/strace -qq -e trace=none true && cat /proc/self/attr/current',
      ...programs,
    );
    assert.equal(traced.stdout.trim(), confined, traced.stderr);
  });

  test(`${runtime}: other profiles, none, and one that does not exist`, async () => {
    assert.equal(await of('--security-opt', 'apparmor=unconfined'), 'unconfined');
    assert.equal(await of('--privileged'), 'unconfined');
    feed('-Kr', 'profile own-rules { file, deny /secret r, }');
    assert.equal(await of('--security-opt', 'apparmor:own-rules'), 'own-rules (enforce)');
    assert.match(
      (await sh('echo > /secret; cat /secret', '--security-opt', 'apparmor=own-rules')).stderr,
      /denied/,
    );
    const unknown = await run('--security-opt', 'apparmor=nowhere', 'busybox', 'true');
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /The AppArmor profile is not loaded/);
    assert.equal(await daemon.ok('ps', '-aq'), '');
    assert.deepEqual(heldByContainers(daemon), []);
  });
}

test('a profile that was unloaded is loaded again by the next start', async () => {
  feed('-R', 'profile docker-default { }');
  assert.doesNotMatch(loaded(), /docker-default/);
  assert.equal(await daemon.ok('run', '--rm', 'busybox', ...label), confined);
});

test('without the parser nothing is confined, which is said', async () => {
  renameSync(parser, `${parser}.away`);
  try {
    await daemon.restart();
    assert.match(daemon.log(), /AppArmor is enabled but apparmor_parser is missing/);
    assert.equal(await daemon.ok('run', '--rm', 'busybox', ...label), 'unconfined');
    assert.doesNotMatch(await daemon.ok('info'), /apparmor/);
    const asked = await daemon.docker('run', '--rm', '--security-opt', 'apparmor=own-rules', 'busybox');
    assert.match(asked.stderr, /AppArmor is not supported on this host, but the profile 'own-rules'/);
  } finally {
    renameSync(`${parser}.away`, parser);
  }
});
