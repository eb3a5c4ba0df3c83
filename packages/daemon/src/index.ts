/**
 * Face of the package: options, configuration, and the daemon itself, loaded when it is started.
 *
 * May import: config, errors, daemon.ts (on use).
 */
import type { DaemonConfig } from './config/types.js';
import type { RunningDaemon } from './daemon.js';

export { type ConfigSource, defaultConfigFile, loadConfig } from './config/load.js';
export { type DaemonOption, daemonOptions, flagOf } from './config/options.js';
export type { DaemonConfig } from './config/types.js';
export { ConfigError, type OptionValue, type OptionValues, parseFlagValue } from './config/values.js';
export type { RunningDaemon } from './daemon.js';
export { DaemonError } from './errors.js';

/** Starts the daemon; resolves when it serves requests. */
export const startDaemon = async (config: DaemonConfig): Promise<RunningDaemon> =>
  (await import('./daemon.js')).startDaemon(config);
