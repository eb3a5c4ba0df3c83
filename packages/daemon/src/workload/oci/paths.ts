/**
 * Files of running workloads below the run root; they end with the host's boot, as the processes do.
 *
 * May import: layout.
 */
import { join } from 'node:path';
import type { Layout } from '../../layout.js';

export interface WorkloadPaths {
  /** All bundles. */
  readonly bundles: string;
  /** `config.json`, conmon's sockets, FIFOs and pid files of one workload. */
  bundle(id: string): string;
  readonly execs: string;
  exec(execId: string): string;
  /** State directory of the OCI runtime. */
  state(id: string): string;
}

export function workloadPaths(layout: Layout): WorkloadPaths {
  const bundles = join(layout.runRoot, 'bundles');
  const execs = join(layout.runRoot, 'execs');
  return {
    bundles,
    bundle: (id) => join(bundles, id),
    execs,
    exec: (execId) => join(execs, execId),
    state: (id) => join(layout.runtime, id),
  };
}
