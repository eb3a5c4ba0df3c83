/**
 * Exit code of a program that could not be started, from the runtime's words (moby daemon/errors.go).
 *
 * In: the error's text. Out: 126, 127 or `otherwise`. Pure. May import: nothing.
 */

const cannotRun = ['permission denied', 'is a directory'];
const notFound = [
  'not a directory',
  'executable file not found',
  'no such file or directory',
  'system cannot find the file specified',
  'failed to run runc create/exec call',
];

/** `otherwise`: 128 for containers, 126 for execs. */
export function startExitCode(message: string, otherwise: 126 | 128): number {
  const text = message.toLowerCase();
  const says = (cause: string): boolean => text.includes(cause);
  if (cannotRun.some(says)) return 126;
  return notFound.some(says) ? 127 : otherwise;
}
