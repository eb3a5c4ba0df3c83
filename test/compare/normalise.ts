/**
 * Takes out of a text what differs between any two runs: IDs, times, addresses, places.
 *
 * In: what a command wrote. Out: lines to compare. May import: nothing.
 */

const replacements: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\b[0-9a-f]{12}\b/g, '<short id>'],
  [/\b[0-9a-f]{40}\b/g, '<id>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d))?( UTC)?/g, '<time>'],
  [/\b(About )?(a|an|\d+) (second|minute|hour|day|week|month)s?\b( ago)?/g, '<duration>'],
  [/Less than <duration>|Less than a second( ago)?/g, '<duration>'],
  [/\b02:42(:[0-9a-f]{2}){4}\b|\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g, '<mac>'],
  [/\b10\.21[34]\.0\.(\d+)\b/g, '<bridge>.$1'],
  [/\b(172\.(1[6-9]|2\d|3[01])|192\.168)\.\d+\.(\d+)/g, '<net>.$3'],
  [/\b[a-z]+_[a-z]+\d?\b(?= *$)/gm, '<name>'],
  [/\bnooscmp[01]\b/g, '<link>'],
  [/ qlen \d+/g, ''],
  // Number and peer of an interface: of the host, not of the engine.
  [/^\d+: eth0(@if\d+)?:/gm, '<number>: eth0:'],
];

/** Lines of a text; runs of spaces are one, as widths of columns follow from the content. */
export function normaliseText(text: string, directory: string): string[] {
  let result = text.replaceAll(directory, '<root>').replaceAll('\r', '');
  for (const [pattern, replacement] of replacements) result = result.replace(pattern, replacement);
  return (
    result
      .split('\n')
      .map((line) => line.replace(/[ \t]+/g, ' ').trimEnd())
      // The command line's own race: it gives up waiting for a container that was not made.
      .filter((line) => line !== '' && !line.includes('error waiting for container: context canceled'))
  );
}

/** A JSON document as lines `path = value`; what is a number that varies is only shown to be there. */
export function flatten(value: unknown, path = ''): string[] {
  if (Array.isArray(value))
    return value.length === 0
      ? [`${path} = []`]
      : value.flatMap((one, index) => flatten(one, `${path}[${index}]`));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return entries.length === 0
      ? [`${path} = {}`]
      : entries.flatMap(([name, one]) => flatten(one, path === '' ? name : `${path}.${name}`));
  }
  if (
    /(Pid|Size|SizeRw|Port|NFd|NGoroutines|timeNano|time|MemTotal|VirtualSize)$/.test(path) &&
    typeof value === 'number'
  )
    return [`${path} = <number>`];
  return [`${path} = ${JSON.stringify(value)}`];
}

/** Lines of `a` that `b` has not, and the other way round, counted. */
export function difference(
  a: readonly string[],
  b: readonly string[],
): { missing: string[]; extra: string[] } {
  const counts = new Map<string, number>();
  for (const line of b) counts.set(line, (counts.get(line) ?? 0) + 1);
  const missing = a.filter((line) => {
    const left = counts.get(line) ?? 0;
    counts.set(line, left - 1);
    return left <= 0;
  });
  const extra = [...counts].flatMap(([line, left]) => Array.from({ length: Math.max(left, 0) }, () => line));
  return { missing, extra };
}
