/** `noos daemon`: flags, file, reload, signals, metrics. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { runProgram, startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const bin = join(import.meta.dirname, '../../../packages/cli/bin/noos.mjs');
const directory = mkdtempSync(join(tmpdir(), 'noos-config-'));
after(() => rmSync(directory, { recursive: true }));

const noosDaemon = (...words: string[]) => runProgram(process.execPath, [bin, 'daemon', ...words]);
const configFile = (document: unknown): string => {
  const path = join(directory, 'daemon.json');
  writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
};

interface Info {
  Labels: string[];
  LiveRestoreEnabled: boolean;
  ExperimentalBuild: boolean;
  RegistryConfig: {
    InsecureRegistryCIDRs: string[];
    IndexConfigs: Record<string, { Secure: boolean }>;
    Mirrors: string[];
  };
}

test('help lists the flags; the whole program starts without loading the engine', async () => {
  const help = await noosDaemon('--help');
  assert.equal(help.code, 0);
  for (const flag of [
    '-H, --host',
    '--data-root',
    '--tlsverify',
    '--default-ulimit',
    '--add-runtime',
    '--metrics-addr',
  ])
    assert.ok(help.stdout.includes(flag), flag);
  assert.doesNotMatch(help.stdout, /preset/);
  const short = await runProgram('sh', ['-c', `"$0" "$1" daemon --help | true`, process.execPath, bin]);
  assert.deepEqual([short.code, short.stderr], [0, ''], 'a reader that ends is no error');
});

test('a good file is valid, a bad one is named', async () => {
  const validate = (document: unknown, ...flags: string[]) =>
    noosDaemon('--validate', '--config-file', configFile(document), ...flags);
  const good = await validate({
    'log-driver': 'local',
    debug: true,
    'insecure-registries': ['localhost:5000'],
  });
  assert.deepEqual([good.code, good.stdout], [0, 'configuration OK\n']);

  const unknown = await validate({ nonsense: true });
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /the following directives don't match any configuration option: nonsense/);

  const both = await validate({ debug: true }, '--debug=false');
  assert.equal(both.code, 1);
  assert.match(
    both.stderr,
    /the following directives are specified both as a flag and in the configuration file: debug: \(from flag: false, from file: true\)/,
  );

  const syntax = await validate('{"debug": tru');
  assert.equal(syntax.code, 1);
  assert.match(syntax.stderr, /unable to configure the Docker daemon with file/);

  const missing = await noosDaemon('--validate', '--config-file', join(directory, 'absent.json'));
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /no such file or directory/);
});

test('wrong flags are one line and exit code 2 or 1', async () => {
  const unknown = await noosDaemon('--nonsense');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /unknown option '--nonsense'/);
  const start = (...words: string[]) =>
    noosDaemon(
      ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'run')],
      ...['--pidfile', join(directory, 'pid'), '--bridge', 'none', ...words],
    );
  const host = await start('--host', 'nonsense');
  assert.equal(host.code, 1);
  assert.match(host.stderr, /Invalid bind address format: nonsense/);
  assert.ok(!existsSync(join(directory, 'pid')), 'the pid file of a failed start is gone');
  for (const [words, message] of [
    [['--host', 'tcp://127.0.0.1:99999'], 'Invalid bind address format: tcp://127.0.0.1:99999: invalid port'],
    [['--host', `unix://${join(directory, 's')}`, '--group', 'nosuch'], 'group nosuch not found'],
    [
      ['--seccomp-profile', join(directory, 'absent')],
      `opening seccomp profile (${directory}/absent) failed: open ${directory}/absent: no such file or directory`,
    ],
  ] as const) {
    const { code, stderr } = await start(...words);
    assert.deepEqual([code, stderr.split('\n').at(-2)], [1, `noos: ${message}`]);
  }
  const user = ['--reuid', '65534', '--clear-groups', process.execPath, bin, 'daemon'];
  const unprivileged = await runProgram('setpriv', user);
  assert.deepEqual(
    [unprivileged.code, unprivileged.stderr],
    [1, 'noos: noos daemon needs to be started with root privileges\n'],
  );
  const log = await start('--log-opt', 'max-size=x');
  assert.equal(log.code, 1);
  assert.match(log.stderr, /^[^\n]*invalid size: 'x'\n$/);
});

test('a seccomp profile and no new privileges for all containers, unless one asks for otherwise', async (t) => {
  const path = join(directory, 'profile.json');
  const mkdirRefused = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 };
  writeFileSync(path, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [mkdirRefused] }));
  const daemon = await startDaemon(t, { flags: ['--seccomp-profile', path, '--no-new-privileges'] });
  await loadImages(daemon, busyboxImage());
  assert.ok((await daemon.ok('info', '-f', '{{json .SecurityOptions}}')).includes(`profile=${path}`));
  const run = (option: string, ...words: string[]) =>
    daemon.docker('run', '--rm', '--network', 'none', '--security-opt', option, 'busybox', ...words);
  const other = 'label=disable';
  assert.match((await run(other, 'mkdir', '/x')).stderr, /Operation not permitted/);
  assert.equal((await run('seccomp=builtin', 'mkdir', '/x')).code, 0);
  const privileges = async (option: string) =>
    (await run(option, 'grep', 'NoNewPrivs', '/proc/self/status')).stdout;
  assert.equal(await privileges(other), 'NoNewPrivs:\t1\n');
  assert.equal(await privileges('no-new-privileges=false'), 'NoNewPrivs:\t0\n');
});

test('the configuration shows in info, and SIGHUP reads the file again', async (t) => {
  const file = configFile({
    labels: ['rack=3'],
    'insecure-registries': ['registry.test:5000', '10.9.0.0/16'],
    'registry-mirrors': ['http://127.0.0.1:9'],
    'live-restore': true,
  });
  const daemon = await startDaemon(t, { flags: ['--config-file', file, '--experimental'] });
  const info = async (): Promise<Info> => JSON.parse(await daemon.ok('info', '--format', '{{json .}}'));
  const before = await info();
  assert.deepEqual(before.Labels, ['rack=3']);
  assert.equal(before.LiveRestoreEnabled, true);
  assert.equal(before.ExperimentalBuild, true);
  const registries = before.RegistryConfig;
  assert.ok(registries.InsecureRegistryCIDRs.includes('10.9.0.0/16'));
  assert.equal(registries.IndexConfigs['registry.test:5000']?.Secure, false);
  assert.deepEqual(registries.Mirrors, ['http://127.0.0.1:9/']);

  configFile({ labels: ['rack=4'] });
  process.kill(daemon.pid, 'SIGHUP');
  const deadline = Date.now() + 10_000;
  while ((await info()).Labels[0] !== 'rack=4') {
    assert.ok(Date.now() < deadline, 'not reloaded');
    await sleep(50);
  }
  const soon = String(Math.floor(Date.now() / 1000) + 1);
  const events = await daemon.ok('events', '--since', '1m', '--until', soon, '--filter', 'type=daemon');
  assert.match(events, /daemon reload/);

  configFile({ nonsense: 1 });
  process.kill(daemon.pid, 'SIGHUP');
  while (!daemon.log().includes('configuration not reloaded')) {
    assert.ok(Date.now() < deadline, 'the refusal is not in the log');
    await sleep(50);
  }
  assert.deepEqual((await info()).Labels, ['rack=4']);
});

test('/metrics in Prometheus’ format', async (t) => {
  const port = await freePort();
  const daemon = await startDaemon(t, { flags: ['--metrics-addr', `127.0.0.1:${port}`] });
  await daemon.ok('version');
  const text = await new Promise<string>((resolve, reject) => {
    get({ port, path: '/metrics', agent: false }, (reply) => {
      let body = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      reply.on('end', () => resolve(body));
    }).on('error', reject);
  });
  assert.match(text, /^engine_daemon_engine_info\{.*graphdriver="overlay2".*\} 1$/m);
  assert.match(text, /^engine_daemon_container_states_containers\{state="running"\} 0$/m);
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
});

test('a signal during the start ends in order, too', async () => {
  const own = mkdtempSync(join(directory, 'early-'));
  const [pidFile, socket] = [join(own, 'pid'), join(own, 'noos.sock')];
  const bridge = `nt${own.slice(-6).toLowerCase()}`;
  const child = spawn(
    process.execPath,
    [
      ...[bin, 'daemon', '--data-root', join(own, 'data'), '--exec-root', join(own, 'run')],
      ...['--bridge', bridge, '--pidfile', pidFile, '--host', `unix://${socket}`],
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  while (!existsSync(pidFile)) await sleep(1);
  child.kill('SIGHUP');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  assert.deepEqual(
    [pidFile, socket, `/sys/class/net/${bridge}`].filter((path) => existsSync(path)),
    [],
  );
});

test('roots belong to one daemon', async (t) => {
  const daemon = await startDaemon(t);
  const other = mkdtempSync(join(directory, 'other-'));
  const start = (dataRoot: string, execRoot: string) =>
    noosDaemon(
      ...['--data-root', dataRoot, '--exec-root', execRoot, '--bridge', 'none'],
      ...['--pidfile', join(other, 'pid'), '--host', `unix://${join(other, 'noos.sock')}`],
    );
  for (const [data, run, used] of [
    [daemon.dataRoot, join(other, 'run'), daemon.dataRoot],
    [join(other, 'data'), daemon.execRoot, daemon.execRoot],
  ] as const) {
    const { code, stderr } = await start(data, run);
    assert.deepEqual([code, stderr], [1, `noos: another daemon uses ${used}\n`]);
  }
});

test('a graceful end leaves no socket and no pid file', async (t) => {
  const daemon = await startDaemon(t);
  const pidFile = join(daemon.dataRoot, '../noos.pid');
  assert.equal(Number(readFileSync(pidFile, 'utf8')), daemon.pid);
  process.kill(daemon.pid, 'SIGTERM');
  await daemon.ended();
  assert.ok(!existsSync(pidFile));
  assert.ok(!existsSync(daemon.socket));
});
