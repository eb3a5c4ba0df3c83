/** Containers: life, output, exec, copying, limits, inspection. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Commands, until } from './commands.js';

export async function lifeCommands(docker: Commands): Promise<void> {
  const { image } = docker;
  await docker(`run --rm ${image} echo hello`, 'hello');
  await docker(`run --rm ${image} sh -c 'echo out; echo err >&2; exit 7'`, {
    code: 7,
    out: 'out',
    err: 'err',
  });
  await docker(`run --rm ${image} nosuchprogram`, { code: 127, err: /executable file not found in \$PATH/ });
  await docker(`run --rm ${image} /etc`, { code: 126, err: /permission denied|is a directory/ });
  await docker(`run --rm -i ${image} cat`, {
    input: 'through standard input',
    out: 'through standard input',
  });
  await docker(`run --rm -t ${image} sh -c 'test -t 1 && echo terminal'`, 'terminal');
  await docker('run --rm nosuch/image:1 true', {
    code: 125,
    err: /Unable to find image 'nosuch\/image:1' locally/,
  });
  await docker(
    `create --name one --label kind=test ${image} sh -c 'echo started; exec sleep 600'`,
    /^[0-9a-f]{64}\n$/,
  );
  await docker(`create --name one ${image}`, {
    code: 1,
    err: /Conflict\. The container name "\/one" is already in use by container "[0-9a-f]{64}"\. You have to remove \(or rename\) that container to be able to reuse that name\./,
  });
  await docker('ps', /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES\n$/);
  await docker("ps -a --format '{{.Names}} {{.Status}}'", 'one Created');
  await docker("ps -a --filter status=created --filter label=kind=test --format '{{.Names}}'", 'one');
  await docker('start one', 'one');
  await docker('start one', 'one');
  await docker('ps -q --no-trunc', /^[0-9a-f]{64}\n$/);
  await docker(
    "inspect --format '{{.State.Status}} {{.State.Running}} {{.Path}} {{json .Args}}' one",
    'running true sh ["-c","echo started; exec sleep 600"]',
  );
  await docker('container inspect nosuch', { code: 1, err: /No such container: nosuch/ });
  await docker('inspect nosuch', { code: 1, err: /No such object: nosuch|no such object: nosuch/i });
  await docker('pause one', 'one');
  await docker("ps --format '{{.Status}}'", /^Up .* \(Paused\)\n$/);
  await docker('pause one', { code: 1, err: /is already paused/ });
  await docker('exec one true', { code: 1, err: /is paused, unpause the container before exec/ });
  await docker('unpause one', 'one');
  await docker('unpause one', { code: 1, err: /is not paused/ });
  await docker('rename one two');
  await docker('rename nosuch three', { code: 1, err: /No such container: nosuch/ });
  await docker('rm two', { code: 1, err: /cannot remove (a running container|container "?\/?two"?)/ });
  await docker('restart -t 0 two', 'two');
  await docker('stop -t 1 two', 'two');
  await docker('stop two', 'two');
  await docker("inspect --format '{{.State.Status}} {{.State.ExitCode}}' two", 'exited 137');
  await docker('kill two', { code: 1, err: /is not running/ });
  await docker('unpause two', { code: 1, err: /Container [0-9a-f]{64} is not paused/ });
  await docker('kill -s 99 two', { code: 1, err: /the linux daemon does not support signal 99/ });
  await docker('kill -s FOO nosuch', { code: 1, err: /cannot kill container: nosuch: Invalid signal: FOO/ });
  await docker('rename two /', {
    code: 1,
    err: /Error when allocating new name: Invalid container name \(\/\)/,
  });
  await docker('update -m 64m two', {
    code: 1,
    err: /Cannot update container [0-9a-f]{64}: Memory limit should be smaller than already set memoryswap limit/,
  });
  await docker('update --cpus 1 two', 'two');
  await docker('update --cpu-quota 20000 two', {
    code: 1,
    err: /Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set/,
  });
  await docker(`create --name cwd --network none -w /made/here ${image} /nosuch`, /^[0-9a-f]{64}\n$/);
  await docker('diff cwd', ['A /made', 'A /made/here'].join('\n'));
  await docker('restart cwd', {
    code: 1,
    err: /Cannot restart container cwd: .*\/nosuch.*no such file or directory/,
  });
  await docker('rm cwd', 'cwd');
  await docker(`create --name cwd -w /bin/sh ${image} true`, {
    code: 1,
    err: /Cannot mkdir: \/bin\/sh is not a directory/,
  });
  await docker('logs two', /^started\nstarted\n$/);
  await docker('start -a two', {
    code: 137,
    out: /started/,
    input: '',
    ...killSoon(docker, 'two'),
  });
  await docker('rm two', 'two');
  await docker('rm two', { code: 1, err: /No such container: two/ });

  await docker(`run -d --name short ${image} sh -c 'sleep 0.3; exit 3'`);
  await docker('wait short', '3');
  await docker("ps -a -f exited=3 --format '{{.Names}} {{.Status}}'", /^short Exited \(3\) /);
  await docker(`run -d --name loop --restart on-failure:2 ${image} false`);
  await until(() => docker("inspect --format '{{.RestartCount}} {{.State.Status}}' loop"), /^2 exited$/);
  await docker('update --restart no loop', 'loop');
  await docker(
    `run -d --name trap --stop-signal USR1 ${image} sh -c 'trap "exit 9" USR1; echo ready; while true; do sleep 0.05; done'`,
  );
  await until(() => docker('logs trap'), /ready/);
  await docker('stop trap', 'trap');
  await docker("inspect --format '{{.State.ExitCode}}' trap", '9');
  await docker(`run -d --rm --name auto ${image} sleep 600`);
  await docker('kill -s KILL auto', 'auto');
  await until(() => docker('ps -aq -f name=auto').then((id) => `[${id}]`), /^\[\]$/);
  await docker(`run -d --name init --init ${image} sleep 600`);
  await docker('kill --signal nosuch init', { code: 1, err: /[iI]nvalid signal: nosuch/ });
  await docker('stop init', 'init');
  await docker("inspect --format '{{.State.ExitCode}}' init", '143');
  await docker(
    'container prune -f',
    /^Deleted Containers:\n([0-9a-f]{64}\n){4}\nTotal reclaimed space: \d+(\.\d+)?k?B\n$/,
  );
  await docker('ps -aq', '');
}

/** Ends a container from outside once it runs: for commands that wait for its end. */
function killSoon(docker: Commands, name: string): object {
  const running = async () =>
    (await docker.daemon.docker('inspect', '--format', '{{.State.Running}}', name)).stdout;
  void until(running, /true/).then(async () => {
    await sleep(1000);
    await docker.daemon.docker('kill', name);
  });
  return { timeoutMs: 60_000 };
}

