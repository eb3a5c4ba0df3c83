/**
 * `console` (Console Standard, Node's text).
 *
 * In: values. Out: lines on the platform's console, 1 for output and 2 for errors. Imports core, console.
 */
import { host } from '../core/host.js';
import { format } from './format.js';

import { inspect } from './inspect.js';
import { table } from './table.js';

const { consoleWrite, monotonicMs } = host;
const counts = new Map<string, number>();
const timers = new Map<string, number>();
let indent = '';

function write(stream: 1 | 2, values: unknown[]): void {
  const text =
    values.length === 1 && typeof values[0] === 'string' && indent === ''
      ? values[0]
      : indented(format(values));
  consoleWrite(stream, `${text}\n`);
}

function indented(text: string): string {
  return indent === '' ? text : indent + text.replaceAll('\n', `\n${indent}`);
}

function elapsed(label: string): string | undefined {
  const start = timers.get(label);
  if (start !== undefined) return `${label}: ${(monotonicMs() - start).toFixed(3)}ms`;
  write(2, [`Warning: No such label '${label}' for console.time()`]);
  return undefined;
}

function log(...values: unknown[]): void {
  write(1, values);
}

function error(...values: unknown[]): void {
  write(2, values);
}

function group(...values: unknown[]): void {
  if (values.length > 0) write(1, values);
  indent += '  ';
}

export const console = {
  log,
  info: log,
  debug: log,
  error,
  warn: error,
  trace(...values: unknown[]): void {
    const at = new Error(format(values));
    at.name = 'Trace';
    write(2, [inspect(at)]);
  },
  assert(condition?: unknown, ...values: unknown[]): void {
    if (condition) return;
    if (typeof values[0] === 'string') values[0] = `Assertion failed: ${values[0]}`;
    else values.unshift('Assertion failed');
    write(2, values);
  },
  dir(value: unknown): void {
    write(1, [inspect(value)]);
  },
  table(value: unknown): void {
    write(1, [table(value) ?? value]);
  },
  group,
  groupCollapsed: group,
  groupEnd(): void {
    indent = indent.slice(2);
  },
  count(label = 'default'): void {
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    write(1, [`${label}: ${count}`]);
  },
  countReset(label = 'default'): void {
    counts.delete(label);
  },
  time(label = 'default'): void {
    timers.set(label, monotonicMs());
  },
  timeLog(label = 'default', ...values: unknown[]): void {
    const text = elapsed(label);
    if (text !== undefined) write(1, [text, ...values]);
  },
  timeEnd(label = 'default'): void {
    const text = elapsed(label);
    timers.delete(label);
    if (text !== undefined) write(1, [text]);
  },
};
