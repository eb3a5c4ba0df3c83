/**
 * `--workdir` of a container: made when the container is created, so that files can be copied there before it runs.
 *
 * In: a mounted root file system. Out: the directory. May import: archive, errors.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { openFlags } from '@noos/linux';
import { cleanName, makeDirectories } from '../../archive/tree.js';
import { DaemonError, errnoOf } from '../../errors.js';

/** Throws Docker's text when a part of the path is something else. */
export function makeWorkingDirectory(root: string, path: string): void {
  const rootFd = openSync(root, openFlags.path | constants.O_DIRECTORY);
  try {
    closeSync(makeDirectories(rootFd, cleanName(path)));
  } catch (error) {
    if (errnoOf(error) !== 'ENOTDIR') throw error;
    throw new DaemonError('system', `Cannot mkdir: ${path} is not a directory`);
  } finally {
    closeSync(rootFd);
  }
}
