/**
 * Progress of long work as clients read it. May import: nothing.
 */

/** The messages of pull, push, load, build (API: ImageCreate, BuildInfo). */
export interface ProgressMessage {
  id?: string;
  status?: string;
  stream?: string;
  progressDetail?: { current?: number; total?: number };
  aux?: unknown;
  error?: string;
  errorDetail?: { code?: number; message: string };
}

export interface ProgressStream {
  write(message: ProgressMessage): void;
  /** Ends with the error as a message when bytes were sent, as a status otherwise. */
  fail(error: unknown): void;
  end(): void;
}
