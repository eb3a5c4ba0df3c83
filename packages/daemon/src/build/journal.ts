/**
 * A file per container of a RUN, so that a daemon which starts after a crash finds the containers of ended builds.
 *
 * In: the journal's directory. Out: nothing left of those builds. May import: errors, layout.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Containers } from '../containers/types.js';
import { DaemonError } from '../errors.js';
import type { Layout } from '../layout.js';

export const journalOf = (layout: Layout): string => join(layout.dataRoot, 'builds');

/** Removes the containers, then their entries. */
export async function removeAbandoned(
  containers: Pick<Containers, 'remove'>,
  journal: string,
): Promise<void> {
  await mkdir(journal, { recursive: true, mode: 0o700 });
  for (const name of await readdir(journal)) {
    try {
      await containers.remove(name, { force: true, volumes: true });
    } catch (error) {
      // The entry is written before its container.
      if (!(error instanceof DaemonError && error.kind === 'notFound')) throw error;
    }
    await rm(join(journal, name), { force: true });
  }
}
