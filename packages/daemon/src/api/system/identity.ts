/**
 * Who this engine says it is, and what it was built from. May import: nothing.
 */
import { readFileSync } from 'node:fs';

/** Version of the engine, as `docker version` shows it. */
export const engineVersion = '0.1.0';

export interface BuildFacts {
  /** Abbreviated, with `-changed` when files differed from it. */
  commit: string;
  /** RFC 3339. */
  time: string;
}

const unknown: BuildFacts = { commit: 'unknown', time: 'unknown' };

/** As scripts/build.mjs wrote them. */
function readBuildFacts(): BuildFacts {
  try {
    const text = readFileSync(new URL('../../build-facts.json', import.meta.url), 'utf8');
    return JSON.parse(text) as BuildFacts;
  } catch {
    // Compiled by other means.
    return unknown;
  }
}

/** Read once: a later build is not what runs. */
export const buildFacts = readBuildFacts();