export async function outputCommands(docker: Commands): Promise<void> {
  const { image } = docker;
  await docker(
    `run -d --name talk ${image} sh -c 'for n in 1 2 3 4 5; do echo line $n; done; sleep 0.3; echo problem >&2; exec sleep 600'`,
  );
  await until(async () => (await docker.daemon.docker('logs', 'talk')).stderr, /problem/);
  await docker('logs talk', { out: 'line 1\nline 2\nline 3\nline 4\nline 5', err: 'problem' });
  await docker('logs --tail 2 talk', { out: 'line 5', err: 'problem' });
  await docker('logs -n 0 talk', '');
  await docker('logs -t --tail 1 talk', { err: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z problem\n$/ });
  await docker('logs --since 1h talk', /line 1/);
  await docker('logs --until 2000-01-01T00:00:00 talk', '');
  await docker('logs --since 2100-01-01T00:00:00 talk', '');
  await docker('logs nosuch', { code: 1, err: /No such container: nosuch/ });
  await docker('logs --details talk', /line 1/);
  await docker('top talk', /^UID +PID +PPID +C +STIME +TTY +TIME +CMD\nroot +\d+ .* sleep 600\n$/);
  await docker('top talk -o pid,comm', /^PID +COMMAND\n\d+ +sleep\n$/);
  await docker("stats --no-stream --format '{{.Name}} {{.PIDs}}' talk", 'talk 1');
  await docker('stats --no-stream', /talk .*MiB|KiB/);
  await docker('exec talk echo inside', 'inside');
  await docker('exec -i talk cat', { input: 'given', out: 'given' });
  await docker('exec -t talk tty', /\/dev\/pts\/\d/);
  await docker("exec -e COLOUR=red -w /tmp talk sh -c 'echo $COLOUR; pwd'", 'red\n/tmp');
  await docker('exec -u 1000:2000 talk id', /uid=1000\(user\) gid=2000\(extra\)/);
  await docker("exec talk sh -c 'exit 5'", { code: 5 });
  await docker('exec talk nosuchprogram', { code: docker.modern ? 127 : 126, out: /./, err: /^/ }).catch(() =>
    docker('exec talk nosuchprogram', { code: 127 }),
  );
  await docker('exec nosuch true', { code: 1, err: /No such container: nosuch/ });
  await docker("exec -d talk sh -c 'echo detached > /tmp/detached'");
  await until(() => docker('exec talk cat /tmp/detached').catch(String), /^detached/);
  await docker("exec --privileged talk sh -c 'grep CapEff /proc/self/status'", /CapEff:\s+[0-9a-f]{16}/);
  await docker('attach --no-stdin --sig-proxy=false talk', {
    code: 137,
    input: '',
    ...killSoon(docker, 'talk'),
  });
  await docker('exec talk true', { code: 1, err: /is not running/ });
  await docker(`run --name silent --log-driver none ${image} echo unheard`, 'unheard');
  await docker('logs silent', { code: 1, err: /configured logging driver does not support reading/ });
  await docker(`run --name local --log-driver local ${image} echo kept`, 'kept');
  await docker('logs local', 'kept');
  await docker(`run --rm --log-driver nosuch ${image} true`, {
    code: 125,
    err: /error looking up logging plugin nosuch: plugin "nosuch" not found/,
  });
  await docker(
    `run --name small --log-opt max-size=1k --log-opt max-file=2 ${image} sh -c 'for n in $(seq 100); do echo a line of some length $n; done'`,
    /line of some length 100/,
  );
  await docker('logs --tail 1 small', 'a line of some length 100');
  await docker('rm talk silent local small', 'talk\nsilent\nlocal\nsmall');
}

