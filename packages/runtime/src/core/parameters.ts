/**
 * Start parameters (docs/architecture.md, "Start parameters").
 *
 * In: `key=value` lines of the host, later ones overriding. Out: values by key. Imports core/host.
 */
import { host } from './host.js';

const values = new Map<string, string>();

/** Reads them once, on start. */
export function readParameters(): void {
  for (const line of host.parameters().split('\n')) {
    const at = line.indexOf('=');
    if (at > 0)
      values.set(
        line.slice(0, at),
        line
          .slice(at + 1)
          .replaceAll('%0A', '\n')
          .replaceAll('%25', '%'),
      );
  }
}

/** The value of `key`; undefined when not given. */
export function parameter(key: string): string | undefined {
  return values.get(key);
}

/** Every key that begins with `prefix`, without it, and its value. */
export function parametersBelow(prefix: string): [string, string][] {
  return [...values]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value]);
}
