/**
 * Files of running workloads below the run root; they end with the host's boot, as the processes do.
 *
 * May import: layout.
 */
import { join } from 'node:path';
import type { Layout } from '../../layout.js';

export interface WorkloadPaths {
  /** `--root` of the OCI runtime. */
  readonly root: string;
  /** The runtime's program, when it is a copy in memory: a link that names it in lists of processes. */
  readonly program: string;
  /** conmon writes one file per exited container. */
  readonly exits: string;
  /** All bundles. */
  readonly bundles: string;
  /** `config.json`, conmon's sockets, FIFOs and pid files of one workload. */
  bundle(id: string): string;
  readonly execs: string;
  exec(execId: string): string;
  /** State directory of the OCI runtime. */
  state(id: string): string;
}

/** Each runtime has directories of its own: what one does not know is not for it to remove. */
export function workloadPaths(layout: Layout, runtime: string): WorkloadPaths {
  const bundles = join(layout.runRoot, 'bundles', runtime);
  const execs = join(layout.runRoot, 'execs', runtime);
  const root = join(layout.runtime, runtime);
  return {
    root,
    program: join(layout.runRoot, 'programs', runtime),
    exits: join(layout.exits, runtime),
    bundles,
    bundle: (id) => join(bundles, id),
    execs,
    exec: (execId) => join(execs, execId),
    state: (id) => join(root, id),
  };
}
