/**
 * The `filters` parameter, in both of Docker's encodings.
 *
 * In: its text. Out: Filters, or DaemonError. May import: errors.
 */
import { DaemonError } from '../errors.js';

/** Name → values. */
export type Filters = ReadonlyMap<string, readonly string[]>;

const invalid = (): DaemonError => new DaemonError('invalid', 'invalid filter');

/** `{"label":["a=b"]}` (until 1.21) or `{"label":{"a=b":true}}`; absent or empty: no filters. */
export function parseFilters(text: string | null): Filters {
  if (text === null || text === '') return new Map();
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw invalid();
  }
  if (document === null) return new Map();
  if (typeof document !== 'object' || Array.isArray(document)) throw invalid();
  return new Map(
    Object.entries(document).map(([name, values]): [string, string[]] => {
      if (Array.isArray(values)) {
        if (!values.every((value) => typeof value === 'string')) throw invalid();
        return [name, values];
      }
      if (typeof values !== 'object' || values === null) throw invalid();
      if (!Object.values(values).every((value) => typeof value === 'boolean')) throw invalid();
      return [name, Object.keys(values).filter((value) => (values as Record<string, boolean>)[value])];
    }),
  );
}

/** Throws Docker's `invalid filter 'x'` for a name that the endpoint does not know. */
export function checkFilters(filters: Filters, known: readonly string[]): void {
  for (const name of filters.keys())
    if (!known.includes(name)) throw new DaemonError('invalid', `invalid filter '${name}'`);
}

/** Whether `key=value`, `key` or `key!=…` style label filters all hold (`label` and `label!` of Docker). */
export function matchesLabels(
  labels: Readonly<Record<string, string>> | null | undefined,
  wanted: readonly string[] | undefined,
): boolean {
  return (wanted ?? []).every((filter) => {
    const at = filter.indexOf('=');
    if (at < 0) return labels !== null && labels !== undefined && Object.hasOwn(labels, filter);
    return labels?.[filter.slice(0, at)] === filter.slice(at + 1);
  });
}

/** Docker's Match: a value that equals one of the patterns, or that one matches as a regular expression. */
export function matchesPattern(
  patterns: readonly string[] | undefined,
  ...values: readonly string[]
): boolean {
  if (patterns === undefined || patterns.length === 0) return true;
  return patterns.some((pattern) => {
    let expression: RegExp | undefined;
    try {
      expression = new RegExp(pattern);
    } catch {
      expression = undefined;
    }
    return values.some((value) => value === pattern || expression?.test(value));
  });
}

/** Docker's boolean filters (`dangling=true`): one of true, 1, t, false, 0, f; anything else is invalid. */
export function booleanFilter(filters: Filters, name: string, absent: boolean): boolean {
  const values = filters.get(name);
  if (values === undefined || values.length === 0) return absent;
  const decided = values.map((value) => {
    if (/^(1|t|true)$/i.test(value)) return true;
    if (/^(0|f|false)$/i.test(value)) return false;
    throw new DaemonError('invalid', `invalid filter '${name}=[${value}]'`);
  });
  if (new Set(decided).size > 1)
    throw new DaemonError('invalid', `invalid filter '${name}=[${values.join(' ')}]'`);
  return decided[0]!;
}
