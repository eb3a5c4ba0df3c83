/**
 * Start parameters as text.
 *
 * In: keys and values. Out: what `parameters_read` gives. May import: nothing.
 */

/** One `key=value` a line; a value's newline and percent sign are escaped (docs/architecture.md). */
export function formatParameters(parameters: ReadonlyMap<string, string>): string {
  const escaped = (value: string): string => value.replace(/%/g, '%25').replace(/\n/g, '%0A');
  return [...parameters].map(([key, value]) => `${key}=${escaped(value)}\n`).join('');
}
