/**
 * One daemon for one data root and one exec root, and its process ID for others to read.
 *
 * In: paths. Out: how to give them back. May import: errors, linux.
 */
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFile } from '@noos/linux';
import { DaemonError, errnoOf } from '../errors.js';
import { startTime } from '../linux/process.js';
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

/** Writes our process ID; refuses while another living process has its own there. */
export async function writePidFile(path: string): Promise<() => Promise<void>> {
  const found = await readFile(path, 'utf8').catch(() => '');
  const pid = Number(found.trim());
  if (found.trim() !== '' && pid !== process.pid && startTime(pid) !== undefined)
    throw new DaemonError('conflict', `process with PID ${pid} is still running, or remove ${path}`);
  await writeFileAtomic(path, String(process.pid), 0o644);
  return () => rm(path, { force: true });
}
