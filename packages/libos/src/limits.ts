/**
 * The limits of a unikernel that start parameters set, by name: for command lines and settings.
 *
 * In: nothing. Out: the table. May import: nothing. Meaning: docs/http.md, docs/architecture.md. Those of HTTP are what
 * `assembly/http/limit-settings.ts` takes (a test compares the two), those of TCP what `assembly/kernel/configure.ts`.
 */

export interface Limit {
  /** Unit of the number; `count` has none. */
  unit: 'bytes' | 'ms' | 'count' | 'bytes/s';
  least: number | bigint;
  most: number | bigint;
}

const mostBytes = 2n ** 63n - 2n;
const bytes = (least: number, most: number | bigint): Limit => ({ unit: 'bytes', least, most });
const count = (least: number, most: number): Limit => ({ unit: 'count', least, most });
const time: Limit = { unit: 'ms', least: 1, most: 86_400_000 };

const http: Readonly<Record<string, Limit>> = {
  methodBytes: bytes(7, 256),
  targetBytes: bytes(1, 1_048_576),
  fieldBytes: bytes(256, 1_048_576),
  fieldCount: count(1, 65_535),
  bodyBytes: bytes(0, mostBytes),
  bufferedBodyBytes: bytes(0, mostBytes),
  chunkExtensionBytes: bytes(16, 65_536),
  connections: count(1, 57_343),
  refusedConnections: count(0, 4096),
  exchanges: count(1, 57_343),
  backlog: count(1, 57_343),
  partialHeads: count(1, 4096),
  pendingBytes: bytes(65_536, 1_073_741_824),
  headerBlockBytes: bytes(256, 131_072),
  headTimeoutMs: time,
  bodyTimeoutMs: time,
  bodyBytesPerSecond: { unit: 'bytes/s', least: 1, most: 1_000_000_000 },
  idleTimeoutMs: time,
  idleLeastMs: time,
  sendTimeoutMs: time,
  lingerTimeoutMs: time,
  discardBytes: bytes(0, mostBytes),
  clientConnections: count(1, 4096),
  clientConnectionsPerHost: count(1, 4096),
  clientConnectTimeoutMs: time,
  clientHeadTimeoutMs: time,
  clientBodyTimeoutMs: time,
  clientIdleTimeoutMs: time,
};

const tcp: Readonly<Record<string, Limit>> = {
  connections: count(1, 65_535),
  memory: bytes(65_536, 4_294_967_295),
  window: bytes(4096, 1_073_741_824),
};

/** By the start parameter: `http.bodyBytes`. */
export const limits: ReadonlyMap<string, Limit> = new Map([
  ...Object.entries(http).map(([name, limit]): [string, Limit] => [`http.${name}`, limit]),
  ...Object.entries(tcp).map(([name, limit]): [string, Limit] => [`tcp.${name}`, limit]),
]);
