/**
 * Go's durations (`1m30s`) in nanoseconds, read and written.
 *
 * In: text or nanoseconds. Out: the other. May import: text.
 */
import { quote, SyntaxProblem } from './text.js';

const unitNanoseconds: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** time.ParseDuration; throws SyntaxProblem with Go's text. */
export function parseDuration(text: string): number {
  const [, sign, rest] = /^([-+]?)(.*)$/s.exec(text)!;
  if (rest === '0') return 0;
  if (rest === '') throw new SyntaxProblem(`time: invalid duration ${quote(text)}`);
  let total = 0;
  let at = 0;
  while (at < rest!.length) {
    const part = /^(\d*)(?:\.(\d*))?/.exec(rest!.slice(at))!;
    if ((part[1] ?? '') === '' && (part[2] ?? '') === '')
      throw new SyntaxProblem(`time: invalid duration ${quote(text)}`);
    at += part[0].length;
    const unit = /^[^\d.]*/.exec(rest!.slice(at))![0];
    if (unit === '') throw new SyntaxProblem(`time: missing unit in duration ${quote(text)}`);
    const nanoseconds = unitNanoseconds[unit];
    if (nanoseconds === undefined)
      throw new SyntaxProblem(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    at += unit.length;
    total += Math.trunc(Number(`${part[1] || '0'}.${part[2] || '0'}`) * nanoseconds);
  }
  if (total > Number.MAX_SAFE_INTEGER) throw new SyntaxProblem(`time: invalid duration ${quote(text)}`);
  return sign === '-' ? -total : total;
}

/** Duration.String of Go: `1m30s`, `500ms`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const hours = Math.floor(nanoseconds / 3600e9);
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9);
  const seconds = (nanoseconds % 60e9) / 1e9;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
