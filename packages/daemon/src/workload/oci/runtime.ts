/**
 * Containers as processes: runc or crun runs them, conmon watches each, and both continue without the daemon.
 *
 * In: OCI configurations. Out: running processes, their streams and exits. May import: workload types, linux, layout.
 */
import { closeSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonError } from '../../errors.js';
import type { Layout } from '../../layout.js';
import { lives, startTime } from '../../linux/process.js';
import type { Logger } from '../../log.js';
import type { AttachedStreams, WorkloadExit, WorkloadRuntime, WorkloadSpec } from '../types.js';
import { attachSocket } from './attach.js';
import { configText } from './config-text.js';
import { startMonitor } from './conmon.js';
import { createExec } from './exec.js';
import { type ExitFile, watchExits } from './exits.js';
import { runtimeFailure } from './failure.js';
import { groupPaths } from './group-paths.js';
import { migrationLock } from './migration-lock.js';
import { workloadPaths } from './paths.js';
import { deleteState, namesIn, type OciProgramSetting, ociProgram, releaseExecFifo } from './runc.js';

/** What survives the daemon: `workload.json` of the bundle. */
interface Running {
  pid: number;
  started: number;
  monitor: number;
  monitorStarted: number;
}

/** 128 + SIGKILL: we ended what had lost its monitor. */
const killedExitCode = 137;
const sigkill = 9;

const monitorPatienceMs = 10_000;
const pollMs = 10;

const present = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** A directory by descriptor: paths of sockets must fit in 108 bytes (unix(7)), ours may be longer. */
function connectIn(directory: string): AttachedStreams {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return attachSocket(`/proc/self/fd/${fd}/attach`);
  } finally {
    closeSync(fd);
  }
}

