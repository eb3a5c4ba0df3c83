/**
 * WWW-Authenticate: the challenges a registry sends (RFC 9110 §11.6.1, quoted strings and tokens).
 *
 * In: header values. Out: scheme and parameters. May import: nothing.
 */

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Larger headers are no challenge of a registry. */
const limitCharacters = 8192;

/** RFC 9110 §5.6.2. */
const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const separator = /[ \t,]*/y;
const equals = /[ \t]*=[ \t]*/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;

/** Every challenge of the header, in order; what cannot be parsed ends the list. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const values = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  return values.flatMap((value) => (value.length > limitCharacters ? [] : parseValue(value)));
}

function parseValue(value: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(value);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(separator);
    const name = take(token)?.[0];
    if (name === undefined) return challenges;
    const current = challenges.at(-1);
    if (take(equals) === null) {
      challenges.push({ scheme: name.toLowerCase(), parameters: Object.create(null) });
      continue;
    }
    const string = take(quoted);
    const content = string === null ? take(token)?.[0] : string[1]!.replace(/\\(.)/g, '$1');
    if (content === undefined || current === undefined) return challenges;
    current.parameters[name.toLowerCase()] = content;
  }
}
