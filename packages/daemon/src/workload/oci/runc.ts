/**
 * The OCI runtime's command line, and the two of its operations that are quicker done directly.
 *
 * In: IDs. Out: their effects. May import: linux, errors, control-groups.
 */
import { constants, type Dirent, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { open, readdir, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sealedCopy } from '@noos/linux';
import { errnoOf } from '../../errors.js';
import { findProgram } from '../../linux/find-program.js';
import { run } from '../../linux/run.js';
import { removeControlGroup } from './control-groups.js';
import { groupPaths } from './group-paths.js';
import type { WorkloadPaths } from './paths.js';

/** A program with runc's command line. */
export interface OciProgramSetting {
  /** A name that PATH leads to, or a path. */
  path: string;
  arguments?: readonly string[];
}

export interface OciProgram {
  /** Absolute: conmon takes no name. Valid while the daemon lives. */
  readonly path: string;
  /** It starts containers by a FIFO used the other way round. */
  readonly isCrun: boolean;
  /** `--root …`, before every subcommand. */
  readonly globalArguments: readonly string[];
  /** Runs a subcommand to its end. */
  call(commandArguments: readonly string[]): Promise<string>;
}

/**
 * runc copies itself into a sealed file at every call, so that no container can write into it, unless it is one
 * already (runc, libcontainer/nsenter/cloned_binary.c): one copy for all calls saves each its own.
 */
function sealed(path: string, link: string): string {
  let fd: number;
  try {
    fd = sealedCopy(path);
  } catch {
    // vm.memfd_noexec=2 forbids programs in memory.
    return path;
  }
  mkdirSync(dirname(link), { recursive: true, mode: 0o700 });
  rmSync(link, { force: true });
  symlinkSync(`/proc/${process.pid}/fd/${fd}`, link);
  return link;
}

/** A runtime given by path is not sealed: it may be a script, or look for files beside itself. */
export function ociProgram(
  setting: OciProgramSetting,
  paths: Pick<WorkloadPaths, 'root' | 'program'>,
): OciProgram {
  const found = setting.path.startsWith('/') ? setting.path : findProgram(setting.path);
  if (found === undefined) throw new Error(`${setting.path} is not installed: containers need it`);
  const globalArguments = [...(setting.arguments ?? []), '--root', paths.root];
  const isCrun = basename(found) === 'crun';
  const path = setting.path === 'runc' ? sealed(found, paths.program) : found;
  return {
    path,
    isCrun,
    globalArguments,
    call: (commandArguments) => run([path, ...globalArguments, ...commandArguments]),
  };
}

const fifoAttempts = 2000;

/**
 * `runc start`: its first process waits until somebody reads one byte from `exec.fifo` (runc, libcontainer
 * `readFromExecFifo`). Returns false when there is no FIFO: the container is not waiting.
 */
export async function releaseExecFifo(stateDirectory: string, alive: () => boolean): Promise<boolean> {
  const path = join(stateDirectory, 'exec.fifo');
  const fifo = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (fifo === undefined) return false;
  try {
    const byte = Buffer.alloc(1);
    for (let attempt = 0; attempt < fifoAttempts; attempt++) {
      // Asked before reading: who wrote and ended in between has left its byte.
      const living = alive();
      // Nothing yet: the writer's open returns only after ours did.
      const length = await fifo.read(byte, 0, 1, null).then(
        ({ bytesRead }) => bytesRead,
        (error: unknown) => {
          if (errnoOf(error) === 'EAGAIN') return 0;
          throw error;
        },
      );
      if (length === 1) {
        await unlink(path).catch(() => {});
        return true;
      }
      if (!living) return false;
      if (attempt > 10) await delay(1);
    }
    return false;
  } finally {
    await fifo.close();
  }
}

/** `runc delete` of a container whose processes ended: control groups and state go. */
export async function deleteState(stateDirectory: string): Promise<void> {
  await Promise.all(Object.values(await groupPaths(stateDirectory)).map(removeControlGroup));
  await rm(stateDirectory, { recursive: true, force: true });
}

/** Names in a directory that may not exist. */
export const namesIn = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { withFileTypes: true }).catch((): Dirent[] => [])).map((entry) => entry.name);
