/**
 * The directory in which conmon leaves one file for each container that ended: its name the ID, its content the
 * exit code, its time of change the end.
 *
 * In: the directory. Out: exits, each once. May import: workload types.
 */
import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../errors.js';

export interface ExitFile {
  id: string;
  exitCode: number;
  finishedAtMs: number;
}

const idPattern = /^[0-9a-f]{64}$/;

export interface ExitDirectory {
  /** The file of `id`, if it ended. */
  read(id: string): Promise<ExitFile | undefined>;
  forget(id: string): Promise<void>;
  close(): void;
}

/** One watch for all containers. conmon renames whole files into the directory, so a file that is seen is complete. */
export function watchExits(directory: string, ended: (exit: ExitFile) => void): ExitDirectory {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const read = async (id: string): Promise<ExitFile | undefined> => {
    const path = join(directory, id);
    try {
      const [text, about] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
      const exitCode = Number.parseInt(text, 10);
      return Number.isNaN(exitCode) ? undefined : { id, exitCode, finishedAtMs: about.mtimeMs };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  };
  const watcher: FSWatcher = watch(directory, { persistent: false }, (_event, name) => {
    if (name === null || !idPattern.test(name)) return;
    void read(name).then(
      (exit) => exit !== undefined && ended(exit),
      () => {},
    );
  });
  // Exits that are not seen here are found by whoever waits for the process.
  watcher.on('error', () => {});
  return {
    read,
    forget: (id) => rm(join(directory, id), { force: true }),
    close: () => watcher.close(),
  };
}