async function control(directory: string, line: string): Promise<void> {
  const fifo = await open(join(directory, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    await fifo.write(line);
  } finally {
    await fifo.close();
  }
}

export interface OciRuntimeOptions {
  layout: Layout;
  log: Logger;
  /** Names it among the runtimes of this daemon. */
  name: string;
  program: OciProgramSetting;
}

export function createOciRuntime({ layout, log, name, program }: OciRuntimeOptions): WorkloadRuntime {
  const paths = workloadPaths(layout, name);
  const oci = ociProgram(program, paths);
  const askForMigration = migrationLock();
  const running = new Map<string, Running>();
  const listeners: ((exit: WorkloadExit) => void)[] = [];
  for (const directory of [paths.bundles, paths.execs, paths.root])
    mkdirSync(directory, { recursive: true, mode: 0o700 });

  async function report({ id, exitCode, finishedAtMs }: ExitFile): Promise<void> {
    if (!running.delete(id)) return;
    const oomKilled = await present(join(paths.bundle(id), 'oom'));
    for (const listener of listeners) listener({ id, exitCode, oomKilled, finishedAtMs });
  }
  const exits = watchExits(paths.exits, (exit) => void report(exit));

  const globalRuntimeArguments = (logPath: string): string[] =>
    [...oci.globalArguments, '--log', logPath, '--log-format', 'json'].map((text) => `--runtime-arg=${text}`);

  const known = (id: string): Running => {
    const entry = running.get(id);
    if (entry === undefined) throw new DaemonError('conflict', `Container ${id} is not running`);
    return entry;
  };

  const signal = (pid: number, number: number): void => {
    try {
      process.kill(pid, number);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  };

  async function erase(id: string): Promise<void> {
    await deleteState(paths.state(id));
    await Promise.all([rm(paths.bundle(id), { recursive: true, force: true }), exits.forget(id)]);
  }

  async function create(spec: WorkloadSpec): Promise<{ pid: number }> {
    const { id } = spec;
    askForMigration();
    const bundle = paths.bundle(id);
    await mkdir(bundle, { mode: 0o700 });
    const runtimeLog = join(bundle, 'runtime.log');
    try {
      await writeFile(join(bundle, 'config.json'), configText(spec.config), { mode: 0o600 });
      const monitor = startMonitor(
        [
          ...['--api-version', '1', '-c', id, '-u', id, '-n', id, '-r', oci.path, '-b', bundle],
          ...['-p', join(bundle, 'pid'), '-P', join(bundle, 'conmon.pid')],
          ...['--exit-dir', paths.exits, '--persist-dir', bundle, '--full-attach', '--no-sync-log'],
          ...['-l', spec.logPath === undefined ? 'none' : `k8s-file:${spec.logPath}`],
          ...(spec.logLimitBytes === undefined ? [] : ['--log-size-max', String(spec.logLimitBytes)]),
          ...(spec.terminal ? ['-t'] : []),
          ...(spec.openStdin ? ['-i'] : []),
          // A terminal is one descriptor both ways: closing its input would end its output.
          ...(spec.openStdin && (!spec.stdinOnce || spec.terminal) ? ['--leave-stdin-open'] : []),
          ...globalRuntimeArguments(runtimeLog),
        ],
        false,
      );
      try {
        monitor.proceed();
        const message = await monitor.next();
        if (message === undefined || message.data <= 0)
          throw await runtimeFailure('create', runtimeLog, message?.message ?? monitor.complaints());
        const monitorPid = Number(readFileSync(join(bundle, 'conmon.pid'), 'utf8'));
        const entry: Running = {
          pid: message.data,
          started: startTime(message.data) ?? 0,
          monitor: monitorPid,
          monitorStarted: startTime(monitorPid) ?? 0,
        };
        writeFileSync(join(bundle, 'workload.json'), JSON.stringify(entry));
        running.set(id, entry);
        return { pid: entry.pid };
      } finally {
        monitor.release();
      }
    } catch (error) {
      running.delete(id);
      await discard(id);
      throw error;
    }
  }

  /** Ends and removes whatever `id` left, without telling anybody. */
  async function discard(id: string): Promise<void> {
    running.delete(id);
    const bundle = paths.bundle(id);
    const monitor = Number(await readFile(join(bundle, 'conmon.pid'), 'utf8').catch(() => '0'));
    const commandLine = await readFile(`/proc/${monitor}/cmdline`, 'utf8').catch(() => '');
    const monitored = () => monitor > 0 && commandLine.includes(id) && startTime(monitor) !== undefined;
    // A monitor whose runtime is still creating: only a finished creation can be undone.
    for (let waited = 0; monitored() && waited < monitorPatienceMs; waited += pollMs) {
      const pid = Number(await readFile(join(bundle, 'pid'), 'utf8').catch(() => '0'));
      if (pid > 0) signal(pid, sigkill);
      await delay(pollMs);
    }
    if (monitored()) signal(monitor, sigkill);
    await erase(id);
  }

  /** What became of a workload while no daemon ran. */
  async function find(id: string): Promise<{ pid: number; paused: boolean } | undefined> {
    const bundle = paths.bundle(id);
    const text = await readFile(join(bundle, 'workload.json'), 'utf8').catch(() => undefined);
    if (text === undefined || (await present(join(paths.state(id), 'exec.fifo')))) {
      // Never started: a crash came between creating and starting.
      await discard(id);
      return undefined;
    }
    const entry = JSON.parse(text) as Running;
    running.set(id, entry);
    for (let waited = 0; ; waited += pollMs) {
      const exit = await exits.read(id);
      if (exit !== undefined) {
        await report(exit);
        return undefined;
      }
      const monitored = lives(entry.monitor, entry.monitorStarted);
      if (monitored && lives(entry.pid, entry.started)) return { pid: entry.pid, paused: await isPaused(id) };
      if (!monitored || waited >= monitorPatienceMs) {
        // Without a monitor its streams lead nowhere.
        if (lives(entry.pid, entry.started)) signal(entry.pid, sigkill);
        log.warn({ container: id }, 'container lost its monitor');
        await report({ id, exitCode: killedExitCode, finishedAtMs: Date.now() });
        return undefined;
      }
      await delay(pollMs);
    }
  }

  async function isPaused(id: string): Promise<boolean> {
    const groups = await groupPaths(paths.state(id)).catch(() => ({}) as Record<string, string>);
    if (groups.freezer !== undefined)
      return (
        (await readFile(join(groups.freezer, 'freezer.state'), 'utf8').catch(() => '')).trim() === 'FROZEN'
      );
    const unified = groups[''];
    return (
      unified !== undefined &&
      (await readFile(join(unified, 'cgroup.freeze'), 'utf8').catch(() => '')).trim() === '1'
    );
  }

  return {
    name,
    features: { exec: true, rootFilesystem: true, attachment: 'veth' },
    create,
    async start(id) {
      const entry = known(id);
      const released =
        !oci.isCrun && (await releaseExecFifo(paths.state(id), () => lives(entry.pid, entry.started)));
      if (!released) await oci.call(['start', id]);
    },
    async configuration(id) {
      known(id);
      return JSON.parse(await readFile(join(paths.bundle(id), 'config.json'), 'utf8')) as object;
    },
    async kill(id, number, all = false) {
      const entry = known(id);
      if (all) await oci.call(['kill', '--all', id, String(number)]);
      else if (lives(entry.pid, entry.started)) signal(entry.pid, number);
      else if (!lives(entry.monitor, entry.monitorStarted) && (await exits.read(id)) === undefined)
        await report({ id, exitCode: killedExitCode, finishedAtMs: Date.now() });
    },
    pause: async (id) => void (await oci.call(['pause', id])),
    unpause: async (id) => void (await oci.call(['resume', id])),
    async update(id, resources) {
      // A file: crun opens `-` as /dev/stdin, which a socket, Node's pipe, does not allow.
      const file = join(paths.bundle(id), 'resources.json');
      await writeFile(file, JSON.stringify(resources), { mode: 0o600 });
      await oci.call(['update', '--resources', file, id]).finally(() => rm(file, { force: true }));
    },
    resize: (id, rows, columns) => control(paths.bundle(id), `1 ${rows} ${columns}\n`),
    attach: async (id) => connectIn(paths.bundle(id)),
    expectExec: askForMigration,
    exec: createExec({ paths, oci, globalRuntimeArguments, connectIn }),
    execResize: (execId, rows, columns) => control(paths.exec(execId), `1 ${rows} ${columns}\n`),
    async delete(id) {
      if (running.has(id)) await discard(id);
      else await erase(id);
    },
    onExit: (listener) => void listeners.push(listener),
    async restore(ids) {
      const found = new Map<string, { pid: number; paused: boolean }>();
      const wanted = new Set(ids);
      const leftovers = new Set(
        [...(await namesIn(paths.bundles)), ...(await namesIn(paths.root))].filter((id) => !wanted.has(id)),
      );
      await Promise.all([...leftovers].map(discard));
      for (const name of await namesIn(paths.exits))
        if (!wanted.has(name)) await rm(join(paths.exits, name), { force: true });
      await rm(paths.execs, { recursive: true, force: true });
      await mkdir(paths.execs, { mode: 0o700 });
      const bundles = new Set(await namesIn(paths.bundles));
      await Promise.all(
        ids
          .filter((id) => bundles.has(id))
          .map(async (id) => {
            const entry = await find(id);
            if (entry !== undefined) found.set(id, entry);
          }),
      );
      return found;
    },
  };
}
