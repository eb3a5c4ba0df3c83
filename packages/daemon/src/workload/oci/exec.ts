/**
 * Runs a process beside a container's own. With a terminal conmon holds it; without, a small monitor of ours waits
 * for it and its streams are ours directly, which saves a program and a copy of every byte.
 *
 * In: ExecSpec. Out: RunningExec. May import: workload types, errors, the files beside it.
 */
import { closeSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { execMonitorPath, openPipe, spawnProgram } from '@noos/linux';
import { DaemonError } from '../../errors.js';
import { searchPath } from '../../linux/find-program.js';
import type { AttachedStreams, ExecSpec, RunningExec } from '../types.js';
import { configText } from './config-text.js';
import { startMonitor, syncMessages } from './conmon.js';
import { runtimeFailure } from './failure.js';
import { openFifoStreams } from './fifos.js';
import { keepingOpenFilesLimit } from './open-files-limit.js';
import type { WorkloadPaths } from './paths.js';
import type { OciProgram } from './runc.js';

/** Exit code of a process whose end nobody saw. */
const unknownExitCode = 255;

export interface ExecContext {
  paths: WorkloadPaths;
  oci: OciProgram;
  /** `--runtime-arg` of conmon: the root, a log at the path. */
  globalRuntimeArguments(logPath: string): string[];
  connectIn(directory: string): AttachedStreams;
}

interface Prepared {
  spec: ExecSpec;
  directory: string;
  processFile: string;
  runtimeLog: string;
  erased(): Promise<void>;
}

export const createExec =
  (context: ExecContext) =>
  async (spec: ExecSpec): Promise<RunningExec> => {
    const directory = context.paths.exec(spec.id);
    await mkdir(directory, { mode: 0o700 });
    const prepared: Prepared = {
      spec,
      directory,
      processFile: join(directory, 'process.json'),
      runtimeLog: join(directory, 'runtime.log'),
      erased: () => rm(directory, { recursive: true, force: true }),
    };
    try {
      await writeFile(prepared.processFile, configText(spec.process), { mode: 0o600 });
      return await (spec.terminal ? withTerminal : withStreams)(context, prepared);
    } catch (error) {
      await prepared.erased();
      throw error;
    }
  };

async function withStreams({ oci }: ExecContext, prepared: Prepared): Promise<RunningExec> {
  const { spec, directory, processFile, runtimeLog, erased } = prepared;
  const pidFile = join(directory, 'pid');
  const fifos = openFifoStreams(directory, spec.openStdin);
  let failure = '';
  try {
    const report = openPipe();
    const pipe = new Socket({ fd: report.read, readable: true, writable: false });
    pipe.on('error', () => pipe.destroy());
    const next = syncMessages(pipe);
    try {
      spawnProgram(
        [
          ...([execMonitorPath, pidFile] as const),
          ...[...keepingOpenFilesLimit(spec.process, oci), ...oci.globalArguments],
          ...['--log', runtimeLog, '--log-format', 'json', 'exec'],
          ...['--detach', '--pid-file', pidFile, '--process', processFile, spec.container],
        ],
        { PATH: searchPath() },
        [...fifos.child, report.write],
      );
    } catch (error) {
      failure = (error as Error).message;
    } finally {
      closeSync(report.write);
      fifos.releaseChild();
    }
    const message = await next();
    if (message === undefined || message.data <= 0) throw await runtimeFailure('exec', runtimeLog, failure);
    const exited = next().then(async (last) => {
      fifos.ended();
      await erased();
      return last?.data ?? unknownExitCode;
    });
    return { pid: message.data, streams: fifos.streams, exited };
  } catch (error) {
    fifos.streams.close();
    throw error;
  }
}

async function withTerminal(
  { oci, globalRuntimeArguments, connectIn }: ExecContext,
  { spec, directory, processFile, runtimeLog, erased }: Prepared,
): Promise<RunningExec> {
  const [program, ...rest] = keepingOpenFilesLimit(spec.process, oci);
  const monitor = startMonitor(
    [
      ...['--api-version', '1', '-c', spec.container, '-u', spec.id, '-n', spec.container],
      ...['-r', program, '-b', directory, '-p', join(directory, 'pid'), '-l', 'none'],
      ...['-e', '--exec-attach', '--exec-process-spec', processFile, '--full-attach', '--no-sync-log'],
      '-t',
      ...(spec.openStdin ? ['-i', '--leave-stdin-open'] : []),
      ...rest.map((text) => `--runtime-arg=${text}`),
      ...globalRuntimeArguments(runtimeLog),
    ],
    true,
  );
  let streams: AttachedStreams | undefined;
  try {
    monitor.proceed();
    if ((await monitor.attachable()) === undefined)
      throw new DaemonError('system', `exec was not started: ${monitor.complaints()}`);
    streams = connectIn(directory);
    monitor.proceed();
    const message = await monitor.next();
    if (message === undefined || message.data <= 0)
      throw await runtimeFailure('exec', runtimeLog, message?.message ?? monitor.complaints());
    const exited = monitor.next().then(async (last) => {
      monitor.release();
      await erased();
      return last?.data ?? unknownExitCode;
    });
    return { pid: message.data, streams, exited };
  } catch (error) {
    streams?.close();
    monitor.release();
    throw error;
  }
}
