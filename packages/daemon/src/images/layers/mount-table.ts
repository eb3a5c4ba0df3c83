/**
 * What is mounted, from /proc/self/mountinfo (proc(5)). May import: nothing.
 */
import { readFileSync } from 'node:fs';

/** Mount points at or below `directory`, deepest first. */
export function mountsBelow(
  directory: string,
  table = readFileSync('/proc/self/mountinfo', 'utf8'),
): string[] {
  return table
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .reverse();
}
