/**
 * The errors of this package's boundary.
 *
 * In: nothing. Out: `HostError` with a code of a small set. May import: nothing.
 */

/** What went wrong, for a program; the message says it, and what to do, for a person in one line. */
export type HostErrorCode =
  | 'unknown-target'
  | 'bad-option'
  | 'bad-port'
  | 'port-in-use'
  | 'port-forbidden'
  | 'address-unavailable'
  | 'tap-missing'
  | 'tap-forbidden'
  | 'tap-busy'
  | 'qemu-missing'
  | 'runtime-not-built'
  | 'image-unreadable'
  | 'image-invalid'
  | 'disk-unreadable'
  | 'pcap-unwritable'
  | 'start-failed';

export class HostError extends Error {
  override readonly name = 'HostError';
  constructor(
    readonly code: HostErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The `code` of a Node system error (`EADDRINUSE`, …), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
