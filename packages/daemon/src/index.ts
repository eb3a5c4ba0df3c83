/**
 * Face of the package: options, configuration, and the daemon itself, loaded when it is started.
 *
 * May import: config, errors, daemon.ts (on use).
 */
import { setFlagsFromString } from 'node:v8';
import type { DaemonConfig } from './config/types.js';
import type { RunningDaemon } from './daemon.js';

export { ConfigError } from './config/error.js';
export { type ConfigSource, defaultConfigFile, loadConfig } from './config/load.js';
export { type DaemonOption, daemonOptions, flagOf } from './config/options.js';
export type { DaemonConfig } from './config/types.js';
export { type OptionValue, type OptionValues, parseFlagValue } from './config/values.js';
export type { RunningDaemon } from './daemon.js';
export { DaemonError } from './errors.js';

/** Starts the daemon; resolves when it serves requests. */
export async function startDaemon(config: DaemonConfig): Promise<RunningDaemon> {
  // The young generation would grow to 48 MB while modules load, and keep it: 1 MB is enough for what requests leave.
  setFlagsFromString('--semi-space-growth-factor=1');
  return (await import('./daemon.js')).startDaemon(config);
}
