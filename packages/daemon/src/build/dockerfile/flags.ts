/**
 * `--name=value` flags of an instruction, with Docker's texts for wrong ones.
 *
 * In: words, the flags an instruction knows. Out: values; throws SyntaxProblem. May import: text.
 */
import { SyntaxProblem } from './text.js';

export type FlagKind = 'boolean' | 'string' | 'list';

export interface Flags {
  string(name: string): string;
  boolean(name: string): boolean;
  list(name: string): readonly string[];
  used(name: string): boolean;
}

export function parseFlags(words: readonly string[], known: Readonly<Record<string, FlagKind>>): Flags {
  const values = new Map<string, string[]>();
  for (const word of words) {
    if (!word.startsWith('--')) throw new SyntaxProblem(`Arg should start with -- : ${word}`);
    const equals = word.indexOf('=');
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const value = equals < 0 ? undefined : word.slice(equals + 1);
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) throw new SyntaxProblem(`Unknown flag: ${name}`);
    const before = values.get(name);
    if (before && kind !== 'list') throw new SyntaxProblem(`Duplicate flag specified: ${name}`);
    if (kind === 'boolean') {
      if (value === '') throw new SyntaxProblem(`Missing a value on flag: ${name}`);
      const lower = (value ?? 'true').toLowerCase();
      if (lower !== 'true' && lower !== 'false')
        throw new SyntaxProblem(`Expecting boolean value for flag ${name}, not: ${value}`);
      values.set(name, [lower]);
    } else {
      if (value === undefined) throw new SyntaxProblem(`Missing a value on flag: ${name}`);
      values.set(name, [...(before ?? []), value]);
    }
  }
  return {
    string: (name) => values.get(name)?.[0] ?? '',
    boolean: (name) => values.get(name)?.[0] === 'true',
    list: (name) => values.get(name) ?? [],
    used: (name) => values.has(name),
  };
}
