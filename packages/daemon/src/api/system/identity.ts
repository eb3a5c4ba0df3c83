/**
 * Who this engine says it is. May import: nothing.
 */

/** Version of the engine, as `docker version` shows it. */
export const engineVersion = '0.1.0';
