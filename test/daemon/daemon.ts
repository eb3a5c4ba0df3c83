/**
 * A daemon of its own for a test: own data, socket, bridge; driven by the real docker command line.
 *
 * In: options. Out: how to talk to it; all gone when the test ends. May import: nothing of the daemon.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const repository = join(import.meta.dirname, '../../..');
const noos = join(repository, 'packages/cli/bin/noos.mjs');
/** How long a start or stop may take on a busy machine. */
const patienceMs = 60_000;

export interface DaemonOptions {
  /** More flags of `noos daemon`. */
  flags?: readonly string[];
  /** More of the environment: NOOS_CRASH_AT, … */
  env?: Readonly<Record<string, string>>;
  /** Words before the daemon's own: a program that runs it in its own process (`unshare --net`). */
  launcher?: readonly [string, ...string[]];
  /** The docker command line to use; default that of PATH. */
  cli?: string;
}

/** What undoes things in the end: a test's context, or `{ after }` of node:test for a whole file. */
export interface Ending {
  after(release: () => void | Promise<void>): void;
}

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Reply {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

export interface TestDaemon {
  readonly socket: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Directory for files of the test; removed with it. */
  readonly scratch: string;
  readonly bridge: string;
  readonly pid: number;
  /** Runs docker against the daemon; never rejects. */
  docker(...words: string[]): Promise<Outcome>;
  /** As `docker`, but must succeed; resolves with the trimmed standard output. */
  ok(...words: string[]): Promise<string>;
  /** With input and another environment or program. */
  run(program: string, words: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** A raw request to the API. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** Graceful stop and start. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILL; `restart` starts it again. */
  kill9(): Promise<void>;
  /** Waits for an end of the daemon that the test provoked (NOOS_CRASH_AT). */
  ended(): Promise<void>;
  /** What the daemon wrote to its log so far. */
  log(): string;
}

export interface RunOptions {
  input?: string | Buffer;
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  timeoutMs?: number;
}

/** Runs a program to its end; the code is 128 + n for none. */
export async function runProgram(
  program: string,
  words: readonly string[],
  { input, env = {}, cwd, timeoutMs = patienceMs }: RunOptions = {},
): Promise<Outcome> {
  const child = spawn(program, words, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    ...(cwd === undefined ? {} : { cwd }),
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  // The program may end without reading its input.
  child.stdin.on('error', () => {}).end(input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? 137, ...output };
}

function apiRequest(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const json = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
    const outgoing = request(
      {
        socketPath,
        method,
        path,
        agent: false,
        headers: { ...(json ? { 'Content-Type': 'application/json' } : {}), ...headers },
      },
      (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text }));
        reply.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(json ? JSON.stringify(body) : (body as string | Buffer | undefined));
  });
}

/** Mounts below `directory` that this process sees. */
export const mountsBelow = (directory: string): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${directory}/`));

/** Starts a daemon that answers; it is stopped, and must have left no mount, when the test `t` ends. */
export async function startDaemon(t: Ending, options: DaemonOptions = {}): Promise<TestDaemon> {
  assert.equal(process.getuid?.(), 0, 'tests of the daemon need root');
  const directory = mkdtempSync(join(tmpdir(), 'noos-'));
  const name = randomBytes(3).toString('hex');
  const [socket, dataRoot, execRoot] = ['noos.sock', 'data', 'run'].map((part) => join(directory, part)) as [
    string,
    string,
    string,
  ];
  const scratch = mkdtempSync(join(directory, 'scratch-'));
  const bridge = `nt${name}`;
  const logFile = join(directory, 'daemon.log');
  const cliEnvironment = {
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(directory, 'docker'),
    DOCKER_CONTEXT: '',
  };
  let child: ChildProcess;

  const [program, ...words] = [
    ...(options.launcher ?? []),
    ...[
      process.execPath,
      noos,
      'daemon',
      '--data-root',
      dataRoot,
      '--exec-root',
      execRoot,
      '--host',
      `unix://${socket}`,
    ],
    ...['--pidfile', join(directory, 'noos.pid'), '--bridge', bridge, '--log-level', 'debug'],
    ...(options.flags ?? []),
  ];
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;

  async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const log = openSync(logFile, 'a');
    child = spawn(program!, words, {
      env: { ...process.env, ...options.env, ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const answers = await apiRequest(socket, 'GET', '/_ping', undefined, {}).then(
        ({ status }) => status === 200,
        () => false,
      );
      if (answers) return;
      if (isOver()) throw new Error(`the daemon did not start:\n${readFileSync(logFile, 'utf8')}`);
      if (Date.now() > deadline)
        throw new Error(`the daemon does not answer:\n${readFileSync(logFile, 'utf8')}`);
      await sleep(20);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (isOver()) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    await exit;
    clearTimeout(late);
  }

  const run = (
    program: string,
    programWords: readonly string[],
    runOptions: RunOptions = {},
  ): Promise<Outcome> =>
    runProgram(program, programWords, { ...runOptions, env: { ...cliEnvironment, ...runOptions.env } });
  const docker = (...dockerWords: string[]): Promise<Outcome> => run(options.cli ?? 'docker', dockerWords);
  const log = (): string => readFileSync(logFile, 'utf8');

  t.after(async () => {
    if (isOver()) await start().catch(() => {});
    await end('SIGTERM');
    recordRoutes(log());
    const left = mountsBelow(directory);
    if (left.length === 0) rmSync(directory, { recursive: true, force: true });
    assert.deepEqual(left, [], 'the daemon left mounts');
  });
  await start();
  return {
    socket,
    dataRoot,
    execRoot,
    scratch,
    bridge,
    get pid() {
      return child.pid!;
    },
    docker,
    async ok(...dockerWords) {
      const { code, stdout, stderr } = await docker(...dockerWords);
      assert.equal(code, 0, `docker ${dockerWords.join(' ')}: ${stderr}${stdout}`);
      return stdout.trim();
    },
    run,
    api: (method, path, body, headers = {}) => apiRequest(socket, method, path, body, headers),
    async restart(env) {
      await end('SIGTERM');
      await start(env);
    },
    kill9: () => end('SIGKILL'),
    async ended() {
      if (!isOver()) await once(child, 'exit');
    },
    log,
  };
}

/** With NOOS_RECORD_ROUTES set, adds the routes that were asked for to that file (scripts/api-coverage.mjs reads it). */
function recordRoutes(log: string): void {
  const file = process.env.NOOS_RECORD_ROUTES;
  if (file === undefined) return;
  const routes = new Set([...log.matchAll(/"route":"([A-Z]+ [^"]+)"/g)].map((match) => match[1]!));
  appendFileSync(file, [...routes].map((route) => `${route}\n`).join(''));
}
