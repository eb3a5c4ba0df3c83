/**
 * A directory with those above it. Node's own `recursive` never returns where a directory exists and refuses new ones with
 * ENOENT, as /proc does.
 *
 * In: a path, a mode. Out: the directory; the first error that is not "exists". May import: errors.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.js';

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

export async function makeDirectory(path: string, mode = 0o777): Promise<void> {
  if (await isDirectory(path)) return;
  const above = dirname(path);
  if (above !== path) await makeDirectory(above, mode);
  await mkdir(path, { mode }).catch(async (error: unknown) => {
    // Somebody may have been quicker.
    if (errnoOf(error) !== 'EEXIST' || !(await isDirectory(path))) throw error;
  });
}
