/** create, run, ps, inspect, rename, update, prune: what the command line shows of containers. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage('busybox:latest', 'busybox:other'));
const { docker, ok } = daemon;
const inspect = async (name: string) => JSON.parse(await ok('inspect', name))[0];
const fails = async (code: number, message: RegExp, ...words: string[]) => {
  const outcome = await docker(...words);
  assert.equal(outcome.code, code, outcome.stderr);
  assert.match(outcome.stderr, message);
};

test('run: output, exit codes, and nothing left after --rm', async () => {
  assert.deepEqual(await docker('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7'), {
    code: 7,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  const piped = await daemon.run('docker', ['run', '--rm', '-i', '--network', 'none', 'busybox', 'cat'], {
    input: 'through\n',
  });
  assert.equal(piped.stdout, 'through\n');
  assert.equal(await ok('ps', '-aq'), '');
});

test('run: what cannot be run has 125, 126, 127', async () => {
  await fails(
    127,
    /exec: "nope": executable file not found in \$PATH: unknown/,
    'run',
    '--rm',
    'busybox',
    'nope',
  );
  await fails(127, /stat \/nowhere\/x: no such file or directory/, 'run', '--rm', 'busybox', '/nowhere/x');
  await fails(126, /permission denied/, 'run', '--rm', 'busybox', '/etc/passwd');
  await fails(125, /invalid restart policy/, 'run', '--restart', 'sometimes', 'busybox');
  await fails(125, /Minimum memory limit allowed is 6MB/, 'run', '-m', '4m', 'busybox');
  await fails(125, /unknown capability: "CAP_NONSENSE"/, 'run', '--cap-add', 'nonsense', 'busybox');
  await fails(125, /Unable to find image|no such host|repository/, 'run', 'localhost:1/missing');
  assert.equal(await ok('ps', '-aq'), '');
});

test('names: rules, conflicts, rename', async () => {
  const id = await ok('create', '--name', 'first', 'busybox');
  await fails(
    1,
    new RegExp(
      `Conflict\\. The container name "/first" is already in use by container "${id}"\\. You have to remove \\(or rename\\) that container to be able to reuse that name\\.`,
    ),
    ...['create', '--name', 'first', 'busybox'],
  );
  await fails(
    1,
    /Invalid container name \(x\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed/,
    ...['create', '--name', 'x', 'busybox'],
  );
  await ok('rename', 'first', 'second');
  await fails(1, /No such container: first/, 'rename', 'first', 'third');
  await fails(1, /same name as its current name/, 'rename', 'second', 'second');
  assert.equal((await inspect(id.slice(0, 12))).Name, '/second');
  await ok('create', '--name', 'first', 'busybox');
  await ok('rm', 'first', 'second');
  assert.match((await inspect(await ok('create', 'busybox'))).Name, /^\/[a-z]+_[a-z]+\d?$/);
  await ok('container', 'prune', '-f');
});

test('create merges the image: command, entrypoint, environment, labels', async () => {
  const merged = await inspect(
    await ok(...['create', '-e', 'A=1', '-e', 'PATH=/bin', '-l', 'a=b', '-w', '/tmp', 'busybox', 'ls', '-l']),
  );
  assert.deepEqual([merged.Path, merged.Args], ['ls', ['-l']]);
  // The command line sends them in any order.
  assert.deepEqual(merged.Config.Env.toSorted(), ['A=1', 'PATH=/bin']);
  assert.deepEqual([merged.Config.Labels, merged.Config.WorkingDir], [{ a: 'b' }, '/tmp']);
  assert.deepEqual([merged.State.Status, merged.State.Running, merged.State.Pid], ['created', false, 0]);
  assert.deepEqual(merged.HostConfig.RestartPolicy, { Name: 'no', MaximumRetryCount: 0 });
  assert.equal(merged.HostConfig.NetworkMode, 'bridge');
  const replaced = await inspect(await ok('create', '--entrypoint', 'echo', 'busybox', 'x'));
  assert.deepEqual([replaced.Path, replaced.Args], ['echo', ['x']]);
  await ok('tag', 'busybox', 'bare');
  await fails(1, /no command specified/, 'create', '--entrypoint', '', 'busybox');
  await ok('container', 'prune', '-f');
});

test('ps: columns, states, filters', async () => {
  const up = await ok(
    ...['run', '-d', '--name', 'up', '-l', 'tier=web', '--expose', '81', 'busybox', 'sleep', '600'],
  );
  await docker('run', '--name', 'down', 'busybox:other', 'sh', '-c', 'exit 3');
  await ok('create', '--name', 'new', 'busybox');
  const names = async (...words: string[]) =>
    (await ok('ps', '--format', '{{.Names}}', ...words)).split('\n').filter(Boolean).sort().join(' ');
  assert.equal(await names(), 'up');
  assert.equal(await names('-a'), 'down new up');
  assert.equal(await names('-l'), 'new');
  assert.equal(await names('-n', '2'), 'down new');
  for (const [filter, expected] of [
    ['name=^/?up$', 'up'],
    ['name=w', 'down new'],
    [`id=${up.slice(0, 6)}`, 'up'],
    ['label=tier', 'up'],
    ['label=tier=db', ''],
    ['status=exited', 'down'],
    ['status=created', 'new'],
    ['exited=3', 'down'],
    ['exited=4', ''],
    ['ancestor=busybox', 'down new up'],
    ['ancestor=nothing', ''],
    ['before=down', 'up'],
    ['since=down', 'new'],
    ['network=bridge', 'down new up'],
    ['expose=80-90/tcp', 'up'],
    ['publish=81', ''],
    ['health=none', 'down new up'],
    ['is-task=true', ''],
  ] as const)
    assert.equal(await names('-a', '-f', filter), expected, filter);
  await fails(1, /invalid filter 'nonsense'/, 'ps', '-f', 'nonsense=1');
  await fails(1, /invalid filter 'status=odd'/, 'ps', '-f', 'status=odd');
  const rows = await ok(
    'ps',
    '-a',
    '--format',
    '{{.Names}}|{{.Image}}|{{.Command}}|{{.Status}}',
    '--no-trunc',
  );
  assert.match(rows, /^up\|busybox\|"sleep 600"\|Up (Less than a second|\d+ seconds?)$/m);
  assert.match(rows, /^down\|busybox:other\|"sh -c 'exit 3'"\|Exited \(3\) .* ago$/m);
  assert.match(rows, /^new\|busybox\|"sh"\|Created$/m);
  assert.match(await ok('ps', '-s', '--format', '{{.Size}}'), /^\d.*\(virtual .*\)$/);
  await ok('pause', 'up');
  assert.match(await ok('ps', '--format', '{{.Status}}'), /\(Paused\)$/);
  await ok('unpause', 'up');
  await ok('rm', '-f', 'up', 'down', 'new');
});

test('inspect: state, network, host configuration as Docker shows them', async () => {
  const id = await ok(
    ...['run', '-d', '--name', 'seen', '-p', '127.0.0.1::80', '--memory', '64m', '--cpus', '0.5'],
    ...['--ulimit', 'nofile=100:200', '--tmpfs', '/t', 'busybox', 'sleep', '600'],
  );
  const seen = await inspect('seen');
  assert.equal(seen.Id, id);
  assert.match(seen.Image, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual(
    [seen.State.Status, seen.State.Running, seen.State.ExitCode, seen.State.OOMKilled],
    ['running', true, 0, false],
  );
  assert.ok(seen.State.Pid > 1);
  assert.match(seen.State.StartedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.equal(seen.State.FinishedAt, '0001-01-01T00:00:00Z');
  const { HostConfig: host, NetworkSettings: network } = seen;
  assert.deepEqual([host.Memory, host.NanoCpus], [67108864, 500000000]);
  assert.deepEqual(host.Ulimits, [{ Name: 'nofile', Hard: 200, Soft: 100 }]);
  assert.deepEqual([host.IpcMode, host.ShmSize, host.Runtime], ['private', 67108864, 'runc']);
  assert.match(network.Networks.bridge.IPAddress, /^\d+\.\d+\.\d+\.\d+$/);
  assert.equal(network.IPAddress, network.Networks.bridge.IPAddress);
  assert.equal(network.Ports['80/tcp'][0].HostIp, '127.0.0.1');
  assert.equal(seen.GraphDriver.Name, 'overlay2');
  assert.match((await ok('port', 'seen')).trim(), /^80\/tcp -> 127\.0\.0\.1:\d+$/);
  const sized = JSON.parse(await ok('inspect', '-s', 'seen'))[0];
  assert.ok(sized.SizeRootFs > sized.SizeRw);
  await ok('rm', '-f', 'seen');
  await fails(1, /No such (object|container): seen/, 'inspect', 'seen');
});

test('update: limits of a running container, contradictions', async () => {
  await ok('run', '-d', '--name', 'tuned', '-m', '64m', 'busybox', 'sleep', '600');
  await ok('update', '-m', '32m', '--memory-swap', '64m', '--restart', 'unless-stopped', 'tuned');
  const { HostConfig: host } = await inspect('tuned');
  assert.deepEqual([host.Memory, host.RestartPolicy.Name], [33554432, 'unless-stopped']);
  const limit = await ok(
    ...['exec', 'tuned', 'sh', '-c'],
    'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true',
  );
  assert.equal(limit, '33554432');
  await fails(1, /should be smaller than already set memoryswap/, 'update', '-m', '1g', 'tuned');
  await ok('rm', '-f', 'tuned');
});

test('prune takes what does not run, by label and age', async () => {
  await ok('run', '-d', '--name', 'stays', 'busybox', 'sleep', '600');
  await ok('create', '--name', 'kept', '-l', 'keep', 'busybox');
  const gone = await ok('create', '--name', 'gone', 'busybox');
  const output = await ok('container', 'prune', '-f', '--filter', 'label!=keep');
  assert.match(output, new RegExp(`Deleted Containers:\n${gone}\n`));
  await ok('container', 'prune', '-f', '--filter', 'until=1h');
  assert.equal(await ok('ps', '-a', '--format', '{{.Names}}'), 'kept\nstays');
  await ok('rm', '-f', 'kept', 'stays');
});

test('the API answers bad requests as dockerd', async () => {
  const create = async (body: unknown) => {
    const { status, text } = await daemon.api('POST', '/v1.43/containers/create', body);
    return [status, JSON.parse(text).message ?? JSON.parse(text)];
  };
  assert.deepEqual(await create({ Image: 'absent' }), [404, 'No such image: absent:latest']);
  assert.equal((await create({ Image: 'busybox', Cmd: 7 }))[0], 400);
  assert.equal((await create('{'))[0], 400);
  const missing = await daemon.api('POST', '/v1.43/containers/nobody/start');
  assert.deepEqual(
    [missing.status, JSON.parse(missing.text)],
    [404, { message: 'No such container: nobody' }],
  );
  await ok('create', '--name', 'idle', 'busybox', 'true');
  assert.equal((await daemon.api('POST', '/v1.43/containers/idle/stop')).status, 304);
  assert.equal((await daemon.api('POST', '/v1.43/containers/idle/kill')).status, 409);
  assert.equal((await daemon.api('POST', '/v1.43/containers/idle/pause')).status, 409);
  assert.equal((await daemon.api('POST', '/v1.43/containers/idle/wait?condition=odd')).status, 400);
  assert.equal((await daemon.api('DELETE', '/v1.43/containers/idle')).status, 204);
  assert.equal((await daemon.api('GET', '/v1.43/containers/idle/json')).status, 404);
});

test('requests that the command line does not make', async () => {
  const post = async (path: string, body?: unknown) => {
    const { status, text } = await daemon.api('POST', `/v1.41/${path}`, body);
    return [status, text === '' ? '' : ((JSON.parse(text) as { message?: string }).message ?? '')];
  };
  const create = (name: string, change: object) =>
    post(`containers/create?name=${name}`, { Image: 'busybox', Cmd: ['sleep', '600'], ...change });
  assert.deepEqual(await post('containers/create', {}), [
    400,
    'config cannot be empty in order to create a container',
  ]);
  assert.deepEqual(await create('typeless', { HostConfig: { Mounts: [{ Target: '/x' }] } }), [
    400,
    'invalid mount config for type "": mount type unknown',
  ]);
  assert.deepEqual(await create('two', { NetworkingConfig: { EndpointsConfig: { bridge: {}, none: {} } } }), [
    400,
    'Container cannot be connected to network endpoints: bridge, none',
  ]);
  assert.deepEqual(await create('alone', { NetworkDisabled: true, HostConfig: { PidMode: 'host' } }), [
    201,
    '',
  ]);
  assert.equal(
    await ok('inspect', '-f', '{{.NetworkSettings.Networks}} {{.HostConfig.SecurityOpt}}', 'alone'),
    'map[] [label=disable]',
  );
  assert.deepEqual(await post('containers/alone/start', { Binds: ['/x:/y'] }), [
    400,
    'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
  ]);
  assert.deepEqual(await post('containers/alone/start?checkpoint=x'), [
    400,
    'checkpoint is only supported in experimental mode',
  ]);
  assert.deepEqual(await post('containers/alone/start', {}), [204, '']);
  assert.equal(await ok('exec', 'alone', 'ls', '/sys/class/net'), 'lo');
  const { Id } = JSON.parse(
    (await daemon.api('POST', '/v1.41/containers/alone/exec', { Cmd: ['sleep', '600'] })).text,
  ) as { Id: string };
  assert.deepEqual(await post(`exec/${Id}/start`, { Detach: true }), [200, '']);
  // Without a terminal there is nothing to resize, and nothing wrong.
  assert.deepEqual(await post(`exec/${Id}/resize?h=1&w=1`), [200, '']);
  await ok('rm', '-f', 'alone');
});
