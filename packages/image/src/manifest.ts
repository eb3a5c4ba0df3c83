/**
 * What an image says about itself: JSON in its first section, for `inspect` and for whoever runs it.
 *
 * In: text of an image, which may come from anywhere. Out: a checked value. May import: nothing.
 */

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

const isText = (value: unknown): boolean =>
  // Names and digests reach terminals: no control characters.
  typeof value === 'string' && value.length <= 4096 && !/[\p{Cc}\u2028\u2029]/u.test(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isPort = (value: unknown): boolean => isCount(value) && (value as number) <= 65_535;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Whether `value` has every field of `checks`, each as its check wants it. */
const has = (value: unknown, checks: Record<string, (field: unknown) => boolean>): boolean =>
  isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));
const listOf =
  (check: (item: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(check);
const isParts = listOf((part) => has(part, { name: isText, bytes: isCount }));

const isManifest = (value: unknown): value is Manifest =>
  has(value, {
    name: isText,
    noos: isText,
    digests: (digests) => has(digests, { engine: isText, libos: isText, bundle: isText }),
    memory: (memory) => has(memory, { engineBytes: isCount, libosBytes: isCount, engineLimitBytes: isCount }),
    ports: listOf((port) =>
      has(port, { protocol: (name) => name === 'tcp' || name === 'udp', port: isPort }),
    ),
    devices: (devices) => has(devices, { net: isCount, block: isCount }),
    snapshot: (snapshot) => typeof snapshot === 'boolean',
    bundle: isParts,
    parts: isParts,
  });

/** The manifest in `text`; undefined when it is no JSON or a field is missing or wrong. */
export function parseManifest(text: string): Manifest | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isManifest(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