export async function fileCommands(docker: Commands): Promise<void> {
  const { image } = docker;
  const host = join(docker.daemon.scratch, `files-${docker.modern}`);
  mkdirSync(join(host, 'tree/sub'), { recursive: true });
  writeFileSync(join(host, 'tree/sub/leaf'), 'leaf\n');
  await docker(
    `run -d --name box ${image} sh -c 'echo new > /etc/new; rm /etc/group; mkdir /made; ln -s /etc/passwd /made/link; exec sleep 600'`,
  );
  await until(() => docker('diff box'), /made\/link/);
  await docker(
    'diff box',
    /^(?=(?:.|\n)*C \/etc\n)(?=(?:.|\n)*A \/etc\/new\n)(?=(?:.|\n)*D \/etc\/group\n)(?=(?:.|\n)*A \/made\n)(?=(?:.|\n)*A \/made\/link\n)/,
  );
  await docker(`cp ${host}/tree box:/copied`);
  await docker('exec box cat /copied/sub/leaf', 'leaf');
  await docker(`cp ${host}/tree/. box:/made`);
  await docker('exec box ls /made', 'link\nsub');
  await docker(`cp box:/made ${host}/back`);
  assert.equal(readFileSync(join(host, 'back/sub/leaf'), 'utf8'), 'leaf\n');
  await docker(`cp -L box:/made/link ${host}/passwd`);
  assert.match(readFileSync(join(host, 'passwd'), 'utf8'), /^root:/);
  await docker('cp box:/etc/new -', /new\n/);
  await docker(`cp box:/nowhere ${host}/x`, {
    code: 1,
    err: /Could not find the file \/nowhere in container box|No such container:path: box:\/nowhere/,
  });
  await docker(`cp ${host}/nowhere box:/x`, { code: 1, err: /no such file or directory/ });
  await docker(`export -o ${host}/root.tar box`);
  await docker(
    `import -m imported --change 'CMD ["cat","/etc/new"]' ${host}/root.tar test/imported:1`,
    /^sha256:[0-9a-f]{64}\n$/,
  );
  await docker('run --rm test/imported:1', 'new');
  await docker("history --format '{{.Comment}}' test/imported:1", 'imported');
  await docker(
    `commit -a 'A Body <a@b.c>' -m changed --change 'ENV FLAVOUR=sweet' box test/committed:1`,
    /^sha256:[0-9a-f]{64}\n$/,
  );
  await docker("run --rm test/committed:1 sh -c 'cat /etc/new; echo $FLAVOUR; ls /etc/group'", {
    code: 1,
    out: 'new\nsweet',
  });
  await docker("inspect --format '{{.Author}} {{.Comment}}' test/committed:1", 'A Body <a@b.c> changed');
  await docker('rm -f box', 'box');
  await docker('rmi test/imported:1 test/committed:1', /Untagged: test\/imported:1\nDeleted: sha256:/);
}

