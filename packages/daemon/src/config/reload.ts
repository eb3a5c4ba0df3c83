/**
 * What SIGHUP may change while the daemon runs (dockerd's list, as far as the keys are known here).
 *
 * In: the configuration in force, the one just read. Out: what becomes of it. May import: types.
 */
import type { DaemonConfig } from './types.js';

const reloadable = [
  'debug',
  'logLevel',
  'labels',
  'liveRestore',
  'shutdownTimeoutS',
  'insecureRegistries',
  'registryMirrors',
  'maxConcurrentDownloads',
  'maxConcurrentUploads',
  'maxDownloadAttempts',
  'runtimes',
  'defaultRuntime',
  'defaultShmSize',
  'defaultIpcMode',
  'logDriver',
  'logOptions',
  'defaultUlimits',
] as const satisfies readonly (keyof DaemonConfig)[];

/** Changes `live` in place: areas read it when they need a value. Returns the names of what changed. */
export function reloadInto(live: DaemonConfig, next: DaemonConfig): string[] {
  const changed = reloadable.filter((name) => JSON.stringify(live[name]) !== JSON.stringify(next[name]));
  Object.assign(live, Object.fromEntries(changed.map((name) => [name, next[name]])));
  return changed;
}
