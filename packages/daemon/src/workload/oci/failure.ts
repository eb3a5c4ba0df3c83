/**
 * What the OCI runtime said when it failed, in Docker's words.
 *
 * In: the runtime's JSON log, conmon's message. Out: DaemonError. May import: errors.
 */
import { readFile } from 'node:fs/promises';
import { DaemonError } from '../../errors.js';

/** The last error of a log written with `--log-format json`. */
export function lastLogError(log: string): string | undefined {
  let last: string | undefined;
  for (const line of log.split('\n')) {
    if (line === '') continue;
    try {
      const entry = JSON.parse(line) as { level?: string; msg?: string };
      if (entry.level === 'error' && entry.msg !== undefined) last = entry.msg;
    } catch {
      // A line cut short by the runtime's death tells nothing.
    }
  }
  return last;
}

/** Causes that lie in what the user asked for: Docker answers 400 and its CLI exits with 126 or 127. */
const userErrors = [
  'executable file not found',
  'no such file or directory',
  'permission denied',
  'is a directory',
  'not a directory',
];

/** The attribute of a process that takes the profile of its next program; the kernel knows none of that name. */
const unknownProfile = /\/attr\/(apparmor\/)?exec\W+no such file/i;

/** What moby adds (daemon/errors.go, setExitCodeFromError), and what a runtime leaves to be guessed. */
function hintFor(text: string): string {
  if (unknownProfile.test(text)) return ': The AppArmor profile is not loaded';
  if (text.includes('permission denied')) return '';
  if (text.includes('is a directory')) return ': permission denied';
  if (!text.includes('not a directory')) return '';
  return ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type';
}

/** Reads the runtime's log; `operation` is `create` or `exec`. */
export async function runtimeFailure(
  operation: 'create' | 'exec',
  logPath: string,
  fallback: string,
): Promise<DaemonError> {
  const log = await readFile(logPath, 'utf8').catch(() => '');
  const text = (lastLogError(log) ?? fallback.trim()) || 'no output';
  const prefix =
    operation === 'create' ? 'failed to create task for container: failed to create shim task: ' : '';
  const kind = userErrors.some((cause) => text.includes(cause)) ? 'invalid' : 'system';
  return new DaemonError(kind, `${prefix}OCI runtime ${operation} failed: ${text}: unknown${hintFor(text)}`);
}
