/**
 * How the command line ends: exit codes, and errors as one line.
 *
 * In: whatever was thrown. Out: a code, a line. May import: nothing, so that help is there at once.
 */
/** Documented in docs/cli.md. `run` otherwise ends with the unikernel's own code. */
export const exitCodes = {
  ok: 0,
  /** Something failed that is none of the below. */
  failed: 1,
  /** The command line was wrong. */
  usage: 2,
  /** The application could not be built. */
  build: 3,
  /** The image cannot be used. */
  image: 4,
  /** The target or the host's network refused. */
  host: 5,
} as const;

export class CliError extends Error {
  override readonly name = 'CliError';
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

const usageCodes = new Set<string>(['unknown-target', 'bad-option', 'bad-port']);
const imageCodes = new Set<string>(['image-unreadable', 'image-invalid']);

/** Whether this is the error type of that name: its package need not be loaded to ask. */
export const isNamed = (error: unknown, name: string): error is Error & { code?: string; console?: string } =>
  error instanceof Error && error.name === name;

/** The exit code for an error that reached the top. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (isNamed(error, 'HostError')) {
    const code = error.code ?? '';
    if (usageCodes.has(code)) return exitCodes.usage;
    return imageCodes.has(code) ? exitCodes.image : exitCodes.host;
  }
  if (isNamed(error, 'InitError')) return exitCodes.usage;
  if (isNamed(error, 'BundleError')) return exitCodes.build;
  if (isNamed(error, 'ImageError')) return error.code === 'evaluation' ? exitCodes.build : exitCodes.image;
  return exitCodes.failed;
}
