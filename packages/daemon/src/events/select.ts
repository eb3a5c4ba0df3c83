/**
 * Which events a client of `GET /events` asked for.
 *
 * In: filters, times. Out: predicates. May import: types, errors.
 */
import { DaemonError } from '../errors.js';
import type { DaemonEvent } from './types.js';

type Wanted = ReadonlyMap<string, readonly string[]>;

/** Filters by name of an object: prefix of its ID or name (moby/daemon/events/filter.go, fuzzyMatchName). */
const objectFilters = [
  'container',
  'volume',
  'network',
  'plugin',
  'node',
  'service',
  'secret',
  'config',
] as const;

/** Actions whose text continues behind a colon: `exec_start: sh`. */
const prefixActions: ReadonlySet<string> = new Set(['health_status', 'exec_create', 'exec_start']);

const isExact = (wanted: readonly string[] | undefined, value: string): boolean =>
  wanted === undefined || wanted.length === 0 || wanted.includes(value);

const isPrefix = (wanted: readonly string[] | undefined, ...values: (string | undefined)[]): boolean =>
  wanted === undefined ||
  wanted.length === 0 ||
  wanted.some((prefix) => values.some((value) => value?.startsWith(prefix)));

/** `repo:tag` → `repo`; a digest or a port is no tag. */
const withoutTag = (reference: string): string => reference.replace(/(@[^@]*|:[^:/]*)$/, '');

function matchesImage(wanted: readonly string[] | undefined, event: DaemonEvent): boolean {
  const { ID, Attributes } = event.Actor;
  const name = Attributes[event.Type === 'image' ? 'name' : 'image'] ?? '';
  return [ID, name, withoutTag(ID), withoutTag(name)].some((value) => isExact(wanted, value));
}

const matchesLabels = (wanted: readonly string[] | undefined, attributes: Record<string, string>): boolean =>
  (wanted ?? []).every((filter) => {
    const at = filter.indexOf('=');
    return at < 0
      ? Object.hasOwn(attributes, filter)
      : attributes[filter.slice(0, at)] === filter.slice(at + 1);
  });

/** dockerd's rules, unknown filters included: they select nothing less. */
export function selectEvents(wanted: Wanted): (event: DaemonEvent) => boolean {
  const actions = wanted.get('event');
  const byPrefix = actions?.some((action) => prefixActions.has(action)) ?? false;
  return (event) =>
    (byPrefix ? isPrefix(actions, event.Action) : isExact(actions, event.Action)) &&
    isExact(wanted.get('type'), event.Type) &&
    isExact(wanted.get('scope'), event.scope) &&
    isPrefix(wanted.get('daemon'), event.Actor.ID, event.Actor.Attributes.name) &&
    objectFilters.every((name) => isPrefix(wanted.get(name), event.Actor.ID, event.Actor.Attributes.name)) &&
    matchesImage(wanted.get('image'), event) &&
    matchesLabels(wanted.get('label'), event.Actor.Attributes);
}

const unitNs: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** A time as the API takes it: Unix seconds with a fraction, RFC 3339, or a duration before `nowNs` (Go's `1h30m`). */
export function parseTimestamp(text: string, nowNs: bigint): bigint {
  const invalid = (): DaemonError =>
    new DaemonError('invalid', `failed to parse value as time or duration: ${JSON.stringify(text)}`);
  const unix = /^(\d{1,11})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (unix !== null) return BigInt(unix[1]!) * 1_000_000_000n + BigInt((unix[2] ?? '').padEnd(9, '0'));
  if (/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) {
    let duration = 0n;
    for (const match of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
      duration += (BigInt(Math.round(Number(match[1]) * 1e6)) * (unitNs[match[2]!]! / 1n)) / 1_000_000n;
    return nowNs - duration;
  }
  const rfc = /^(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?)(?:\.(\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})?$/.exec(
    text,
  );
  if (rfc === null) throw invalid();
  const day = rfc[1]!.includes('T') ? rfc[1]! : `${rfc[1]!}T00:00:00`;
  const milliseconds = Date.parse(`${day}${rfc[3] ?? 'Z'}`);
  if (Number.isNaN(milliseconds)) throw invalid();
  return BigInt(milliseconds) * 1_000_000n + BigInt((rfc[2] ?? '').padEnd(9, '0'));
}
