/**
 * noosd and Debian's dockerd side by side, each with its own data, socket and bridge; the same docker CLI drives both.
 *
 * In: nothing. Out: two engines with a busybox image. Needs root and `npm run setup`.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export const image = 'bench/busybox:latest';

export interface Engine {
  readonly name: 'noos' | 'dockerd';
  readonly socket: string;
  readonly dataRoot: string;
  /** Runs the docker CLI and returns its output; throws with its error output when it fails. */
  docker(...commandArguments: string[]): string;
  /** The same, started at once: for commands in parallel. */
  start(...commandArguments: string[]): Promise<string>;
  /** Milliseconds of one docker command. */
  timed(...commandArguments: string[]): number;
  /** Bytes of memory of the daemon and its monitors, shared pages counted in proportion (PSS). */
  memoryBytes(): number;
}

const directory = fs.mkdtempSync(join(tmpdir(), 'noos-engines-'));
const children: ChildProcess[] = [];
const namespaces: string[] = [];
// A benchmark that fails or is cut short leaves no engine behind.
process.once('exit', () => {
  for (const child of children) child.kill('SIGTERM');
  for (const namespace of namespaces) spawnSync('ip', ['netns', 'del', namespace]);
});

const environment = (socket: string): NodeJS.ProcessEnv => ({
  ...process.env,
  DOCKER_HOST: `unix://${socket}`,
  DOCKER_CONFIG: join(directory, 'config'),
  DOCKER_BUILDKIT: '0',
});

/** PSS of every process whose command line names `marker`, a path only this engine uses. */
function memoryOf(marker: string): number {
  let bytes = 0;
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      if (!fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(marker)) continue;
      const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
      bytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
    } catch {
      // The process ended meanwhile.
    }
  return bytes;
}

function engine(name: Engine['name'], home: string): Engine {
  const socket = join(home, 'engine.sock');
  const env = environment(socket);
  const docker = (...commandArguments: string[]): string =>
    execFileSync('docker', commandArguments, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    name,
    socket,
    dataRoot: join(home, 'data'),
    docker,
    start: (...commandArguments) =>
      new Promise((resolve, reject) => {
        const child = spawn('docker', commandArguments, { env, stdio: ['ignore', 'pipe', 'pipe'] });
        let output = '';
        let problem = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          problem += text;
        });
        child.on('error', reject);
        child.on('close', (status) =>
          status === 0
            ? resolve(output)
            : reject(new Error(`docker ${commandArguments.join(' ')} on ${name}: ${problem}`)),
        );
      }),
    timed(...commandArguments) {
      const start = performance.now();
      docker(...commandArguments);
      return performance.now() - start;
    },
    memoryBytes: () => memoryOf(home),
  };
}

async function untilAnswering(candidate: Engine, child: ChildProcess, log: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) break;
    const { status } = spawnSync('docker', ['version'], { env: environment(candidate.socket) });
    if (status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${candidate.name} does not answer:\n${fs.readFileSync(log, 'utf8').slice(-4000)}`);
}

async function launch(name: Engine['name'], command: (home: string) => [string, string[]]): Promise<Engine> {
  const home = join(directory, name);
  fs.mkdirSync(home, { recursive: true });
  const log = join(home, 'log');
  const [program, commandArguments] = command(home);
  const output = fs.openSync(log, 'w');
  const child = spawn(program, commandArguments, { stdio: ['ignore', output, output] });
  children.push(child);
  const started = engine(name, home);
  await untilAnswering(started, child, log);
  return started;
}

/** A root file system with Debian's static busybox and a link for each of its commands, as a tar. */
function busyboxTar(): string {
  const tree = join(directory, 'busybox');
  for (const name of ['bin', 'etc', 'tmp', 'root', 'var', 'proc', 'sys', 'dev'])
    fs.mkdirSync(join(tree, name), { recursive: true });
  fs.copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  for (const name of execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    if (name !== 'busybox') fs.symlinkSync('busybox', join(tree, 'bin', name));
  fs.writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  fs.writeFileSync(join(tree, 'etc/group'), 'root:x:0:\n');
  const tar = join(directory, 'busybox.tar');
  execFileSync('tar', ['-C', tree, '-cf', tar, '.']);
  return tar;
}

export interface Engines {
  noos: Engine;
  dockerd: Engine;
  /** Ends both, with what they left on the machine. */
  stop(): Promise<void>;
}

/** /sys shows the devices of the namespace it was mounted in; the control groups below it are the host's. */
const ownSys = `mkdir -p ${directory}/cgroup && mount --rbind /sys/fs/cgroup ${directory}/cgroup &&
mount -t sysfs sysfs /sys && mount --move ${directory}/cgroup /sys/fs/cgroup && exec "$@"`;

/** Network namespace in which an engine is alone with its rules. */
export const namespaceOf = (name: Engine['name']): string => `noos-bench-${name}`;

/**
 * Starts both engines. `apart`: each in a network namespace of its own, so that no packet passes the rules of the other.
 */
export async function startEngines({ apart }: { apart?: boolean } = {}): Promise<Engines> {
  if (process.getuid?.() !== 0) throw new Error('engines need root: sudo npm run bench:daemon');
  const common = (home: string) => [
    ...['-H', `unix://${join(home, 'engine.sock')}`, '--data-root', join(home, 'data')],
    ...['--exec-root', join(home, 'run'), '--pidfile', join(home, 'pid')],
  ];
  const command = (name: Engine['name'], ...words: [string, ...string[]]): [string, string[]] => {
    if (!apart) return [words[0], words.slice(1)];
    const namespace = namespaceOf(name);
    execFileSync('ip', ['netns', 'add', namespace]);
    namespaces.push(namespace);
    execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    return [
      'nsenter',
      [`--net=/run/netns/${namespace}`, 'unshare', '--mount', 'sh', '-c', ownSys, 'sh', ...words],
    ];
  };
  const noosd = [process.execPath, join(root, 'packages/cli/bin/noos.mjs'), 'daemon'] as const;
  const noos = await launch('noos', (home) =>
    command('noos', ...noosd, ...common(home), '--bridge', 'noosbench0'),
  );
  const dockerd = await launch('dockerd', (home) => command('dockerd', 'dockerd', ...common(home)));
  // dockerd drops what others forward: its default policy would be measured, not our network.
  if (!apart) execFileSync('iptables', ['-P', 'FORWARD', 'ACCEPT']);
  const tar = busyboxTar();
  for (const each of [noos, dockerd]) each.docker('import', tar, image);
  return {
    noos,
    dockerd,
    async stop() {
      for (const each of [noos, dockerd]) {
        const ids = each.docker('ps', '-aq').trim().split('\n').filter(Boolean);
        if (ids.length > 0) each.docker('rm', '-f', ...ids);
      }
      for (const child of children) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await ended;
      }
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Runs `measure` on both engines in turn, `rounds` times, so that a slow minute meets both. */
export async function alternate(
  engines: Engines,
  rounds: number,
  measure: (engine: Engine) => number | Promise<number>,
): Promise<{ ours: number[]; theirs: number[] }> {
  const figures = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    figures.ours.push(await measure(engines.noos));
    figures.theirs.push(await measure(engines.dockerd));
  }
  return figures;
}
