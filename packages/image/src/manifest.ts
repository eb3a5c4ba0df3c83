/** What an image says about itself: JSON in its first section, for `inspect` and for whoever runs it. */

export interface ManifestPart {
  name: string;
  bytes: number;
}

export interface Manifest {
  name: string;
  /** Version of Noos that built it. */
  noos: string;
  /** SHA-256, hexadecimal. */
  digests: { engine: string; libos: string; bundle: string };
  /** Bytes an instance needs at start, and the limit of its JavaScript heap. */
  memory: { engineBytes: number; libosBytes: number; engineLimitBytes: number };
  /** What the application listens on unless a parameter says otherwise. */
  ports: { protocol: 'tcp' | 'udp'; port: number }[];
  devices: { net: number; block: number };
  /** True when the top level has been evaluated; false with `--no-snapshot`. */
  snapshot: boolean;
  /** What the bundle is made of. */
  bundle: ManifestPart[];
  /** What the file is made of. */
  parts: ManifestPart[];
}
