/**
 * A console call's values as one text (Console Standard §2.2, Node's `util.format`).
 *
 * In: values. Out: text. Imports console/inspect.
 */
import { inspect } from './inspect.js';

function plain(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value);
}

function asString(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' || typeof value !== 'object' || value === null)
    return Object.is(value, -0) ? '-0' : String(value);
  const own = (value as object).toString;
  if (
    value instanceof Error ||
    (typeof own === 'function' && own !== Object.prototype.toString && !Array.isArray(value))
  )
    return String(value);
  return inspect(value, 0);
}

function asNumber(value: unknown, convert: (text: string) => number): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'symbol' || typeof value === 'object')
    return typeof value === 'object' && value !== null ? String(convert(String(value))) : 'NaN';
  return String(convert(String(value)));
}

function substitute(directive: string, value: unknown): string | undefined {
  switch (directive) {
    case 's':
      return asString(value);
    case 'd':
      return typeof value === 'object' && value !== null ? 'NaN' : asNumber(value, Number);
    case 'i':
      return typeof value === 'object' && value !== null ? 'NaN' : asNumber(value, Number.parseInt);
    case 'f':
      return typeof value === 'symbol' ? 'NaN' : String(Number.parseFloat(String(value)));
    case 'j':
      return JSON.stringify(value) ?? 'undefined';
    case 'o':
      return inspect(value, 4);
    case 'O':
      return inspect(value);
    case 'c':
      return '';
    default:
      return undefined;
  }
}

/** Text of a console call; `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, `%c`, `%%` as in Node. */
export function format(values: readonly unknown[]): string {
  const [first] = values;
  if (values.length === 0) return '';
  if (typeof first !== 'string' || values.length === 1) return values.map(plain).join(' ');
  let next = 1;
  const head = first.replace(/%([sdifjoOc%])/g, (whole, directive: string) => {
    if (directive === '%') return '%';
    if (next >= values.length) return whole;
    return substitute(directive, values[next++]) ?? whole;
  });
  return [head, ...values.slice(next).map(plain)].join(' ');
}
