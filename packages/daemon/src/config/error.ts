/** May import: nothing. */

/** What was wrong with the configuration, in dockerd's words where it has some. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