export async function settingCommands(docker: Commands): Promise<void> {
  const { image } = docker;
  const run = (flags: string, command: string, expected: Parameters<Commands>[1]) =>
    docker(`run --rm ${flags} ${image} ${command}`, expected);
  const envFile = join(docker.daemon.scratch, 'env');
  writeFileSync(envFile, 'FROM_FILE=yes\n# comment\n');
  await run(`-e A=1 -e B --env-file ${envFile}`, "sh -c 'echo $A $B $FROM_FILE'", {
    env: { B: '2' },
    out: '1 2 yes',
  });
  await run('-u user -w /home/x --group-add 2000', "sh -c 'id -u; id -G; pwd'", '1000\n1000 2000\n/home/x');
  await run('-u nosuchuser', 'true', {
    code: 125,
    err: /unable to find user nosuchuser: no matching entries in passwd file/,
  });
  await run('--entrypoint /bin/echo', 'from entrypoint', 'from entrypoint');
  await run('--hostname host.example --domainname example', 'cat /etc/hostname', 'host.example');
  await run('--read-only --tmpfs /tmp', "sh -c 'touch /tmp/a && touch /b'", {
    code: 1,
    err: /Read-only file system/,
  });
  await run('--cap-drop ALL', 'chown 5 /tmp', { code: 1, err: /Operation not permitted/ });
  await run('--cap-drop ALL --cap-add CHOWN', 'chown 5 /tmp', '');
  await run('--cap-add NOSUCH', 'true', { code: 125, err: /invalid capability|invalid CapAdd/ });
  await run('--security-opt no-new-privileges', 'grep NoNewPrivs /proc/self/status', 'NoNewPrivs:\t1');
  await run('', 'grep Seccomp: /proc/self/status', 'Seccomp:\t2');
  await run('--security-opt seccomp=unconfined', 'grep Seccomp: /proc/self/status', 'Seccomp:\t0');
  await run('', 'mount -t tmpfs x /tmp', { code: 1, err: /permission denied|Operation not permitted/ });
  await run('--ulimit nofile=300:400', "sh -c 'ulimit -n; ulimit -Hn'", '300\n400');
  await run(
    '--pids-limit 20',
    "sh -c 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null'",
    { code: 1, out: /20/ },
  );
  await run(
    '-m 64m --memory-swap 64m',
    "sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'",
    '67108864',
  );
  await run('-m 1k', 'true', { code: 125, err: /Minimum memory limit allowed is 6MB/ });
  await run(
    '--cpus 0.5',
    "sh -c 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max'",
    /^50000\b/,
  );
  await run('--cpus 100000', 'true', { code: 125, err: /[rR]ange of CPUs is from 0\.01 to/ });
  await run('--cpuset-cpus 0', 'nproc', '1');
  await run('--shm-size 8m', 'df -k /dev/shm', /shm +8192 /);
  await run('--device /dev/null:/dev/nothing', 'ls -l /dev/nothing', /^crw.* 1, +3 /);
  await run('--device /dev/nosuch', 'true', {
    code: 127,
    err: /error gathering device information while adding custom device "\/dev\/nosuch": no such file or directory/,
  });
  await run('--pid host', "sh -c 'ls -d /proc/[0-9]* | wc -l'", /^\d{2,}\n$/);
  await run('--uts host', 'hostname', /./);
  await run('--ipc private', 'ls -d /dev/shm', '/dev/shm');
  await run('--oom-score-adj 500', 'cat /proc/self/oom_score_adj', '500');
  await run('--sysctl kernel.msgmax=4096', 'cat /proc/sys/kernel/msgmax', '4096');
  await run('--init', "sh -c 'ps -o pid,comm | head -n 2'", /1 (docker-init|tini)/);
  await run('--health-cmd true --no-healthcheck', 'true', {
    code: 125,
    err: /--no-healthcheck conflicts with --health-\* options/,
  });
  await run(`--cidfile ${join(docker.daemon.scratch, `cid-${docker.modern}`)}`, 'true', '');
  assert.match(readFileSync(join(docker.daemon.scratch, `cid-${docker.modern}`), 'utf8'), /^[0-9a-f]{64}$/);
  await run('--runtime nosuch', 'true', {
    code: 125,
    err: /[uU]nknown (or invalid )?runtime (name|specified)?:? ?"?nosuch/,
  });

  await docker(
    `run -d --name sick --health-cmd 'test -e /well' --health-interval 200ms --health-retries 2 ${image} sleep 600`,
  );
  await until(() => docker("inspect --format '{{.State.Health.Status}}' sick"), /unhealthy/);
  await docker('exec sick touch /well');
  await until(() => docker("ps --filter health=healthy --format '{{.Status}}'"), /^Up .* \(healthy\)/);
  await docker('update -m 64m --memory-swap 64m --cpu-shares 512 --pids-limit 50 sick', 'sick');
  await docker(
    "inspect --format '{{.HostConfig.Memory}} {{.HostConfig.CpuShares}} {{.HostConfig.PidsLimit}}' sick",
    '67108864 512 50',
  );
  await docker(`run --rm --pid container:sick ${image} ps -o comm`, /sleep/);
  await docker(`run --rm --ipc shareable --name shares -d ${image} sleep 600`);
  await docker(`run --rm --ipc container:shares ${image} true`);
  await docker(`ps --filter ancestor=${image} --format '{{.Names}}'`, /^(shares\nsick|sick\nshares)\n$/);
  await docker("ps -l --format '{{.Image}} {{.Command}}' --no-trunc", /sleep 600/);
  await docker("ps -n 1 -s --format '{{.Size}}'", /^\d+(\.\d+)?k?B \(virtual .*B\)\n$/);
  await docker('rm -f sick shares', 'sick\nshares');
  await run('--privileged', "sh -c 'mount -t tmpfs x /tmp && echo mounted'", 'mounted');
}
