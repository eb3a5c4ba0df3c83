/**
 * Processes of the host by number: whether the one we started is still the one that has its number.
 *
 * In: pids. Out: start times, life. May import: nothing.
 */
import { readFileSync } from 'node:fs';

/** Start time in clock ticks since boot (proc(5), /proc/pid/stat field 22); undefined when it is gone or a zombie. */
export function startTime(pid: number): number | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field, the program's name, may contain blanks and parentheses.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
}

/** True while the process that had `pid` and `started` lives. */
export const lives = (pid: number, started: number): boolean => pid > 0 && startTime(pid) === started;
