/**
 * Where a program of the host lies. May import: errors.
 */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** PATH for programs of the host that look for others. */
export const searchPath = (): string => process.env.PATH ?? systemPath;

/** Absolute path of the first executable `name` in PATH (and where Debian keeps system programs), if any. */
export function findProgram(name: string): string | undefined {
  for (const directory of `${process.env.PATH ?? ''}:${systemPath}`.split(':')) {
    if (!directory.startsWith('/')) continue;
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}
