/**
 * Where everything lies: persistent state below the data root, what ends with the host's boot below the run root.
 *
 * May import: nothing of the daemon.
 */
import { join } from 'node:path';

export interface Layout {
  /** Persistent: default /var/lib/noos, mode 0711. */
  readonly dataRoot: string;
  /** Blobs by digest, an OCI image layout: `blobs/sha256/<hex>`. */
  readonly content: string;
  /** Image records, references. */
  readonly images: string;
  /** Unpacked layers by chain ID, root file systems of containers. */
  readonly layers: string;
  /** `<id>/`: record, bundle, log, hosts, resolv.conf. */
  readonly containers: string;
  readonly volumes: string;
  readonly networks: string;
  /** Same file system as the rest, so that a rename out of it is atomic; emptied at start. */
  readonly temporary: string;
  /** Volatile: default /run/noos. */
  readonly runRoot: string;
  /** One bind-mounted network namespace per sandbox. */
  readonly namespaces: string;
  /** conmon writes one file per exited container. */
  readonly exits: string;
  /** `--root` of the OCI runtime. */
  readonly runtime: string;
}

export function createLayout(dataRoot: string, runRoot: string): Layout {
  return {
    dataRoot,
    content: join(dataRoot, 'content'),
    images: join(dataRoot, 'images'),
    layers: join(dataRoot, 'layers'),
    containers: join(dataRoot, 'containers'),
    volumes: join(dataRoot, 'volumes'),
    networks: join(dataRoot, 'networks'),
    temporary: join(dataRoot, 'tmp'),
    runRoot,
    namespaces: join(runRoot, 'netns'),
    exits: join(runRoot, 'exits'),
    runtime: join(runRoot, 'runtime'),
  };
}
