/**
 * One header field: checked, and as the line that is sent.
 *
 * In: a name and a value of the application. Out: normalised text or a TypeError. Imports nothing.
 * A response's headers are nearly always those of the one before: for each name the last value and its line are
 * kept, so that checking costs one comparison.
 */

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Bytes that end a line or a string, and what is not a byte (Fetch §2.2.2). */
const forbidden = /[\0\r\n]|[^\0-\xff]/;

interface Known {
  /** The name in lower case. */
  name: string;
  value: string;
  /** `name: value\r\n`. */
  line: string;
  special: boolean;
}

let known: Record<string, Known | undefined> = Object.create(null);
let knownCount = 0;
/** Names come from code, hardly ever from outside; this bounds the table when they do. */
const maximumKnown = 256;

/** Written by libos, which knows the body and the connection. */
export function isSpecial(name: string): boolean {
  switch (name) {
    case 'connection':
    case 'content-length':
    case 'date':
    case 'keep-alive':
    case 'transfer-encoding':
    case 'upgrade':
      return true;
    default:
      return false;
  }
}

function learn(given: string): Known {
  const text = String(given);
  if (!token.test(text)) throw new TypeError(`"${text}" is not a header name`);
  if (++knownCount > maximumKnown) {
    known = Object.create(null);
    knownCount = 1;
  }
  const name = text.toLowerCase();
  const entry = { name, value: '', line: `${name}: \r\n`, special: isSpecial(name) };
  known[text] = entry;
  return entry;
}

/** The name in lower case. @throws TypeError */
export function normaliseName(name: string): string {
  return (known[name] ?? learn(name)).name;
}

/** The value without surrounding white space. @throws TypeError */
export function normaliseValue(name: string, value: string): string {
  return headerLine(name, value).value;
}

/** The checked field. The result is shared: use it before the next call. @throws TypeError */
export function headerLine(name: string, value: string): Readonly<Known> {
  const entry = known[name] ?? learn(name);
  if (entry.value === value) return entry;
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (forbidden.test(text))
    throw new TypeError(`the value of header ${entry.name} holds a character that cannot be sent`);
  entry.value = text;
  entry.line = `${entry.name}: ${text}\r\n`;
  return entry;
}
