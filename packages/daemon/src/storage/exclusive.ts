/**
 * One daemon for one data root and one exec root, and its process ID for others to read.
 *
 * In: paths. Out: how to give them back. May import: errors, config's error, @noos/linux.
 */
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFile } from '@noos/linux';
import { DaemonError, errnoOf } from '../errors.js';
import { writeFileAtomic } from './atomic-file.js';

/** Locks a root directory until the returned function is called or the process ends. */
export async function lockRoot(root: string): Promise<() => Promise<void>> {
  const file = await open(join(root, 'lock'), 'a', 0o600);
  try {
    lockFile(file.fd);
  } catch (error) {
    await file.close();
    if (errnoOf(error) !== 'EWOULDBLOCK' && errnoOf(error) !== 'EAGAIN') throw error;
    throw new DaemonError('conflict', `another daemon uses ${root}`, { cause: error });
  }
  return () => file.close();
}

/** A process that has ended and was not waited for (proc_pid_stat(5): state Z) keeps its ID, but is no daemon. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/^\d+ \(.*\) [ZX] /s.test(stat);
}

/** Writes our process ID; refuses while another living process has its own there. */
export async function writePidFile(path: string): Promise<() => Promise<void>> {
  const found = await readFile(path, 'utf8').catch(() => '');
  const pid = Number(found.trim());
  if (found.trim() !== '' && pid !== process.pid && (await isAlive(pid)))
    throw new DaemonError('conflict', `process with PID ${pid} is still running, or remove ${path}`);
  await writeFileAtomic(path, String(process.pid), 0o644);
  return () => rm(path, { force: true });
}
