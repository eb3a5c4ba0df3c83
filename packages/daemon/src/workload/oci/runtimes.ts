/**
 * The OCI runtimes of this daemon by name.
 *
 * In: configuration, the host's control groups. Out: WorkloadRuntimes. May import: workload types, layout.
 */
import type { DaemonConfig } from '../../config/types.js';
import type { Layout } from '../../layout.js';
import { findProgram } from '../../linux/find-program.js';
import type { Logger } from '../../log.js';
import type { WorkloadRuntime } from '../types.js';
import { createOciRuntime } from './runtime.js';

export interface RuntimesOptions {
  layout: Layout;
  log: Logger;
  config: Pick<DaemonConfig, 'runtimes'>;
  /** crun refuses v1 controllers beside a v2 hierarchy. */
  hybrid: boolean;
}

/** Docker's name of runc behind containerd's shim. */
const shimName = 'io.containerd.runc.v2';

export function createRuntimes({
  layout,
  log,
  config,
  hybrid,
}: RuntimesOptions): Map<string, WorkloadRuntime> {
  const runtimes = new Map<string, WorkloadRuntime>();
  const add = (name: string, path: string, runtimeArguments: readonly string[] = []) =>
    runtimes.set(
      name,
      createOciRuntime({ layout, log, name, program: { path, arguments: runtimeArguments } }),
    );
  add('runc', 'runc');
  runtimes.set(shimName, runtimes.get('runc')!);
  if (!hybrid && findProgram('crun') !== undefined) add('crun', 'crun');
  for (const [name, { path, runtimeArgs }] of Object.entries(config.runtimes))
    if (!runtimes.has(name)) add(name, path, runtimeArgs);
  return runtimes;
}
