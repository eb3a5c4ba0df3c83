/**
 * Where this engine answers otherwise than Debian's dockerd 20.10, and why. Rendered into docs/api.md.
 *
 * In: nothing. Out: rules. May import: nothing.
 */

export interface Explained {
  /** The command line without `docker`. */
  step: RegExp;
  /** The line that differs, on either side. */
  line: RegExp;
  /** For the table: what is different. */
  what: string;
  why: string;
}

export const explained: readonly Explained[] = [];
