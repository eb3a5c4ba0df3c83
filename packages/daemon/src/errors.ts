/**
 * The one error type that crosses the daemon's internal boundaries; the API turns it into a status and `{message}`.
 *
 * May import: nothing.
 */

/** Moby's errdefs classes and the HTTP status each becomes (moby/errdefs, api/server/httpstatus). */
export const statusOfKind = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  /** Not a failure: the container is already in the wanted state; sent without a body. */
  notModified: 304,
  system: 500,
  notImplemented: 501,
  unavailable: 503,
} as const;

export type ErrorKind = keyof typeof statusOfKind;

/** What was wrong and what to do, in Docker's words where scripts read them. */
export class DaemonError extends Error {
  override readonly name = 'DaemonError';
  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  get status(): number {
    return statusOfKind[this.kind];
  }
}

/** The error code of a failed system call (`ENOENT`, `ENOSPC`, …), or undefined for other errors. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** What the system said, as Go's programs print it: `ENODEV: No such device, mount '/x'` → `no such device`. */
export function systemErrorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, text] = /^E[A-Z0-9]+: (.+?)(?:, \w+(?: '.*')?)?$/s.exec(message) ?? [];
  return text === undefined ? message : `${text[0]!.toLowerCase()}${text.slice(1)}`;
}
