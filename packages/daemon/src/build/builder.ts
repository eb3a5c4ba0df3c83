/**
 * The builder's face, and what a crash left of builds. The rest is loaded with the first build: most daemons never see
 * one.
 *
 * In: requests. Out: images. May import: journal; everything in this folder once it is needed.
 */
import type { EventSink } from '../events/types.js';
import type { Layout } from '../layout.js';
import { journalOf, removeAbandoned } from './journal.js';
import type { BuilderDependencies } from './steps/stage.js';
import type { Builder } from './types.js';

/** Needs the other areas running, so it comes last before the API. */
export async function createBuilder(
  dependencies: Omit<BuilderDependencies, 'temporary' | 'journal'> & { layout: Layout; events: EventSink },
): Promise<Builder> {
  const { layout, events, ...areas } = dependencies;
  const journal = journalOf(layout);
  await removeAbandoned(areas.containers, journal);
  return {
    build: async (request) =>
      (await import('./build-image.js')).buildImage(
        { ...areas, journal, temporary: layout.temporary },
        request,
      ),
    commit: async (request) => (await import('./commit.js')).commitContainer({ ...areas, events }, request),
    applyChanges: async (config, changes) => (await import('./commit.js')).applyChanges(config, changes),
  };
}
